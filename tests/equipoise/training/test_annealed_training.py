"""Training through annealers: both machines and the reference find the same low states, and learn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from equipoise.training.annealed import SAMPLERS, AnnealedConfig, train_annealed
from hw_profiles.errors import InputError


@pytest.mark.parametrize("target", list(SAMPLERS))
def test_anneals_end_in_the_enumerated_ground_state(target: str) -> None:
    rng = np.random.default_rng(0)
    n = 8
    mask = ~np.eye(n, dtype=bool)
    sampler = SAMPLERS[target](mask, 1, {})
    states = np.array(list(itertools.product((-1.0, 1.0), repeat=n)))
    for _ in range(5):
        j = np.triu(np.rint(rng.normal(size=(n, n)) * 20) / 63, 1)
        j += j.T
        f = np.rint(rng.normal(size=n) * 20) / 63
        sampler.program(j)
        found, energies = sampler.sample(f, 10, 200, 1.0, 0.02)
        every = -states @ f - np.einsum("si,ij,sj->s", states, j, states) / 2
        assert energies.min() == pytest.approx(every.min(), abs=1e-9)
        assert set(np.unique(found)) <= {-1.0, 1.0}
    assert sampler.ledger.totals()


@pytest.mark.parametrize("target", ["loihi2-sim", "p-bits"])
def test_learns_and_repeats_to_the_bit(target: str) -> None:
    rng = np.random.default_rng(1)
    prototypes = rng.random((3, 16)) > 0.5
    y = np.arange(90) % 3
    x = np.where(rng.random((90, 16)) < 0.1, ~prototypes[y], prototypes[y]).astype(float)
    config = AnnealedConfig(target=target, hidden=12, copies=2, epochs=4, averaging=0.05)
    found = train_annealed(config, (x[:60], y[:60]), (x[60:], y[60:]))
    assert found["accuracy"] > 0.85
    again = train_annealed(config, (x[:60], y[:60]), (x[60:], y[60:]))
    assert all(np.array_equal(a, b) for a, b in zip(found["parameters"], again["parameters"]))


def test_bad_settings() -> None:
    with pytest.raises(InputError, match="loihi2-sim"):
        AnnealedConfig(target="quantum")
    with pytest.raises(InputError, match="averaging"):
        AnnealedConfig(averaging=0.0)
    with pytest.raises(InputError, match="one label per input"):
        train_annealed(AnnealedConfig(), (np.ones((2, 3)), np.zeros(1, np.int64)), (np.ones((2, 3)), np.zeros(2)))
