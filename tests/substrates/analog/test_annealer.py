"""The analog annealer: its equilibrium, its limits, its chip, its counts."""

from __future__ import annotations

import itertools
from typing import Any

import networkx as nx
import numpy as np
import pytest

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from substrates.analog import annealer
from substrates.analog._annealer_kernel import descend
from substrates.analog.annealer import READ_EVERY, AnalogAnnealer, Cooling
from substrates.analog.imperfections.parameters import ChipParameters
from substrates.random import stream_key, word_array


def dense(matrix: Any, chip: ChipParameters | None = None, **settings: Any) -> AnalogAnnealer:
    """An annealer of x^T Q x from a small upper triangular matrix."""
    q = np.asarray(matrix, float)
    both = np.triu(q, 1) + np.triu(q, 1).T
    rows, cols = np.nonzero(both)
    indptr = np.searchsorted(rows, np.arange(len(q) + 1))
    return AnalogAnnealer(indptr, cols, both[rows, cols], np.diagonal(q), chip, **settings)


def test_without_noise_one_spin_goes_downhill_to_its_rail() -> None:
    result = dense([[-1.0]]).anneal(Cooling(0, 0, 50), [0])
    assert (result.states.tolist(), result.costs.tolist()) == ([[1]], [-1.0])
    # From rest the membrane rises by STEP per step and passes 1/2 before the first look.
    assert result.best_steps[0] <= READ_EVERY
    assert dense([[1.0]]).anneal(Cooling(0, 0, 50), [0]).states.tolist() == [[0]]


@pytest.mark.parametrize("share", [0.0, 1.0, 2.0])
def test_the_equilibrium_of_one_spin_is_the_boltzmann_density_on_the_box(share: float) -> None:
    """Density exp(-a u / T) on [-h, 1 + h] gives P(u > 1/2) = 1 / (1 + exp(a (1/2 + h) / T)).

    The step is small here: noise cut at a rail piles up one step's spread (0.14) of probability on it. 4000 looks,
    some 30 steps apart in units of the relaxation time, give a standard error of 0.01 or so.
    """
    machine = dense([[share or 1e-9]])
    machine.unit, machine.pace = 1.0, 0.01
    run = annealer.Run(machine, stream_key(1, "test"))
    above = 0
    for _ in range(4000):
        run.advance(np.full(10 * READ_EVERY, 1.0), None)
        above += int(run.x[0])
    assert above / 4000 == pytest.approx(1 / (1 + np.exp(share * (0.5 + annealer.HEADROOM))), abs=0.06)


def reference_step(machine: AnalogAnnealer, v: Any, u: Any, temperature: float, step: int, key: Any) -> tuple[Any, Any]:
    """One step of every spin, in plain NumPy, from the equation in the module's docstring and the noise's own."""
    words = word_array(key, step, np.arange(machine.n))
    digits = sum((words >> np.uint64(s)) & np.uint64(0xFFFF) for s in (0, 16, 32, 48)).astype(float)
    noise = (digits - 131070.0) * np.sqrt(3) / 65536
    field = machine.linear + np.bincount(machine._rows, machine.cells * v[machine.indices], machine.n)
    u = u - machine.pace * machine.gain * (field + machine.offset) / machine.tau / machine.unit
    u = u + np.sqrt(2 * temperature / machine.unit * machine.pace / machine.tau) * noise
    u = np.clip(u, -annealer.HEADROOM, 1 + annealer.HEADROOM)
    return np.clip(u, 0, 1), u


@pytest.mark.parametrize("mismatch", [0.0, 0.1])
def test_the_kernel_skips_no_spin_that_could_move(mismatch: float) -> None:
    q = np.triu(np.random.default_rng(3).integers(-9, 10, (30, 30)))
    kind = ChipParameters(gain_mismatch=mismatch, time_constant_mismatch=mismatch, offset_mismatch=mismatch / 10)
    machine = dense(q, kind)
    key = stream_key(1, "test")
    run = annealer.Run(machine, key)
    v, u = np.zeros(30), np.zeros(30)
    held = 0
    for step, temperature in enumerate(np.linspace(20, 0, 300)):
        v, u = reference_step(machine, v, u, temperature, step, key)
        run.advance(np.array([temperature]), None)
        held += int((run.held != 0).sum())
        np.testing.assert_allclose(run.membrane, u, atol=1e-8)
        run.membrane, run.v = u.copy(), v.copy()  # the two may round differently; start the next step from one state
    assert held > 1000


