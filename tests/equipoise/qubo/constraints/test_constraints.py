"""Constrained problems against enumeration, dimod's own energies, HiGHS, and a tour by brute force."""

import itertools

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from equipoise.qubo import Problem
from equipoise.qubo.constraints import ConstrainedProblem, exact_moves, from_cqm, penalised, solve_constrained
from equipoise.qubo.constraints.encoding import bounded_powers
from equipoise.qubo.constraints.penalties import sufficient
from equipoise.qubo.generators import tour
from hw_profiles.errors import InputError


def states(n):
    return np.array(list(itertools.product((0, 1), repeat=n)), np.uint8)


@given(st.integers(0, 3000))
def test_bounded_powers_make_every_number_and_no_other(span):
    reach = {0}
    for weight in bounded_powers(span):
        reach |= {weight + value for value in reach}
    assert reach == set(range(span + 1))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_penalties_have_the_models_best_state(data):
    n = 5
    coefficient = st.integers(-4, 4)
    matrix = np.array(data.draw(st.lists(st.lists(coefficient, min_size=n, max_size=n), min_size=n, max_size=n)))
    model = ConstrainedProblem(Problem.of(matrix))
    for k in range(data.draw(st.integers(1, 2))):
        terms = {i: data.draw(coefficient) for i in range(n)}
        bound = data.draw(st.integers(-3, 3))
        relation = data.draw(st.sampled_from(("==", "<=", ">=")))
        try:
            model = model.constrain(terms, relation, bound, f"c{k}")
        except InputError:
            return  # nothing can meet it
    feasible = [x for x in states(n) if model.feasible(x)]
    form = penalised(model, [sufficient(model)] * len(model.constraints))
    if not feasible or form.problem.num_variables > 10:
        return
    plain = form.problem
    cost = {}
    for x in states(plain.num_variables):
        own = tuple(form.state(x).tolist())
        cost[own] = min(cost.get(own, np.inf), plain.cost(x))
    best = min(cost, key=cost.__getitem__)
    assert model.feasible(best)
    assert model.cost(best) == min(model.cost(x) for x in feasible) == cost[best]
    for x in feasible:
        assert cost[tuple(x.tolist())] == model.cost(x)  # slack costs nothing where the constraint holds


def mixed_cqm():
    """Binary, spin and whole-number variables, all three relations."""
    x, y = dimod.Binaries(["x", "y"])
    s = dimod.Spin("s")
    i, j = dimod.Integer("i", lower_bound=-2, upper_bound=4), dimod.Integer("j", lower_bound=1, upper_bound=3)
    cqm = dimod.ConstrainedQuadraticModel()
    cqm.set_objective(2 * x * s - 3 * i * j + i * i + y * i + 0.5 * s - j)
    cqm.add_constraint(x + y >= 1, label="some")
    cqm.add_constraint(i + 2 * j - 3 * x <= 5, label="room")
    cqm.add_constraint(s + i + y == 2, label="sum")
    return cqm


def test_a_cqm_means_what_dimod_says():
    cqm = mixed_cqm()
    model = from_cqm(cqm)
    seen = set()
    for x in states(model.num_variables):
        sample = model.decode(x)
        seen.add(tuple(sorted(sample.items())))
        assert model.cost(x) == pytest.approx(cqm.objective.energy(sample))
        assert model.feasible(x) == cqm.check_feasible(sample)
        wanted = {c.label: c.violation for c in cqm.iter_constraint_data(sample) if c.violation > 1e-9}
        assert model.violations(x) == pytest.approx(wanted)
    assert len(seen) == 2 * 2 * 2 * 7 * 3


@pytest.mark.parametrize("target", ["cpu", "loihi2-sim"])
def test_a_mixed_model_is_solved(target):
    cqm = mixed_cqm()
    model = from_cqm(cqm)
    best = min(model.cost(x) for x in states(model.num_variables) if model.feasible(x))
    solution = solve_constrained(cqm, target, steps=40_000, reads=4)
    assert solution.feasible
    assert solution.violations == {}
    assert solution.objective == pytest.approx(best) == pytest.approx(cqm.objective.energy(solution.sample))


def packing(items, bins, capacity, seed):
    """Bin packing as a CQM, and the fewest bins by HiGHS."""
    sizes = np.random.default_rng(seed).integers(10, 45, items)
    used = [dimod.Binary(f"y{b}") for b in range(bins)]
    put = [[dimod.Binary(f"z{i}_{b}") for b in range(bins)] for i in range(items)]
    cqm = dimod.ConstrainedQuadraticModel()
    cqm.set_objective(sum(used))
    for i in range(items):
        cqm.add_constraint(sum(put[i]) == 1, label=f"item {i}")
    for b in range(bins):
        cqm.add_constraint(
            sum(int(sizes[i]) * put[i][b] for i in range(items)) - capacity * used[b] <= 0, label=f"bin {b}"
        )
    cost = np.concatenate([np.ones(bins), np.zeros(items * bins)])
    once = np.hstack([np.zeros((items, bins)), np.kron(np.eye(items), np.ones(bins))])
    room = np.hstack([-capacity * np.eye(bins), np.kron(sizes, np.eye(bins))])
    found = milp(
        cost,
        constraints=[LinearConstraint(once, 1, 1), LinearConstraint(room, ub=0)],
        integrality=np.ones(len(cost)),
        bounds=Bounds(0, 1),
    )
    return cqm, round(found.fun)


