"""Rounding of coefficients is measured at the solutions found, and said where it decides between them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from equipoise import Problem, solve


def problem(penalty: float, scale: float = 1.0) -> Problem:
    """Small real costs under a large penalty for another number of ones than three."""
    rng = np.random.default_rng(0)
    n = 30
    small = scale * np.triu(rng.normal(size=(n, n)))
    return Problem.of(small + penalty * (2 * np.triu(np.ones((n, n)), 1) - 5 * np.eye(n)))


def test_a_penalty_that_drowns_the_costs_is_said_with_the_numbers() -> None:
    drowned = problem(1e6)
    with pytest.warns(UserWarning, match=r"rounded to what synapses hold; .* the chip cannot tell"):
        solution = solve(drowned, "loihi2-sim", steps=2000, reads=8)
    scale, offset = solution.quantisation["scale"], float(drowned.offset)
    seen = [float(trace[-1, 1]) / scale + offset for trace in solution.improvements]
    errors = np.array([float(drowned.cost(state)) for state in solution.states]) - np.array(seen)
    assert solution.quantisation["rounding_spread"] == pytest.approx(errors.std())
    assert solution.as_dict()["quantisation"]["rounding_spread"] > 0.5 * np.std(solution.costs)


def test_silence_where_it_decides_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mild = solve(problem(3.0), "loihi2-sim", steps=50, reads=8)
        whole = solve(Problem.of(np.diag([-1, -2]) + np.array([[0, 3], [0, 0]])), "loihi2-sim", steps=50, reads=8)
    assert mild.quantisation["rounding_spread"] < 0.01
    assert "rounding_spread" not in whole.quantisation
