"""Every Ising machine: the kit for annealers, its faults, its physics against closed forms, its quality on known
cuts.
"""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equipoise.testing.annealers import check_annealing_substrate, small_problem
from hw_profiles.errors import InputError
from substrates.analog.annealer import Cooling
from substrates.analog.imperfections.parameters import ChipParameters
from substrates.analog.ising import ISING_MACHINES, ising_machine

NAMES = list(ISING_MACHINES)
FAULTY = ChipParameters(
    gain_mismatch=0.03,
    offset_mismatch=0.01,
    conductance_mismatch=0.02,
    levels=128,
    programming_error=0.002,
    dac_bits=10,
)


def make(name: str, q: Any, chip: ChipParameters | None = None, seed: int = 0) -> Any:
    both = np.triu(q, 1) + np.triu(q, 1).T
    rows, cols = np.nonzero(both)
    return ising_machine(name)(
        np.searchsorted(rows, np.arange(len(q) + 1)), cols, both[rows, cols], np.diagonal(q), chip, seed=seed
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("chip", [None, FAULTY], ids=["perfect", "imperfect"])
def test_conforms(name: str, chip: ChipParameters | None) -> None:
    check_annealing_substrate(lambda q: make(name, q, chip), Cooling)


@pytest.mark.parametrize("name", NAMES)
def test_every_fault_acts_or_is_refused(name: str) -> None:
    """A chip parameter that changes no read and no count, and is not refused, is one that is ignored."""
    values: dict[str, Any] = {f.name: 0.2 for f in dataclasses.fields(ChipParameters)}
    values |= {"levels": 3, "adc_bits": 2, "dac_bits": 2, "nudge_bits": 2, "on_off_ratio": 1.5, "open_loop": True}
    values |= {"settling_time_s": 3e-6, "weight_range": 1.0, "rail": 0.7, "time_constant_s": 1e-6,
               "time_constant_mismatch": 0.03}  # fmt: skip
    silent = {"drift_exponent", "drift_spread", "drift_time_s", "dac_range", "nudge_range", "range_headroom",
              "transposed_reads"}  # fmt: skip
    q = small_problem(5, 24)

    def traces(chip: ChipParameters) -> list[bytes]:
        machine = make(name, q, chip)
        found = machine.anneal(Cooling(*machine.temperature_range(), 400), list(range(6)))
        return [*(t.tobytes() for t in found.improvements), repr(found.ledger.totals()).encode()]

    plain = traces(ChipParameters())
    for fault, value in values.items():
        if fault in silent or (fault == "time_constant_s" and "bifurcation" in name):  # counted as a processor's steps
            continue
        chip = replace(ChipParameters(), **{fault: value})
        if fault in ising_machine(name).refused:
            with pytest.raises(InputError, match=fault):
                make(name, q, chip)
        else:
            assert traces(chip) != plain, f"{name} ignores {fault}"
    aged = make(name, q, ChipParameters(drift_exponent=0.2, drift_spread=0.5))
    before = aged.couplings.copy()
    aged.age(1e5)
    assert np.abs(aged.couplings / np.where(before, before, 1.0)).mean() < 0.5, "drift acts on the couplings"


def test_p_bits_sample_boltzmanns_distribution() -> None:
    """At a standing temperature the frequency of every state of four p-bits is exp(-E / T) / Z."""
    q = np.array([[-2, 3, 0, 1], [0, 1, -2, 2], [0, 0, -1, 1], [0, 0, 0, 1]])
    machine = make("p-bits", q)
    temperature, sweeps = 2.0, 40_000
    run = machine._start(np.uint64(123), Cooling(temperature, temperature, sweeps))
    counts = np.zeros(16)
    for _ in range(sweeps):
        run.advance(np.array([temperature]), None)
        counts[int(run.x @ (1 << np.arange(4)))] += 1
    states = (np.arange(16)[:, None] >> np.arange(4)) & 1
    weights = np.exp(-np.einsum("si,ij,sj->s", states, q, states) / temperature)
    assert np.abs(counts / sweeps - weights / weights.sum()).max() < 0.015


def test_the_hopfield_units_noise_is_nearly_boltzmanns() -> None:
    """One unit alone: the probability of being on against 1 / (1 + exp(E / T)), within the normal's 1 %."""
    for field in (-3.0, -1.0, 0.5, 2.0):
        machine = make("memristor-hopfield", np.array([[field]]))
        run = machine._start(np.uint64(9), Cooling(1.5, 1.5, 40_000))
        on = 0
        for _ in range(40_000):
            run.advance(np.array([1.5]), None)
            on += int(run.x[0])
        assert on / 40_000 == pytest.approx(1 / (1 + np.exp(field / 1.5)), abs=0.02)


def test_spins_and_bits_have_the_same_energies() -> None:
    machine = make("p-bits", small_problem(2, 6))
    states = (np.arange(64)[:, None] >> np.arange(6)) & 1
    cost = np.einsum("si,ij,sj->s", states, small_problem(2, 6), states)
    s = 2.0 * states - 1.0
    j = np.zeros((6, 6))
    j[np.repeat(np.arange(6), np.diff(machine.indptr)), machine.indices] = machine.couplings
    energy = s @ machine.fields + np.einsum("si,ij,sj->s", s, j, s) / 2
    assert np.ptp(energy - cost) < 1e-9


def test_a_linear_oscillator_of_the_bifurcation_machine_obeys_its_equation() -> None:
    """One oscillator without field and pump: the symplectic step is its recurrence, to rounding."""
    from substrates.analog.ising.bifurcation import _steps

    dt, n = 0.1, 1
    x, y = np.array([0.5]), np.array([0.0])
    empty = np.zeros(0)
    pointers, none = np.zeros(2, np.int64), np.zeros(0, np.int32)
    path = []
    for step in range(200):
        _steps(
            x, y, np.zeros(n), np.zeros(n), empty, np.ones(n), np.ones(n), 0.0, dt, False, pointers, none, empty,
            np.zeros(1), np.zeros(1), np.uint64(1), step, 10**9, np.zeros(n), np.zeros(n, np.uint8), np.zeros(n),
            np.zeros(2), np.zeros(n, np.uint8), 0.0, np.zeros((4, 2)),
        )  # fmt: skip
        path.append(x[0])
    x = np.array(path)
    assert np.ptp(x) > 0.9, "it swings"
    assert np.abs(x[2:] - (2 - dt * dt) * x[1:-1] + x[:-2]).max() < 1e-13


def test_oscillators_that_do_not_lock_are_refused_with_their_number() -> None:
    with pytest.raises(InputError, match=r"of 8 oscillators of this chip do not lock"):
        make("oscillators", small_problem(1), ChipParameters(time_constant_mismatch=0.5))


@pytest.mark.parametrize("name", NAMES)
def test_a_torus_of_antiferromagnets_is_cut_nearly_whole(name: str) -> None:
    """100 spins in a ring of even length have the ground state -100 in pairs: machines must come within a fifth."""
    n = 100
    q = np.zeros((n, n), np.int64)
    for i in range(n):
        a, b = sorted((i, (i + 1) % n))
        q[a, b] += 4  # s_i s_j costs one in spins
        q[a, a] -= 2
        q[b, b] -= 2
    machine = make(name, q)
    found = machine.anneal(Cooling(*machine.temperature_range(), 4000), [1, 2, 3])
    assert found.costs.min() <= -0.8 * 2 * n