def test_the_range_and_the_pace_follow_from_the_problem() -> None:
    """Cost units do not matter; a local minimum has no flip that gains."""
    q = np.triu(np.random.default_rng(4).integers(-9, 10, (60, 60)))
    one, other = dense(q), dense(1000.0 * q)
    np.testing.assert_allclose(1000 * np.array(one.temperature_range()), other.temperature_range())
    assert one.pace == pytest.approx(other.pace)
    x, field = np.zeros(60, np.uint8), one.linear.copy()
    cost = descend(x, field, one.indptr, one.indices, one.pairs, 0.0)
    assert cost == x @ q.astype(float) @ x
    assert ((1.0 - 2 * x) * (one.linear + (q + q.T - 2 * np.diag(np.diag(q))) @ x) >= 0).all()
    assert dense([[0.0]]).temperature_range() == (1.0, 1.0)


def test_independent_sets_are_as_large_as_good_solvers_find() -> None:
    """A held-out instance, 250 nodes at 5 %: the best known sets of its five published siblings have 67 to 70."""
    graph = nx.gnm_random_graph(250, 1562, seed=30)
    q = np.triu(8.0 * nx.to_numpy_array(graph, nodelist=range(250))) - np.eye(250)
    machine = dense(q)
    found = machine.anneal(Cooling(*machine.temperature_range(), 20_000), [0, 1, 2])
    assert found.costs.min() <= -67
    assert all(x @ q @ x == -x.sum() for x in found.states.astype(float))


@pytest.mark.parametrize("bounds", ["hard", "soft"])
def test_small_problems_reach_their_ground_state(bounds: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(6):
        q = np.triu(rng.integers(-9, 10, (8, 8)))
        best = min(np.array(x) @ q @ np.array(x) for x in itertools.product((0, 1), repeat=8))
        machine = dense(q, bounds=bounds)
        high, low = machine.temperature_range()
        result = machine.anneal(Cooling(max(high, 5.0), low, 3000), list(range(8)), target_cost=float(best))
        assert result.costs.min() == best
        for state, cost in zip(result.states, result.costs):
            assert state @ q @ state == cost


def test_pieces_threads_and_company_do_not_change_a_read() -> None:
    q = np.triu(np.random.default_rng(1).normal(size=(20, 20)))
    machine = dense(q)
    together = machine.anneal(Cooling(1, 0.1, 2500), [3, 4, 5], threads=2)
    alone = machine.anneal(Cooling(1, 0.1, 2500), [4])
    np.testing.assert_array_equal(together.states[1], alone.states[0])
    assert together.costs[1] == alone.costs[0]


def test_a_chip_is_drawn_once_and_is_different_with_another_seed() -> None:
    q = np.triu(np.random.default_rng(2).normal(size=(12, 12)))
    kind = ChipParameters(gain_mismatch=0.1, offset_mismatch=0.05, time_constant_mismatch=0.1, conductance_mismatch=0.1)
    one, same, other = (dense(q, kind, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.cells, same.cells)
    assert (one.cells != other.cells).any()
    assert one.imperfect
    assert not dense(q).imperfect
    assert dense(q).max_error == 0
    # Forward and backward cells of a pair differ: independent devices.
    index = {(int(r), int(c)): k for k, (r, c) in enumerate(zip(one._rows, one.indices))}
    assert any(one.cells[k] != one.cells[index[c, r]] for (r, c), k in index.items())


def test_counts() -> None:
    q = np.triu(np.ones((5, 5)))
    ledger = dense(q).anneal(Cooling(0.1, 0.1, 100), [0, 1]).ledger.totals()
    assert ledger[Event.MATRIX_VECTOR_PRODUCTS] == 200
    assert ledger[Event.CELL_READS] == 200 * 20
    assert ledger[Event.ADC_CONVERSIONS] == 2 * (100 // READ_EVERY) * 5
    assert ledger[Event.AMPLIFIER_NANOSECONDS] == 5 * ledger[Event.SETTLING_NANOSECONDS]


def test_cooling() -> None:
    assert Cooling(4, 1, 4).temperatures(0, 6).tolist() == [4, 3, 2, 1, 1, 1]
    endless = Cooling(2, 1)
    whole = endless.temperatures(0, 15_000)
    np.testing.assert_array_equal(
        whole, np.concatenate([endless.temperatures(k, 1000) for k in range(0, 15_000, 1000)])
    )
    assert whole[[0, 2000, 6000, 14_000]].tolist() == [2, 2, 2, 2]
    assert whole.min() >= 1


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Cooling(1, 2), "LOW <= HIGH"),
        (lambda: Cooling(1, 0, -1), "negative"),
        (lambda: dense([[1.0]], bounds="elastic"), "no bounds"),
        (lambda: dense(np.zeros((0, 0))), "at least one variable"),
        (lambda: dense([[1.0]]).anneal(Cooling(1, 0), [0]), "no end"),
        (lambda: dense([[1.0]]).anneal(Cooling(1, 0, 5), [0], steps=-1), "negative"),
    ],
)
def test_bad_input(make: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        make()
