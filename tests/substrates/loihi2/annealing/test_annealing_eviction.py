"""Evicting neurons: kernel, specification and program agree; every reported set is independent; optima are found."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from equipoise import Problem, solve
from hw_profiles.errors import InputError
from substrates.loihi2.annealing import Linear, Loihi2Annealer, Settings
from substrates.loihi2.annealing.eviction_state import EvictionRead
from substrates.loihi2.annealing.program import INTEGRATOR, VARIABLES, annealing_program, time_steps
from substrates.loihi2.annealing.specification import ReferenceAnnealer
from substrates.loihi2.engine import Engine
from substrates.loihi2.engine.counts import count
from substrates.loihi2.neurons.cost_integrator import join_cost

Matrix = np.ndarray
NEVER = -(2**62)


def packing(seed: int, n: int, density: float, heaviest: int) -> Matrix:
    """Q of a random independent set problem: penalties of two to four times what is needed."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, heaviest + 1, n)
    pairs = np.triu(rng.random((n, n)) < density, 1)
    q = np.triu(np.maximum(weights[:, None], weights) * rng.integers(1, 3, (n, n)), 1) * pairs
    q = q + q.T
    q[np.diag_indices(n)] = -weights
    return q


def annealer(q: Matrix, **chosen: Any) -> Loihi2Annealer:
    off = csr_matrix(q - np.diag(np.diag(q)))
    return Loihi2Annealer(off.indptr, off.indices, off.data, np.diag(q), Settings("eviction", **chosen))


def read_of(machine: Loihi2Annealer, seed: int, start: Matrix | None = None) -> EvictionRead:
    return EvictionRead(machine.layout, seed, machine.settings, start, machine.settings.exponent or 0)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32), n=st.integers(2, 70), density=st.floats(0, 0.8), heaviest=st.sampled_from([1, 7, 300]),
    exponent=st.integers(-2, 4), switch_bits=st.sampled_from([1, 4, 8, 16]), strict=st.booleans(),
    bits=st.sampled_from([1, 8, 16, 32]), hot=st.integers(0, 400), full=st.booleans(),
)  # fmt: skip
def test_the_kernel_follows_the_specification_step_by_step(
    seed: int, n: int, density: float, heaviest: int, exponent: int, switch_bits: int, strict: bool, bits: int,
    hot: int, full: bool,
) -> None:  # fmt: skip
    q = packing(seed, n, density, heaviest)
    machine = annealer(q, exponent=exponent, switch_bits=switch_bits, strict=strict, random_bits=bits)
    start = np.ones(n, np.uint8) if full else None
    read, reference = read_of(machine, seed, start), ReferenceAnnealer(q, seed, machine.settings, start)
    for heat in np.linspace(hot, 0, 50).astype(np.int32):
        read.advance(np.array([heat]), NEVER)
        reference.step(int(heat))
        np.testing.assert_array_equal(read.x(), reference.x)
        np.testing.assert_array_equal(read.inputs(), reference.u)
        settled = reference.settled()
        assert read.cost == settled @ q @ settled
    best = read.best_state().astype(np.int64)
    np.testing.assert_array_equal(best, reference.best)
    assert best @ q @ best == read.best_cost == -int(-np.diag(q) @ best)  # its set is independent: no penalty in it


def test_pieces_do_not_change_the_trajectory() -> None:
    machine = annealer(packing(3, 60, 0.2, 9), exponent=2)
    whole, pieces = read_of(machine, 1), read_of(machine, 1)
    heat = np.full(101, 12, np.int32)
    whole.advance(heat, NEVER)
    for size in (1, 40, 60):
        pieces.advance(heat[:size], NEVER)
    np.testing.assert_array_equal(whole.x(), pieces.x())
    np.testing.assert_array_equal(whole.improvements(), pieces.improvements())


