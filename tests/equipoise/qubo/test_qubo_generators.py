"""Generators: the best cost means what it should, and solutions come back in the problem's own terms."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest

from equipoise.qubo import Problem
from equipoise.qubo.generators import (
    Instance,
    Tour,
    colouring,
    maxcut,
    mis,
    partition,
    tour,
    vertex_cover,
)
from hw_profiles.errors import InputError


def ground(problem: Problem) -> np.ndarray:
    return np.array(min(itertools.product((0, 1), repeat=problem.num_variables), key=problem.cost))


@pytest.mark.parametrize("seed", range(4))
def test_independent_set_and_cover_against_networkx(seed: int) -> None:
    graph = nx.gnm_random_graph(10, 20, seed=seed)
    one, other = mis(10, 0.4, seed), vertex_cover(10, 0.4, seed)
    assert one.problem.num_pairs == graph.number_of_edges() == int(0.5 * 0.4 * 100)
    clique, size = nx.max_weight_clique(nx.complement(graph), weight=None)
    x, y = ground(one.problem), ground(other.problem)
    assert one.problem.cost(x) == -size == -one.value(x) == -len(clique)
    assert one.feasible(x)
    assert nx.complement(graph).subgraph(one.decode(x)).number_of_edges() == size * (size - 1) // 2
    assert other.problem.cost(y) == 10 - size == other.value(y)
    assert other.feasible(y)
    assert other.violations(np.zeros(10)) == 20


def test_neurobench_instances_are_networkx_gnm() -> None:
    problem = mis(50, 0.25, 3).problem
    edges = {tuple(sorted(e)) for e in nx.gnm_random_graph(50, int(0.5 * 0.25 * 2500), seed=3).edges}
    assert set(zip(problem.rows.tolist(), problem.cols.tolist())) == edges
    assert set(problem.linear.tolist()) == {-1}
    assert set(problem.pairs.tolist()) == {8}


def test_repair_makes_an_independent_set() -> None:
    one = mis(40, 0.2, 0)
    assert one.violations(np.ones(40)) > 0
    assert one.feasible(one.repair(np.ones(40)))


@pytest.mark.parametrize("signed", [False, True])
def test_the_cut_is_minus_the_cost(signed: bool) -> None:
    one = maxcut(8, 0.5, 1, signed)
    for x in itertools.product((0, 1), repeat=8):
        assert one.problem.cost(x) == -one.value(x)
    left, right = one.decode(ground(one.problem))
    assert left | right == set(range(8))


def test_the_partition_cost_is_the_squared_difference() -> None:
    one = partition(8, 2, 50)
    for x in itertools.product((0, 1), repeat=8):
        assert one.problem.cost(x) == one.value(x) ** 2


def test_colouring_costs_zero_exactly_when_proper() -> None:
    one = colouring(4, 0.6, 2, 3)
    for x in itertools.product((0, 1), repeat=12):
        assert (one.problem.cost(x) == 0) == one.feasible(x)
    colours = one.decode(ground(one.problem))
    assert None not in colours.values()


def test_the_best_tour_is_the_shortest() -> None:
    one = tour(4, 3)
    x = ground(one.problem)
    d = one.distances
    lengths = [sum(d[u, v] for u, v in zip(t, [*t[1:], t[0]])) for t in itertools.permutations(range(4))]
    assert one.feasible(x)
    assert one.problem.cost(x) == one.value(x) == min(lengths)
    assert one.decode(np.zeros(16)) is None
    assert one.value(np.zeros(16)) == float("inf")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: mis(0, 0.1, 0), "nodes"),
        (lambda: mis(10, 5, 0), "5 % is 0.05"),
        (lambda: mis(10, -0.1, 0), "density"),
        (lambda: mis(10, 0.1, -1), "seed"),
        (lambda: mis(10, 0.1, 0, edge_cost=1), "above 1"),
        (lambda: mis(10, 0.1, 0, model="tree"), "expected 'gnm' or 'gnp'"),
        (lambda: tour(2, 0), "at least 3"),
        (lambda: Tour(np.ones((3, 3))), "zero from a city to itself"),
        (lambda: Tour(np.zeros((3, 4))), "square"),
        (lambda: partition(0, 0), "at least 1"),
        (lambda: colouring(4, 0.5, 0, 0), "colours"),
    ],
)
def test_impossible_instances_are_refused(make: object, text: str) -> None:
    with pytest.raises(InputError, match=text):
        make()  # type: ignore[operator]


def test_every_generator_is_reproducible() -> None:
    for make in (mis, vertex_cover, maxcut, colouring):
        first, again = (make(20, 0.3, 5) for _ in range(2))
        assert isinstance(first, Instance)
        np.testing.assert_array_equal(first.problem.to_dense(), again.problem.to_dense())
