"""Constraints as penalties: a QUBO with slack bits, and how high its prices must be.

    sum c_k x_k == r      P (sum c_k x_k - r)^2
    sum c_k x_k <= r      P (sum c_k x_k + s - r)^2,  s = bounded powers of two over [0, r - least sum]
    at most one of them   P sum_{i<j} x_i x_j         (no slack)

A price P for which breaking a constraint never pays: more than the objective can gain at all (`sufficient`). It is far
too high to anneal on in most problems, which is why `solve` starts below and lets violations raise it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from equipoise.qubo.constraints.constraint import Constraint
from equipoise.qubo.constraints.encoding import bounded_powers
from equipoise.qubo.problem import INTEGER_LIMIT, Problem
from hw_profiles.errors import InputError

__all__ = ["Conditioned", "Penalised", "first_prices", "largest_gain", "penalised", "sufficient"]


class Conditioned(Protocol):
    """An objective and its constraints; `ConstrainedProblem` is one."""

    @property
    def objective(self) -> Problem: ...

    @property
    def constraints(self) -> tuple[Constraint, ...]: ...


@dataclass(frozen=True, eq=False)
class Penalised:
    """A QUBO over the variables of the model, first, and slack bits.

    Attributes:
        problem: its offset makes the cost of a feasible state the objective.
    """

    problem: Problem
    variables: int

    def state(self, x: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The model's own variables of a solution."""
        return x[: self.variables]


def first_prices(model: Conditioned) -> list[int | float]:
    """Prices to begin with, one a constraint: what one flip can gain, over the square of what a flip breaks it by."""
    gain = largest_gain(model) or 1.0
    steps = [float(np.abs(c.coefficients).min(initial=2**31)) if len(c.variables) else 1.0 for c in model.constraints]
    if model.objective.linear.dtype.kind == "i" and all(step * step <= gain for step in steps):
        return [max(int(np.ceil(gain / (step * step))), 1) for step in steps]
    return [gain / (step * step) for step in steps]


def sufficient(model: Conditioned) -> int | float:
    """A price at which every best state is feasible, if any state is: above the objective's whole span."""
    objective = model.objective
    span = float(np.abs(objective.linear).sum()) + float(np.abs(objective.pairs).sum())
    return int(np.ceil(span)) + 1 if objective.linear.dtype.kind == "i" else span * 1.001 + 1e-9


def largest_gain(model: Conditioned) -> float:
    """The most that flipping one variable can gain in the objective, over all states."""
    objective = model.objective
    n = objective.num_variables
    linear, pairs = objective.linear.astype(np.float64), objective.pairs.astype(np.float64)
    up, down = np.minimum(pairs, 0), np.maximum(pairs, 0)
    gain_on = -(linear + np.bincount(objective.rows, up, n) + np.bincount(objective.cols, up, n))
    gain_off = linear + np.bincount(objective.rows, down, n) + np.bincount(objective.cols, down, n)
    return float(max(gain_on.max(initial=0), gain_off.max(initial=0), 0.0))


def penalised(model: Conditioned, prices: Sequence[int | float], skip: Sequence[int] = ()) -> Penalised:
    """The QUBO with these prices, one a constraint; constraints numbered in ``skip`` are left to the moves.

    Raises:
        InputError: prices for which exact sums do not fit into 64 bits.
    """
    objective = model.objective
    n = objective.num_variables
    linear = [objective.linear]
    parts: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.generic]]] = [
        (objective.rows, objective.cols, objective.pairs)
    ]
    labels = list(objective.labels)
    offset: int | float = objective.offset
    added = np.zeros(n, object)
    slack_linear: list[int | float] = []
    for number, (constraint, price) in enumerate(zip(model.constraints, prices)):
        if number in skip:
            continue
        variables, u, target = _squares(constraint, n + len(slack_linear))
        if constraint.exclusive:
            first, second = np.triu_indices(len(variables), 1)
            parts.append((variables[first], variables[second], np.full(len(first), price)))
            continue
        extra = len(variables) - len(constraint.variables)
        labels += [(constraint.label, "slack", k) for k in range(extra)]
        own = [price * (int(w) * int(w) - 2 * target * int(w)) for w in u]
        for i, cost in zip(constraint.variables.tolist(), own):
            added[i] += cost
        slack_linear += own[len(constraint.variables) :]
        first, second = np.triu_indices(len(u), 1)
        products = 2 * price * u[first].astype(object) * u[second].astype(object)
        parts.append((variables[first], variables[second], products))
        offset = offset + price * target * target
    _check(added, slack_linear, parts)
    whole = objective.linear.dtype.kind == "i" and all(isinstance(p, int) for p in prices)
    kind = np.int64 if whole else np.float64
    return Penalised(
        Problem.build(
            np.concatenate([linear[0].astype(kind) + added.astype(kind), np.array(slack_linear, kind)]),
            np.concatenate([rows for rows, _, _ in parts]),
            np.concatenate([cols for _, cols, _ in parts]),
            np.concatenate([values.astype(kind) for _, _, values in parts]),
            offset=offset,
            labels=labels,
            sense=objective.sense,
            name=objective.name,
            convention=f"{objective.convention}, {len(model.constraints)} constraints as penalties",
        ),
        n,
    )


def _squares(constraint: Constraint, first_slack: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """(variables, u, r) of (u . x - r)^2, slack bits at the end."""
    u, r = constraint.coefficients, constraint.bound
    if constraint.relation == ">=":  # minus both sides
        u, r = -u, -r
    if constraint.relation == "==" or constraint.exclusive:
        return constraint.variables, u, r
    least, most = int(u[u < 0].sum()), int(u[u > 0].sum())
    r = min(r, most)  # a bound that nothing reaches would only ask for slack
    bits = bounded_powers(r - least)
    slack = np.arange(first_slack, first_slack + len(bits))
    return np.concatenate([constraint.variables, slack]), np.concatenate([u, np.array(bits, np.int64)]), r


def _check(added: npt.NDArray[np.object_], slack: Sequence[int | float], parts: Sequence[tuple[object, ...]]) -> None:
    largest = max([abs(v) for v in added.tolist()] + [abs(v) for v in slack], default=0)
    total = largest + sum(float(np.abs(np.asarray(part[2], np.float64)).sum()) for part in parts)
    if total >= INTEGER_LIMIT:
        raise InputError(
            f"penalties that add up to {total:.3g} leave 64 bits; use smaller coefficients in the constraints"
        )