@pytest.mark.parametrize(("heaviest", "full"), [(1, False), (1, True), (40, False), (700, True)])
def test_the_program_on_the_engine_does_the_same_and_counts_the_same(heaviest: int, full: bool) -> None:
    q = packing(5, 65, 0.15, heaviest)
    machine = annealer(q, exponent=0)
    heats = np.repeat([heaviest, heaviest // 3, 0], 20).astype(np.int32)
    start = np.ones(65, np.uint8) if full else None
    read = read_of(machine, 11, start)
    read.advance(heats, NEVER)
    off = csr_matrix(q - np.diag(np.diag(q)))
    engine = Engine(annealing_program(off, np.diag(q), heats, 11, machine.settings, start))
    steps = time_steps(machine.settings, len(heats))
    run = engine.run(steps)
    found = engine.state(INTEGRATOR)
    assert join_cost(int(found["least_first"][0]), int(found["least_last"][0])) == read.best_cost
    assert int(found["best_step"][0]) == read.best_step
    np.testing.assert_array_equal(engine.state(VARIABLES)["best"], read.best_state())
    assert dict(run.ledger) == dict(count(machine.pattern, None, read.sent(), steps))


def test_the_heaviest_set_is_found() -> None:
    for seed in range(20):
        q = packing(seed, 14, 0.3, 1 + 9 * (seed % 2))
        states = np.array(list(itertools.product([0, 1], repeat=14)))
        optimum = int(((states @ q) * states).sum(axis=1).min())
        assert annealer(q).anneal(steps=2000, seeds=range(4)).costs.min() == optimum


def test_no_two_neighbours_ever_go_on_together() -> None:
    q = packing(8, 120, 0.3, 1)
    read = read_of(annealer(q, exponent=4), 2)
    before = read.x()
    for _ in range(300):
        read.advance(np.array([5], np.int32), NEVER)
        new = (read.x() > before).astype(np.int64)
        assert new @ (q - np.diag(np.diag(q))) @ new == 0
        before = read.x()


def test_it_beats_the_two_phases_at_equal_steps_on_large_sparse_graphs() -> None:
    rng = np.random.default_rng(77)
    edges = np.triu(rng.random((1500, 1500)) < 0.02, 1)
    rows, cols = np.nonzero(edges)
    problem = Problem(
        linear=-np.ones(1500, np.int64), rows=rows, cols=cols, pairs=np.full(len(rows), 2, np.int64), name="mis"
    )
    costs = {s: np.mean(solve(problem, "loihi2-sim", s, steps=8000, reads=3).costs) for s in ("two-phase", "eviction")}
    assert costs["eviction"] < costs["two-phase"]


def test_a_constant_temperature_stays_one() -> None:
    problem = Problem.of({(0, 0): -1, (1, 1): -1, (0, 1): 3})
    solution = solve(problem, "loihi2-sim", "eviction", steps=50, temperature=(0.2, 0.2))
    high, low = re.findall(r"\d+", solution.schedule)[:2]
    assert high == low != "0"
    assert solution.best_cost == -1


@pytest.mark.parametrize(
    "spoilt", [{(0, 0): -1, (1, 1): 1, (0, 1): 3}, {(0, 0): -4, (1, 1): -4, (0, 1): 3}, {(0, 0): -1, (0, 1): -1}]
)
def test_what_is_no_packing_is_refused(spoilt: dict[Any, Any]) -> None:
    with pytest.raises(InputError, match="independent sets and packings"):
        solve(Problem.of(spoilt), "loihi2-sim", "eviction", steps=5)


def test_what_makes_no_sense_is_refused() -> None:
    machine = annealer(packing(1, 10, 0.3, 1), exponent=0)
    with pytest.raises(InputError, match="tempering needs the scheme two-phase or refractory"):
        machine.temper([0], steps=10)
    with pytest.raises(InputError, match="no scheme 'evict'"):
        replace(machine.settings, scheme="evict")
    with pytest.raises(InputError, match="independent sets"):
        annealer(-packing(1, 10, 0.3, 1)).anneal(Linear(1, 1, 1))
