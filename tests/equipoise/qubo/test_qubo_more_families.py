"""Quadratic assignment, knapsack and portfolio: the QUBO says what the problem says, for every state."""

import itertools

import dimod
import numpy as np
import pytest

from equipoise.qubo import EquipoiseSampler, solve, solve_constrained
from equipoise.qubo.generators import GENERATORS, Knapsack, Portfolio, QuadraticAssignment, generate, qap
from hw_profiles.errors import InputError

SMALL = {"qap": {"facilities": 3}, "knapsack": {"items": 5, "largest": 20}, "portfolio": {"assets": 9, "chosen": 3}}


def states(n):
    return np.array(list(itertools.product((0, 1), repeat=n)), np.uint8)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("seed", range(3))
def test_the_best_state_is_feasible_and_worth_its_cost(name, seed):
    instance = generate(name, seed=seed, **SMALL[name])
    problem = instance.problem
    every = states(problem.num_variables)
    costs = np.array([problem.cost(x) for x in every], float)
    best = every[costs.argmin()]
    sign = -1 if name == "knapsack" else 1
    values = [sign * instance.value(x) for x in every if instance.feasible(x)]
    assert instance.feasible(best)
    assert costs.min() == pytest.approx(min(values))
    assert sign * instance.value(best) == pytest.approx(costs.min())


def test_every_assignment_costs_its_flow_times_distance():
    rng = np.random.default_rng(1)
    flow, distance = rng.integers(0, 9, (4, 4)), rng.integers(0, 9, (4, 4))  # not symmetric, diagonals and all
    instance = QuadraticAssignment(flow, distance)
    for places in itertools.permutations(range(4)):
        x = np.zeros((4, 4), np.uint8)
        x[range(4), places] = 1
        true = sum(flow[i, j] * distance[places[i], places[j]] for i in range(4) for j in range(4))
        assert instance.problem.cost(x.ravel()) == instance.value(x.ravel()) == true
        assert instance.decode(x.ravel()) == list(places)


def test_a_qap_of_seven_is_solved_by_exchanges():
    instance = qap(7, seed=0)
    best = min(int((instance.flow * instance.distance[np.ix_(p, p)]).sum()) for p in itertools.permutations(range(7)))
    solution = solve(instance, method="auto", steps=30_000)
    assert (solution.scheme, solution.best_cost) == ("exchange", best)


def test_a_portfolio_by_its_constraint():
    instance = generate("portfolio", assets=12, chosen=4, seed=2)
    best = min(instance.value(x) for x in states(12) if x.sum() == 4)
    solution = solve_constrained(instance.model(), "cpu", steps=20_000)
    assert solution.feasible
    assert solution.objective == pytest.approx(best)


def test_sample_cqm_is_dimods_own():
    x, y, z = dimod.Binaries("xyz")
    cqm = dimod.ConstrainedQuadraticModel()
    cqm.set_objective(-x - 2 * y - 3 * z + 2 * x * z)
    cqm.add_constraint(x + y + z == 2, label="two")
    found = EquipoiseSampler("loihi2-sim").sample_cqm(cqm, num_reads=3, num_steps=8000, rounds=4, seed=1)
    assert len(found) == 12
    best = found.filter(lambda d: d.is_feasible).first
    assert dict(best.sample) == {"x": 0, "y": 1, "z": 1}
    assert best.energy == -5
    assert cqm.check_feasible(best.sample)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Knapsack([1, 2], [1], 3), "as many values as weights"),
        (lambda: Knapsack([1], [0], 3), "weights and a capacity of one"),
        (lambda: Portfolio(np.eye(3), [1, 2, 3], 4), "1 to 3 assets"),
        (lambda: Portfolio(np.ones((2, 3)), [1, 2], 1), "symmetric"),
        (lambda: QuadraticAssignment(np.eye(3), np.eye(4)), "two square matrices"),
        (lambda: qap(2, 0), "at least 3"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_all_are_listed():
    assert {"qap", "knapsack", "portfolio"} <= set(GENERATORS)
