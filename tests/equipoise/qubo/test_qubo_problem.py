"""Problems and conversions: every source gives the cost its convention says, exactly."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import dimod
import networkx as nx
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.qubo import Problem, solve
from equipoise.qubo.convert import sorted_labels
from equipoise.qubo.generators import IndependentSet
from hw_profiles.errors import InputError


def all_states(n: int) -> list[tuple[int, ...]]:
    return list(itertools.product((0, 1), repeat=n))


@pytest.mark.parametrize("kind", ["symmetric", "upper", "asymmetric"])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_matrix_costs_x_q_x_whatever_its_shape(kind: str, sparse: bool) -> None:
    q = np.random.default_rng(0).integers(-9, 10, (5, 5))
    q = {"symmetric": q + q.T, "upper": np.triu(q), "asymmetric": q}[kind]
    problem = Problem.of(scipy.sparse.csr_matrix(q) if sparse else q)
    assert kind.replace("upper", "triangular") in problem.convention
    for x in all_states(5):
        assert problem.cost(x) == np.array(x) @ q @ np.array(x)


@pytest.mark.parametrize("vartype", ["BINARY", "SPIN"])
@pytest.mark.parametrize("kind", [dimod.Float32BQM, dimod.Float64BQM, dimod.DictBQM])
def test_a_bqm_costs_its_energy(vartype: str, kind: type) -> None:
    bqm = kind({"a": 1, "b": -2.5, 7: 3}, {("a", "b"): 0.5, ("b", 7): -4}, 1.25, vartype)
    problem = Problem.of(bqm)
    for x in all_states(3):
        values = x if vartype == "BINARY" else [2 * v - 1 for v in x]
        assert problem.cost(x) == bqm.energy(dict(zip(problem.labels, values)))


def test_a_dict_adds_both_orders_of_a_pair() -> None:
    problem = Problem.of({("u", "v"): 1, ("v", "u"): 2, ("u", "u"): -5})
    assert (problem.num_variables, problem.num_pairs, problem.cost([1, 1])) == (2, 1, -2)


def test_a_graph_costs_its_weights() -> None:
    graph = nx.Graph()
    graph.add_node("a", weight=-3)
    graph.add_edge("a", "b", weight=5)
    graph.add_edge("b", "c")
    problem = Problem.of(graph)
    assert [problem.cost(x) for x in ([1, 0, 0], [1, 1, 0], [1, 1, 1])] == [-3, 2, 3]


def test_a_graph_without_weights_is_told_from_a_graph_problem() -> None:
    graph = nx.path_graph(3)
    with pytest.warns(UserWarning, match=r"no weights.*equipoise\.qubo\.generators"):
        assert Problem.of(graph).num_pairs == 2


def test_a_sample_speaks_the_source_s_own_type() -> None:
    bqm = dimod.BinaryQuadraticModel({"a": 1.0, "b": 0.5}, {("a", "b"): -2.0}, 0.25, "SPIN")
    solution = solve(bqm, "loihi2-sim", steps=100)
    assert set(solution.sample.values()) <= {-1, 1}
    assert bqm.energy(solution.sample) == solution.best_cost == dimod.ExactSolver().sample(bqm).first.energy
    binary = bqm.change_vartype("BINARY", inplace=False)
    assert set(solve(binary, "loihi2-sim", steps=100).sample.values()) <= {0, 1}


def test_an_instance_is_its_problem() -> None:
    instance = IndependentSet(nx.path_graph(5))
    solution = solve(instance, "loihi2-sim", steps=200)
    assert solution.problem is instance.problem
    assert instance.value(solution.x) == 3


def test_the_order_of_insertion_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    edges = [((i, j), float(rng.normal())) for i, j in itertools.combinations(range(8), 2)]
    first = Problem.of(dimod.BinaryQuadraticModel({}, dict(edges), 0, "SPIN"))
    other = Problem.of(dimod.BinaryQuadraticModel({}, {(j, i): q for (i, j), q in edges[::-1]}, 0, "SPIN"))
    assert first.labels == other.labels
    for name in ("linear", "rows", "cols", "pairs"):
        np.testing.assert_array_equal(getattr(first, name), getattr(other, name))


def test_labels_that_do_not_compare_still_have_one_order() -> None:
    names = [(("a",),), 0, "c", 10, 9, "b", 2.5]
    assert sorted_labels(names) == sorted_labels(names[::-1])
    assert sorted_labels([10, 9, 2]) == [2, 9, 10]


def test_whole_numbers_beyond_2_to_53_stay_exact() -> None:
    big = 2**60 + 1
    problem = Problem.of({(0, 0): big, (1, 1): 1, (0, 1): -big})
    assert problem.integer
    assert problem.cost([1, 1]) == 1
    assert problem.cost([1, 0]) == big


def test_whole_numbers_that_cannot_be_added_exactly_are_refused() -> None:
    with pytest.raises(InputError, match="scale them down"):
        Problem.of({(0, 0): 2**64 + 1, (0, 1): 3})


def test_a_huge_offset_does_not_swallow_the_coefficients() -> None:
    problem = Problem.build([1, -2], [0], [1], [1], offset=10**30)
    assert problem.cost([0, 1]) == 10**30 - 2


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-1e15, 1e15, allow_subnormal=False), min_size=6, max_size=6))
def test_real_costs_are_correctly_rounded(values: list[float]) -> None:
    problem = Problem.build(np.array(values[:3]), [0, 0, 1], [1, 2, 2], np.array(values[3:]), offset=0.1)
    exact = sum((Fraction(v) for v in values), Fraction(0.1))
    assert problem.cost([1, 1, 1]) == pytest.approx(float(exact), abs=math.ulp(float(exact)))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (np.zeros((2, 3)), "square"),
        (np.zeros(3), "two dimensions"),
        (np.array([[np.nan, 0], [0, 0]]), "NaN or infinite"),
        (np.array([[np.inf, 0], [0, 0]]), "NaN or infinite"),
        (np.array([["a", "b"], ["c", "d"]]), "cannot be used"),
        ({"ab": 1, 3: 2}, r"keys \(i, j\)"),
        (nx.DiGraph([(0, 1)]), "directed"),
        (object(), "cannot make a problem"),
        (np.array([[1j, 0], [0, 0]]), "cannot be used"),
    ],
)
def test_what_cannot_be_a_problem_is_refused_in_one_line(source: object, text: str) -> None:
    with pytest.raises(InputError, match=text) as caught:
        Problem.of(source)
    assert "\n" not in str(caught.value)


def test_round_trip_through_dimod_and_dense() -> None:
    problem = Problem.of(np.random.default_rng(2).integers(-5, 6, (6, 6)))
    again = Problem.of(problem.to_bqm())
    dense = problem.to_dense()
    for x in all_states(6):
        assert problem.cost(x) == again.cost(x) == np.array(x) @ dense @ np.array(x)
