"""dimod's constrained quadratic models: binary, spin and whole-number variables, linear constraints."""

from __future__ import annotations

from typing import Any

import numpy as np

from equipoise.qubo.constraints.constraint import Constraint
from equipoise.qubo.constraints.encoding import Encoding, bounded_powers
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError

__all__ = ["parts_of_cqm"]


def parts_of_cqm(cqm: Any, name: str = "") -> tuple[Problem, tuple[Constraint, ...], tuple[Encoding, ...]]:
    """Objective, constraints and encodings over bits.

    A spin is 2 x - 1, a whole number a sum of powers of two between its bounds.

    Raises:
        InputError: a real variable, bounds that are none, or a constraint that is not linear.
    """
    labels: list[Any] = []
    encodings: dict[Any, Encoding] = {}
    for label in cqm.variables:
        encoding = _encode(cqm, label, len(labels))
        encodings[label] = encoding
        plain = encoding.weights == (1,) and encoding.offset == 0
        labels += [label] if plain else [(label, "bit", k) for k in range(len(encoding.weights))]
    if len(set(labels)) != len(labels):
        labels = list(range(len(labels)))
    objective = _objective(cqm.objective, encodings, labels, name)
    constraints = []
    for label, constraint in cqm.constraints.items():
        if constraint.lhs.num_interactions:
            raise InputError(f"constraint {label!r} has products of variables; only linear constraints are taken")
        terms, bound = _linear(constraint.lhs, encodings)
        sense = constraint.sense.value
        constraints.append(Constraint.of(str(label), list(terms), list(terms.values()), sense, constraint.rhs - bound))
    special = tuple(e for label, e in encodings.items() if not (e.weights == (1,) and e.offset == 0))
    return objective, tuple(constraints), special


def _encode(cqm: Any, label: Any, first: int) -> Encoding:
    import dimod

    kind = cqm.vartype(label)
    if kind is dimod.BINARY:
        return Encoding(label, 0, (first,), (1,))
    if kind is dimod.SPIN:
        return Encoding(label, -1, (first,), (2,))
    if kind is dimod.INTEGER:
        low, high = int(np.ceil(cqm.lower_bound(label))), int(np.floor(cqm.upper_bound(label)))
        if low > high:
            raise InputError(f"the variable {label!r} has no whole number between its bounds")
        weights = tuple(bounded_powers(high - low)) or (0,)
        return Encoding(label, low, tuple(range(first, first + len(weights))), weights)
    raise InputError(
        f"the variable {label!r} is {kind.name.lower()}; binary, spin and whole-number variables are taken"
    )


def _linear(expression: Any, encodings: dict[Any, Encoding]) -> tuple[dict[int, float], float]:
    """(bit -> coefficient, constant)."""
    terms: dict[int, float] = {}
    constant = float(expression.offset)
    for label, bias in expression.iter_linear():
        encoding = encodings[label]
        constant += bias * encoding.offset
        for bit, weight in zip(encoding.bits, encoding.weights):
            terms[bit] = terms.get(bit, 0.0) + bias * weight
    return terms, constant


def _objective(expression: Any, encodings: dict[Any, Encoding], labels: list[Any], name: str) -> Problem:
    linear, constant = _linear(expression, encodings)
    a = np.zeros(len(labels))
    for bit, bias in linear.items():
        a[bit] += bias
    rows, cols, values = [], [], []
    for u, v, bias in expression.iter_quadratic():
        first, second = encodings[u], encodings[v]
        constant += bias * first.offset * second.offset
        for bit, weight in zip(first.bits, first.weights):
            a[bit] += bias * weight * second.offset
            for other, factor in zip(second.bits, second.weights):
                rows.append(bit)
                cols.append(other)
                values.append(bias * weight * factor)
        for bit, weight in zip(second.bits, second.weights):
            a[bit] += bias * weight * first.offset
    return Problem.build(
        a, rows, cols, np.array(values, np.float64), offset=constant, labels=labels, name=name,
        convention="the objective of the constrained model",
    )  # fmt: skip
