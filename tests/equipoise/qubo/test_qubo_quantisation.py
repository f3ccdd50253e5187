"""Quantisation: lossless where it says so, and never off by more than it says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.qubo import Problem
from equipoise.qubo.generators import mis
from equipoise.qubo.quantisation import STATE_MAX, Quantised, quantise


def integer_cost(q: Quantised, x: np.ndarray) -> int:
    """From the 8-bit groups alone, as the chip would add them up."""
    p = q.problem
    both = (x[p.rows] & x[p.cols]).astype(np.int64)
    total = int(q.diagonal[x == 1].sum())
    for group in q.groups:
        total += int((group.mantissas.astype(np.int64) * both).sum()) << group.exponent
    return total


def check(problem: Problem) -> Quantised:
    q = quantise(problem)
    limits = {"excitatory": (0, 255), "inhibitory": (-255, 0), "mixed": (-256, 254)}
    for group in q.groups:
        low, high = limits[group.sign_mode]
        assert low <= group.mantissas.min(initial=0)
        assert group.mantissas.max(initial=0) <= high
        assert group.exponent >= 0
        if group.sign_mode == "mixed":
            assert not (group.mantissas % 2).any()
    indptr, _, weights, diagonal = q.csr()
    reach = [np.abs(weights[a:b]).sum() * 2 + abs(d) for a, b, d in zip(indptr, indptr[1:], diagonal)]
    assert max(reach) <= STATE_MAX
    n = problem.num_variables
    states = itertools.product((0, 1), repeat=n) if n <= 8 else np.random.default_rng(0).integers(0, 2, (50, n))
    for x in states:
        x = np.array(x)
        true = problem.cost(x) - problem.offset
        gap = abs(true - integer_cost(q, x) / q.ratio)
        rounding = 0 if problem.integer else 1e-12 * (np.abs(problem.linear).sum() + np.abs(problem.pairs).sum())
        assert float(gap) <= q.max_error * (1 + 1e-12) + rounding
        if q.exact and problem.integer:
            assert integer_cost(q, x) == true * q.ratio
    return q


@pytest.mark.parametrize("diagonal", [1, 100])
def test_bqp_coefficients_are_lossless_in_one_group(diagonal: int) -> None:
    rng = np.random.default_rng(0)
    q = np.triu(2 * rng.integers(-100, 101, (30, 30)), 1) + np.diag(rng.integers(-diagonal, diagonal + 1, 30))
    q[0, 1], q[2, 3] = 199 + 1, -200
    found = check(Problem.of(q))
    assert found.exact
    assert len(found.groups) == 1


def test_neurobench_is_lossless() -> None:
    found = check(mis(100, 0.1, 0).problem)
    assert found.exact
    assert len(found.groups) == 1


@pytest.mark.parametrize(("largest", "sign", "groups"), [(255, 1, 1), (256 * 255, 1, 2), (127, 0, 1), (16383, 0, 2)])
def test_two_groups_exactly_where_eight_bits_are_too_few(largest: int, sign: int, groups: int) -> None:
    rng = np.random.default_rng(1)
    q = np.triu(rng.integers(1 if sign else -largest, largest + 1, (8, 8)), 1)
    q[0, 1] = largest - 1 + (largest % 2)
    q[0, 2] = 1
    found = check(Problem.of(q))
    assert found.exact
    assert len(found.groups) == groups


def test_tenths_and_halves_are_whole_numbers_of_a_unit() -> None:
    rng = np.random.default_rng(2)
    for unit in (0.1, 0.5, 0.125, 0.01):
        assert check(Problem.of(np.triu(rng.integers(-50, 51, (7, 7))) * unit)).exact


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_stated_error_holds(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 6))
    size = data.draw(st.sampled_from([1.0, 1e-3, 1e5, 1e12, 1e-200, 1e200]))
    kind = data.draw(st.sampled_from(["whole", "real", "positive"]))
    number = {
        "whole": st.integers(-(10**6), 10**6),
        "real": st.floats(-1, 1).map(lambda v: v * size),
        "positive": st.floats(0, 1).map(lambda v: v * size),
    }[kind]
    q = [[data.draw(number) if i <= j else 0 for j in range(n)] for i in range(n)]
    check(Problem.of(np.array(q)))


def test_a_bias_that_decides_its_variable_does_not_flatten_the_rest() -> None:
    q = np.triu(np.random.default_rng(3).integers(-3, 4, (8, 8))).astype(float)
    q[0, 0] = 1e15
    found = check(Problem.of(q))
    assert not found.exact
    assert found.max_error > 1e14
    assert found.scale > 100  # the small coefficients keep their resolution


def test_a_target_in_integer_units_is_safe() -> None:
    problem = Problem.of(np.triu(np.random.default_rng(4).normal(size=(8, 8)))).renamed(offset=3.0)
    found = quantise(problem)
    for x in itertools.product((0, 1), repeat=8):
        x = np.array(x)
        for target in (-1.0, 0.0, 3.0):
            if integer_cost(found, x) <= found.units(target):
                assert problem.cost(x) <= target
