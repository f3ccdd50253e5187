"""Reads that begin at given states: forms they come in, what becomes of them, what is refused."""

from __future__ import annotations

from typing import Any

import dimod
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise import EquipoiseSampler, InputError, Problem, solve
from equipoise.qubo.starting import starting_states

PROBLEM = Problem.of({("a", "a"): -1, ("b", "b"): -2, ("c", "c"): -1, ("a", "b"): 3, ("b", "c"): 3})
FORMS: dict[str, Any] = {
    "row": [1, 0, 1],
    "matrix": np.array([[1, 0, 1]]),
    "spins": [1, -1, 1],
    "booleans": np.array([True, False, True]),
    "mapping": {"c": 1, "a": 1, "b": 0},
    "mappings": [{"a": 1, "b": 0, "c": 1}],
    "sample set": dimod.SampleSet.from_samples({"c": 1, "b": -1, "a": 1}, "SPIN", energy=0),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_state(form: str) -> None:
    np.testing.assert_array_equal(starting_states(PROBLEM, FORMS[form], 2), [[1, 0, 1]] * 2)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5), st.integers(0, 6), st.data())
def test_fewer_states_are_repeated_in_turn(count: int, more: int, data: Any) -> None:
    rows = np.array(
        data.draw(st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=count, max_size=count))
    )
    found = starting_states(PROBLEM, rows, count + more)
    np.testing.assert_array_equal(found, rows[np.arange(count + more) % count])


@pytest.mark.parametrize("scheme", ["two-phase", "refractory", "nebm", "eviction"])
def test_with_no_steps_the_state_itself_comes_back(scheme: str) -> None:
    solution = solve(PROBLEM, "loihi2-sim", scheme, steps=0, reads=2, initial_states=[[1, 0, 1], [0, 1, 0]])
    assert solution.costs == (-2, -2)
    np.testing.assert_array_equal(solution.states, [[1, 0, 1], [0, 1, 0]])


def test_a_cold_read_only_goes_down_from_where_it_begins() -> None:
    rng = np.random.default_rng(0)
    q = rng.integers(-9, 10, (40, 40))
    problem = Problem.of(q)
    start = rng.integers(0, 2, (6, 40))
    solution = solve(problem, "loihi2-sim", steps=300, reads=6, temperature=(0, 0), initial_states=start, threads=2)
    assert all(cost <= problem.cost(state.astype(np.uint8)) for cost, state in zip(solution.costs, start))
    alone = [
        solve(problem, "loihi2-sim", steps=300, reads=6, temperature=(0, 0), initial_states=start).costs
        for _ in range(2)
    ]
    assert alone[0] == alone[1] == solution.costs


def test_lava_begins_there_too_and_the_record_says_where(tmp_path: Any) -> None:
    pytest.importorskip("lava", reason="lava is not installed")
    here, there = (
        solve(PROBLEM, target, steps=5, reads=2, temperature=(0, 0), initial_states=[1, 0, 1], out=tmp_path / target)
        for target in ("loihi2-sim", "lava-sim")
    )
    assert here.costs == there.costs
    assert here.ledger == there.ledger
    with h5py.File(tmp_path / "lava-sim") as file:
        np.testing.assert_array_equal(file["inputs/initial_states"][()], [[1, 0, 1]] * 2)


def test_oceans_way() -> None:
    sampler = EquipoiseSampler("loihi2-sim")
    bqm = dimod.BQM({"a": -1, "b": 1}, {("a", "b"): 0.5}, 0.0, "SPIN")
    found = sampler.sample(bqm, num_steps=0, initial_states={"a": 1, "b": -1})
    assert found.first.sample == {"a": 1, "b": -1}
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning, match="did you mean 'num_reads'"):
        sampler.sample(bqm, num_read=3, num_steps=1)


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([1, 0], "shape"), ([], "shape"), ([[1, 0, 1]] * 3, "3 initial states for 2 reads"), ([1, 2, 0], "hold 2"),
        ([0, -1, 0], "both 0 and -1"), ("101", "expected numbers"), ({"a": 1, "b": 0}, "no value for 'c'"),
        ({"a": 1, "b": 0, "c": 1, "d": 1}, "unknown variables 'd'"), ([{"a": 1}, {"b": 1}], "different variables"),
        ([[1, 0, 1], [1, 0]], "expected numbers"), (np.array([np.nan, 0, 1]), "hold nan"),
    ],
)  # fmt: skip
def test_what_is_no_state_is_said(states: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        solve(PROBLEM, "loihi2-sim", steps=1, reads=2, initial_states=states)


@pytest.mark.parametrize("target", ["analog", "cpu"])
def test_machines_that_begin_by_themselves_say_so(target: str) -> None:
    with pytest.raises(InputError, match="begins at states of its own"):
        solve(PROBLEM, target, steps=1, initial_states=[1, 0, 1])
