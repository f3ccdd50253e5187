"""The target cpu, through `solve` and the command line."""

import json

import numpy as np
import pytest

from equipoise.cli.main import run
from equipoise.qubo import Problem, solve
from equipoise.qubo.generators import mis, tour
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event


@pytest.fixture
def problem():
    return Problem.of(np.random.default_rng(0).integers(-20, 21, (60, 60)))


def test_reads_do_not_depend_on_threads_or_each_other(problem):
    one = solve(problem, method="memetic", steps=2000, reads=4, seed=3)
    two = solve(problem, "cpu", method="memetic", steps=2000, reads=4, seed=3, threads=2)
    fewer = solve(problem, method="memetic", steps=2000, reads=2, seed=3)
    assert (one.states == two.states).all()
    assert (one.states[:2] == fewer.states).all()
    assert one.costs == tuple(problem.cost(x) for x in one.states)
    assert one.steps.tolist() == [2000] * 4


def test_it_says_what_it_found_and_is_the_processors(tmp_path):
    solution = solve(tour(6, seed=1), method="auto", steps=5000, out=tmp_path / "a.h5")
    assert (solution.scheme, solution.quantisation["structure"]) == ("exchange", "an assignment of 6 to 6")
    assert solution.target["resolved"] == "cpu"
    assert solution.profile == "this-machine"
    assert solution.ledger.total(Event.WALL_NANOSECONDS) > 0
    assert solution.ledger.total(Event.SYNAPTIC_OPERATIONS) == 0


def test_a_target_cost_and_a_timeout_end_it(problem):
    best = solve(problem, method="auto", steps=20_000).best_cost
    early = solve(problem, method="auto", steps=10**9, target_cost=best)
    assert early.best_cost <= best
    assert early.target_reached
    assert solve(problem, method="tabu", timeout=0.05).steps[0] > 0


def test_what_makes_no_sense_is_refused(problem):
    with pytest.raises(InputError, match="find their own"):
        solve(problem, "cpu", temperature=(3, 1), steps=10)
    with pytest.raises(InputError, match="loihi2-sim has schemes instead"):
        solve(problem, "loihi2-sim", method="tabu", steps=10)
    with pytest.raises(InputError, match="no method 'tabbu'; did you mean 'tabu'"):
        solve(problem, method="tabbu", steps=10)


def test_on_the_command_line(tmp_path, capsys):
    from equipoise.qubo.formats import write

    file = tmp_path / "mis.qubo"
    write(mis(nodes=30, density=0.2, seed=0).problem, file)
    capsys.readouterr()
    assert run(["qubo", "solve", str(file), "--method", "auto", "--steps", "20000", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["scheme"] == "eviction"
    assert answer["target"]["resolved"] == "cpu"
