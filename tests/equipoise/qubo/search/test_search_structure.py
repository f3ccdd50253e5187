"""What a plain QUBO gives away: found under any numbering, and not found where it is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.qubo import Problem
from equipoise.qubo.generators import mis, tour
from equipoise.qubo.search import find
from equipoise.qubo.search.structure import is_packing, rank_one
from hw_profiles.errors import InputError


def renumbered(problem, order):
    """The same problem with variable i called order[i]."""
    order = np.asarray(order)
    linear = np.empty_like(problem.linear)
    linear[order] = problem.linear
    return Problem.build(linear, order[problem.rows], order[problem.cols], problem.pairs, offset=problem.offset)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(25)))
def test_an_assignment_is_found_in_any_order(order):
    table = find(renumbered(tour(5, 2).problem, order)).table
    assert table is not None
    truth = {frozenset(order[5 * a + c] for c in range(5)) for a in range(5)}
    truth |= {frozenset(order[5 * a + c] for a in range(5)) for c in range(5)}
    assert {frozenset(row) for row in [*table.tolist(), *table.T.tolist()]} == truth


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 10**5), min_size=4, max_size=12), st.integers(1, 50), st.integers(-1000, 10**6), st.data()
)
def test_one_total_is_found_and_says_the_same(weights, price, capacity, data):
    values = data.draw(st.lists(st.integers(-500, -1), min_size=len(weights) - 2, max_size=len(weights) - 2)) + [0, 0]
    u, b = np.array(weights), np.array(values)
    rows, cols = np.triu_indices(len(u), 1)
    linear = price * u * u - 2 * price * capacity * u + b
    problem = Problem.build(linear, rows, cols, 2 * price * u[rows] * u[cols], offset=price * capacity**2)
    form = rank_one(problem)
    assert form is not None
    for _ in range(5):
        x, y = np.random.default_rng(len(weights)).integers(0, 2, (2, len(u)))
        cost = [form.price * float(form.weights @ s - form.capacity) ** 2 + form.values @ s for s in (x, y)]
        rounding = 1e-14 * max(abs(cost[0]), abs(cost[1]), 1.0)  # the squares are large against their difference
        assert cost[0] - cost[1] == pytest.approx(problem.cost(x) - problem.cost(y), rel=1e-9, abs=100 * rounding)


def test_a_broken_pattern_is_not_taken_for_one():
    problem = tour(5, 2).problem
    pairs = problem.pairs.copy()
    pairs[pairs.argmax()] = 1
    assert find(problem.renamed(pairs=pairs)).table is None
    u = np.array([3, 5, 7, 11, 13])
    rows, cols = np.triu_indices(5, 1)
    products = 2 * u[rows] * u[cols]
    assert rank_one(Problem.build(u * u, rows, cols, products)) is not None
    products[4] += 2
    assert rank_one(Problem.build(u * u, rows, cols, products)) is None


def test_a_packing_needs_penalties_that_pay():
    problem = mis(nodes=20, density=0.2, seed=0).problem
    assert is_packing(problem)
    assert not is_packing(problem.renamed(linear=problem.linear * 100))
    assert not is_packing(problem.renamed(linear=-problem.linear))


def test_a_method_that_does_not_fit_is_refused_by_name():
    from equipoise.qubo.search import choose

    problem = Problem.of(np.random.default_rng(0).integers(-5, 6, (9, 9)))
    for method in ("exchange", "eviction", "running-total"):
        with pytest.raises(InputError, match=f"method '{method}' does not fit"):
            choose(problem, find(problem), method)
    with pytest.raises(InputError, match="did you mean 'memetic'"):
        choose(problem, find(problem), "memetik")
