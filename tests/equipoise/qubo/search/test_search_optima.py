"""The searches against exact answers from elsewhere: enumeration, dynamic programming, HiGHS."""

import itertools

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from equipoise.qubo import Problem
from equipoise.qubo.generators import mis, tour
from equipoise.qubo.search import METHODS, Matrix, choose, find
from equipoise.qubo.search.groups import Counted, GroupAnneal


def random_problem(seed, n, real=False, density=1.0):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-50, 51, (n, n)) * (rng.random((n, n)) < density)
    return Problem.of(matrix + rng.random((n, n)) if real else matrix)


def everything(n):
    return np.array(list(itertools.product((0, 1), repeat=n)), np.uint8)


def run(problem, method, moves, seed=0):
    name, factory = choose(problem, find(problem), method)
    search = factory(seed)
    search.advance(moves)
    return name, search


@pytest.mark.parametrize("method", ["tabu", "memetic", "sweeps"])
@pytest.mark.parametrize(
    ("seed", "real", "density"), [(0, False, 1.0), (1, True, 1.0), (2, False, 0.3), (3, True, 0.3)]
)
def test_small_problems_are_solved(method, seed, real, density):
    problem = random_problem(seed, 12, real, density)
    _, search = run(problem, method, 5000)
    assert problem.cost(search.best) == min(problem.cost(x) for x in everything(12))


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("scale", [1, 2**36])
def test_rows_and_lists_are_the_same_search(dense, scale):
    problem = Problem.of(np.random.default_rng(5).integers(-50, 51, (40, 40)) * scale)
    matrix = Matrix.of(problem, dense)
    x = np.random.default_rng(1).integers(0, 2, 40).astype(np.uint8)
    assert matrix.cost(x) == problem.cost(x)
    for i in range(40):
        flipped = x.copy()
        flipped[i] ^= 1
        assert (1 - 2 * int(x[i])) * int(matrix.fields(x)[i]) == problem.cost(flipped) - problem.cost(x)


def knapsack(seed, items):
    """A knapsack with slack bits, as a QUBO, and its optimum by dynamic programming."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(5, 60, items)
    values = weights + rng.integers(0, 30, items)
    capacity = int(weights.sum() // 2)
    bits, power = [], 1
    while sum(bits) + power <= capacity:
        bits.append(power)
        power *= 2
    if sum(bits) < capacity:
        bits.append(capacity - sum(bits))
    u = np.array([*weights, *bits])
    price = int(values.max()) + 1
    linear = price * u * u - 2 * price * capacity * u
    linear[:items] -= values
    rows, cols = np.triu_indices(len(u), 1)
    best = np.zeros(capacity + 1, np.int64)
    for weight, value in zip(weights, values):
        best[weight:] = np.maximum(best[weight:], best[:-weight] + value)
    pairs = 2 * price * u[rows] * u[cols]
    return Problem.build(linear, rows, cols, pairs, offset=price * capacity**2), -int(best.max())


@pytest.mark.parametrize("seed", range(3))
def test_a_knapsack_is_filled_best(seed):
    problem, optimum = knapsack(seed, 30)
    name, search = run(problem, "auto", 300_000)
    assert name == "running-total"
    assert problem.cost(search.best) == optimum


@pytest.mark.parametrize("odd", [False, True])
def test_numbers_are_partitioned_evenly(odd):
    rng = np.random.default_rng(3)
    numbers = rng.integers(1, 1000, 24)
    numbers[0] += (numbers.sum() + odd) % 2
    total = int(numbers.sum())
    rows, cols = np.triu_indices(24, 1)
    problem = Problem.build(
        4 * numbers * (numbers - total), rows, cols, 8 * numbers[rows] * numbers[cols], offset=total**2
    )
    reachable = {0}
    for number in numbers.tolist():
        reachable |= {s + number for s in reachable}
    name, search = run(problem, "auto", 100_000)
    assert name == "running-total"
    assert problem.cost(search.best) == min((total - 2 * s) ** 2 for s in reachable)


@pytest.mark.parametrize("seed", range(3))
def test_a_tour_is_shortest(seed):
    instance = tour(8, seed)
    name, search = run(instance.problem, "auto", 30_000)
    d = instance.distances
    shortest = min(sum(d[u, v] for u, v in zip((0, *rest), (*rest, 0))) for rest in itertools.permutations(range(1, 8)))
    assert name == "exchange"
    assert instance.value(search.best) == instance.problem.cost(search.best) == shortest


def heaviest(problem):
    """The weight of the heaviest independent set, by HiGHS."""
    n, m = problem.num_variables, problem.num_pairs
    edges = np.zeros((m, n))
    edges[np.arange(m), problem.rows] = edges[np.arange(m), problem.cols] = 1
    found = milp(problem.linear, constraints=LinearConstraint(edges, ub=1), integrality=np.ones(n), bounds=Bounds(0, 1))
    return round(found.fun)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_independent_sets_are_heaviest(seed, weighted):
    problem = mis(nodes=60, density=0.1, seed=seed).problem
    if weighted:
        weights = np.random.default_rng(seed).integers(1, 20, 60)
        price = np.maximum(weights[problem.rows], weights[problem.cols])
        problem = Problem.build(-weights, problem.rows, problem.cols, price)
    name, search = run(problem, "auto", 50_000)
    assert name == "eviction"
    assert problem.cost(search.best) == heaviest(problem)


@pytest.mark.parametrize("ones", [1, 3, 5, 6])
def test_a_cardinality_is_kept_and_its_best_found(ones):
    problem = random_problem(7, 10)
    search = GroupAnneal(Matrix.of(problem), [Counted(tuple(range(6)), ones)], 0)
    for _ in range(40):
        search.advance(100)
        assert search.best[:6].sum() == ones
    assert problem.cost(search.best) == min(problem.cost(x) for x in everything(10) if x[:6].sum() == ones)


@pytest.mark.parametrize("method", [*METHODS])
def test_a_search_cut_in_pieces_goes_the_same_way(method):
    problems = {
        "exchange": tour(7, 1).problem,
        "eviction": mis(nodes=50, density=0.1, seed=1).problem,
        "running-total": knapsack(1, 20)[0],
    }
    problem = problems.get(method, random_problem(4, 30))
    _, whole = run(problem, method, 3000, seed=5)
    _, factory = choose(problem, find(problem), method)
    pieces = factory(5)
    for size in itertools.cycle((1, 7, 100)):
        if pieces.moves >= 3000:
            break
        pieces.advance(min(size, 3000 - pieces.moves))
    assert (whole.best == pieces.best).all()
    assert (whole.best_cost, whole.moves) == (pieces.best_cost, pieces.moves)
    _, other = run(problem, method, 3000, seed=6)
    assert other.moves == 3000
