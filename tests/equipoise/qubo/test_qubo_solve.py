"""``solve``: limits, determinism, stops, records; ground states are in test_qubo_ground_states.py."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from equipoise.qubo import Problem, solve
from equipoise.qubo.generators import mis
from equipoise.qubo.solving import default_steps, read_seeds
from hw_profiles.errors import InputError, TargetUnavailableError
from hw_profiles.record import Record


def enumerate_best(problem: Problem) -> int:
    """The lowest cost of all 2^n states, from the dense matrix."""
    n = problem.num_variables
    q = problem.to_dense()
    states = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.int32)
    return int(((states @ q.astype(np.int32)) * states).sum(1).min()) + int(problem.offset)


def random_problem(seed: int) -> Problem:
    """2 to 18 variables, sparse to dense, MIS-like to mixed signs; even pairs, so that every format can hold it."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 19 if seed % 20 == 0 else 13))
    low, high = [(-50, 51), (0, 20), (-1, 2), (-9, 10)][seed % 4]
    q = np.triu(2 * rng.integers(low, high, (n, n)), 1) * (rng.random((n, n)) < rng.uniform(0.1, 1))
    return Problem.of(q + np.diag(rng.integers(-20, 10, n)))


def test_the_analog_annealer_finds_ground_states_too() -> None:
    for seed in range(12):
        problem = random_problem(seed)
        best = enumerate_best(problem)
        assert solve(problem, "analog", steps=3000, reads=8, seed=seed, target_cost=best).best_cost == best


@pytest.mark.parametrize("target", ["loihi2-sim", "analog"])
def test_the_same_seed_gives_the_same_bytes_whatever_the_threads(target: str) -> None:
    problem = mis(60, 0.1, 0).problem
    one, two = (solve(problem, target, steps=400, reads=5, seed=3, threads=k) for k in (1, 2))
    np.testing.assert_array_equal(one.states, two.states)
    assert one.costs == two.costs
    other = solve(problem, target, steps=400, reads=5, seed=4)
    assert (other.states != one.states).any()
    assert read_seeds(3, 5)[:2] == read_seeds(3, 2)


@pytest.mark.parametrize("target", ["loihi2-sim", "analog"])
def test_limits(target: str) -> None:
    problem = mis(30, 0.1, 0).problem
    nothing = solve(problem, target, steps=0)
    assert (nothing.best_cost, nothing.steps.tolist()) == (0, [0])
    cold = solve(problem, target, steps=300, temperature=(0, 0))  # greedy, from all zeros
    assert cold.best_cost < 0
    zeros = solve(np.diag([1, 2, 3]), target, steps=50)
    assert (zeros.best_cost, zeros.bits) == (0, "000")
    flat = solve(np.zeros((3, 3)), target, steps=50)
    assert flat.best_cost == 0
    huge = solve(Problem.build([-1, 2], [0], [1], [3], offset=10**25), target, steps=200)
    assert huge.best_cost == 10**25 - 1
    never = solve(problem, target, steps=50, target_cost=-1e9)
    assert never.target_reached is False
    short = solve(problem, target, timeout=1e-9)
    assert short.best_cost <= 0
    single = solve([[-3]], target, steps=20)
    assert (single.best_cost, single.bits) == (-3, "1")


def test_wide_coefficients_are_rounded_for_the_chip_and_exact_for_the_user() -> None:
    rng = np.random.default_rng(0)
    q = np.triu(rng.integers(-(2**40), 2**40, (10, 10)))
    problem = Problem.of(q)
    found = solve(problem, "loihi2-sim", steps=3000, reads=5)
    best = min(problem.cost(x) for x in itertools.product((0, 1), repeat=10))
    assert not found.quantisation["exact"]
    assert found.best_cost == problem.cost(found.x)
    assert found.best_cost <= best + 2 * found.quantisation["max_error"]


def test_a_target_stops_early() -> None:
    problem = mis(100, 0.05, 0).problem
    found = solve(problem, "loihi2-sim", steps=50_000, target_cost=-20)
    assert found.target_reached
    assert found.steps[0] < 50_000


def test_a_stop_request_keeps_what_was_done(tmp_path: Path) -> None:
    problem = mis(100, 0.05, 0).problem
    asked = iter([False, False, True])
    found = solve(
        problem, "loihi2-sim", steps=20_000, reads=50, out=tmp_path / "r.h5", should_stop=lambda: next(asked, True)
    )
    assert found.status == "interrupted"
    assert 1 <= found.reads < 50
    record = Record.open(tmp_path / "r.h5")
    assert record.status == "interrupted"
    assert record.results["solution"] == found.bits


def test_the_record_holds_the_run(tmp_path: Path) -> None:
    problem = mis(40, 0.1, 0).problem
    found = solve(problem, "loihi2-sim", steps=500, reads=2, seed=9, out=tmp_path / "r.h5")
    record = Record.open(tmp_path / "r.h5")
    assert (record.kind, record.status) == ("qubo", "complete")
    assert record.seeds == {"seed": 9}
    assert record.target == found.target.as_dict()
    assert record.results["best_cost"] == found.best_cost
    assert record.ledger.totals() == found.ledger.totals()
    assert [row["cost"] for row in record.tables["reads"]] == list(found.costs)
    trace = [row for row in record.tables["improvements"] if row["read"] == 0]
    assert trace[-1]["cost"] == found.costs[0]
    assert [r["cost"] for r in trace] == sorted((r["cost"] for r in trace), reverse=True)


def test_refusals_come_before_any_work(tmp_path: Path) -> None:
    out = tmp_path / "r.h5"
    for arguments, text in (
        ({"steps": 10, "timeout": 1.0}, "not both"),
        ({"target": "quantum"}, "no target"),
        ({"target": "ideal"}, "cannot anneal a QUBO"),
        ({"profile": "abacus"}, "profile"),
        ({"target_cost": float("nan")}, "finite"),
        ({"threads": 0}, "threads"),
    ):
        with pytest.raises(InputError, match=text):
            solve(np.eye(2), **{"target": "loihi2-sim", "out": out, **arguments})
        assert not out.exists()
    with pytest.raises(InputError, match="zero variables"):
        solve(np.zeros((0, 0)), "loihi2-sim")
    with pytest.raises(TargetUnavailableError):
        solve(np.eye(2), "loihi2")
    out.write_text("mine")
    with pytest.raises(InputError, match="nothing is overwritten"):
        solve(np.eye(2), "loihi2-sim", out=out)
    assert out.read_text() == "mine"


def test_default_steps_follow_the_size() -> None:
    assert [default_steps(n) for n in (1, 1000, 10_000, 10**6)] == [50_000, 50_000, 10_000, 1000]


def test_many_steps_are_several_anneals_of_equal_length():
    problem = Problem.of(np.triu(np.random.default_rng(0).integers(-9, 10, (20, 20))))
    one = solve(problem, "loihi2-sim", steps=500)
    three = solve(problem, "loihi2-sim", steps=1201)
    assert one.schedule.startswith("Linear")
    assert "shortest=401, growth=1, length=1201" in three.schedule
    assert three.steps.tolist() == [1201]
    assert three.best_cost <= one.best_cost