@pytest.mark.parametrize("target", ["cpu", "loihi2-sim"])
def test_bins_are_packed(target):
    cqm, fewest = packing(8, 3, 100, 1)
    steps = 2_000_000 if target == "cpu" else 400_000
    solution = solve_constrained(cqm, target, steps=steps, reads=3, seed=1)
    assert solution.feasible
    assert cqm.check_feasible(solution.sample)
    assert solution.objective == fewest


def test_a_tour_needs_no_penalty():
    instance = tour(7, 3)
    d, n = instance.distances, 7
    x = [[dimod.Binary((i, t)) for t in range(n)] for i in range(n)]
    cqm = dimod.ConstrainedQuadraticModel()
    cqm.set_objective(
        sum(int(d[i, j]) * x[i][t] * x[j][(t + 1) % n] for i in range(n) for j in range(n) if i != j for t in range(n))
    )
    for k in range(n):
        cqm.add_constraint(sum(x[k]) == 1, label=f"city {k}")
        cqm.add_constraint(sum(x[i][k] for i in range(n)) == 1, label=f"time {k}")
    solution = solve_constrained(cqm, "cpu", steps=20_000)
    shortest = min(sum(d[u, v] for u, v in zip((0, *r), (*r, 0))) for r in itertools.permutations(range(1, n)))
    assert (solution.kept, solution.last.scheme) == ("an assignment of 7 to 7", "exchange")
    assert (solution.objective, solution.feasible) == (shortest, True)


def test_prices_fall_until_the_objective_shows():
    rng = np.random.default_rng(5)
    a = rng.normal(size=(30, 30))
    free = Problem.of(a @ a.T / 30 - np.diag(2 * rng.random(30)))
    model = ConstrainedProblem(free).cardinality(range(30), 6, "six")
    by_moves = solve_constrained(model, "cpu", steps=300_000)
    by_prices = solve_constrained(model, "cpu", method="memetic", steps=300_000)
    assert by_prices.feasible
    assert by_prices.objective == pytest.approx(by_moves.objective)
    prices = [r.prices[0] for r in by_prices.rounds]
    assert min(prices) < prices[0]
    assert by_moves.rounds[0].prices == ()


def test_infeasible_is_said():
    model = ConstrainedProblem(Problem.of(-np.eye(4, dtype=int)))
    model = model.cardinality([0, 1], 1, "one").cardinality([0, 1], 2, "two")
    solution = solve_constrained(model, "cpu", steps=5000)
    assert not solution.feasible
    assert sum(solution.violations.values()) == 1
    assert "infeasible" in repr(solution)


def test_groups_that_overlap_are_left_to_prices():
    model = ConstrainedProblem(Problem.of(np.eye(6, dtype=int)))
    model = model.one_hot([0, 1, 2]).one_hot([2, 3]).cardinality([4, 5], 1)
    moves = exact_moves(model)
    assert moves.kept == (0, 2)
    assert [group.members for group in moves.groups] == [(0, 1, 2), (4, 5)]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda m: m.one_hot([]), "no variables"),
        (lambda m: m.one_hot([0, 0]), "twice"),
        (lambda m: m.one_hot([0, 9]), "names 9, which is no variable"),
        (lambda m: m.cardinality([0, 1], 3), "cannot be met"),
        (lambda m: m.constrain({0: 1}, "<", 1), "none of =="),
        (lambda m: m.constrain({0: float("nan")}, "<=", 1), "no finite number"),
        (lambda m: m.constrain({0: 2**0.5, 1: 1}, "<=", 1), "round the coefficients"),
        (lambda m: m.constrain({0: 1, 1: 1}, ">=", 3), "cannot be met"),
    ],
)
def test_what_cannot_be_is_refused(build, message):
    with pytest.raises(InputError, match=message):
        build(ConstrainedProblem(Problem.of(np.eye(3, dtype=int))))


def test_models_of_other_kinds_are_refused():
    cqm = dimod.ConstrainedQuadraticModel()
    cqm.set_objective(dimod.Real("r"))
    with pytest.raises(InputError, match="is real"):
        from_cqm(cqm)
    x, y = dimod.Binaries("xy")
    cqm = dimod.ConstrainedQuadraticModel()
    cqm.add_constraint(x * y == 1, label="product")
    with pytest.raises(InputError, match="'product' has products"):
        from_cqm(cqm)


def test_conditions_are_never_priced_silently():
    from equipoise.qubo import solve

    with pytest.raises(InputError, match="has constraints: solve it with"):
        solve(mixed_cqm(), "loihi2-sim", steps=10)
    with pytest.raises(InputError, match="has constraints: solve it with"):
        solve(from_cqm(mixed_cqm()), "loihi2-sim", steps=10)
