"""The rule for annealers against enumeration: free energies at any temperature, ground states as it falls to zero."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hw_profiles.errors import InputError
from learning_rules.annealed import AnnealedEP

N, OUTPUTS = 5, slice(3, 5)
STATES = np.array(list(itertools.product((-1.0, 1.0), repeat=N)))
TARGET = np.array([1.0, -1.0])


def energies(f: np.ndarray, j: np.ndarray) -> np.ndarray:
    return -STATES @ f - np.einsum("si,ij,sj->s", STATES, j, STATES) / 2


def free_energy(f: np.ndarray, j: np.ndarray, temperature: float) -> float:
    e = energies(f, j)
    low = e.min()
    return float(low - temperature * np.log(np.exp(-(e - low) / temperature).sum()))


def boltzmann(f: np.ndarray, j: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    e = energies(f, j)
    p = np.exp(-(e - e.min()) / temperature)
    p /= p.sum()
    return p @ STATES, np.einsum("s,si,sj->ij", p, STATES, STATES)


def problem(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    j = np.triu(rng.normal(size=(N, N)), 1)
    return rng.normal(size=N) * 0.5, j + j.T


@pytest.mark.parametrize("beta", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_boltzmann_averages_give_the_exact_gradient_at_any_nudge(beta: float, temperature: float) -> None:
    rule = AnnealedEP(nudge=beta, clip=np.inf, average="mean")
    f, j = problem(1)

    def loss(f: np.ndarray, j: np.ndarray) -> float:
        up = rule.nudged(f, OUTPUTS, TARGET)
        return (free_energy(up, j, temperature) - free_energy(f, j, temperature)) / beta

    nudged = rule.nudged(f, OUTPUTS, TARGET)
    df, dj = rule.contrast(boltzmann(f, j, temperature), boltzmann(nudged, j, temperature))
    step = 1e-5
    for i in range(N):
        e = np.eye(N)[i] * step
        assert -df[i] == pytest.approx((loss(f + e, j) - loss(f - e, j)) / (2 * step), abs=1e-7)
    for a, b in itertools.combinations(range(N), 2):
        e = np.zeros((N, N))
        e[a, b] = e[b, a] = step
        assert -dj[a, b] == pytest.approx((loss(f, j + e) - loss(f, j - e)) / (2 * step), abs=1e-7)


def test_as_the_temperature_falls_to_zero_it_is_the_contrast_of_ground_states() -> None:
    rule = AnnealedEP(nudge=2.0, clip=np.inf)
    for seed in range(10):
        f, j = problem(seed)
        nudged = rule.nudged(f, OUTPUTS, TARGET)
        lowest = [rule.moments(STATES, energies(x, j)) for x in (f, nudged)]
        cold = [boltzmann(x, j, 1e-3) for x in (f, nudged)]
        for a, b in zip(rule.contrast(*lowest), rule.contrast(*cold)):
            assert np.abs(a - b).max() < 1e-6


def test_p_bits_at_a_standing_temperature_give_these_averages() -> None:
    from substrates.analog.ising.sampling import IsingSampler

    f, j = problem(3)
    sampler = IsingSampler(~np.eye(N, dtype=bool), largest=float(np.abs(j).max()))
    sampler.program(j)
    states, found = sampler.sample(f, 4000, 100, 2.0, 2.0)
    assert found == pytest.approx(-states @ f - np.einsum("si,ij,sj->s", states, j, states) / 2)
    m, c = AnnealedEP(average="mean").moments(states, found)
    exact, exact_pairs = boltzmann(f, j, 2.0)
    assert np.abs(m - exact).max() < 0.06  # 4000 reads: 0.016 each
    assert np.abs(c - exact_pairs).max() < 0.06


def test_fields_are_clipped_and_bad_settings_refused() -> None:
    rule = AnnealedEP()
    assert rule.nudged(np.array([0.5, 3.0, 0.0]), slice(1, 3), np.array([1.0, -1.0])).tolist() == [0.5, 4.0, -4.0]
    for settings in ({"nudge": 0.0}, {"clip": -1.0}, {"average": "median"}):
        with pytest.raises(InputError):
            AnnealedEP(**settings)
