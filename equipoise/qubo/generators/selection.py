"""Choosing things: a knapsack, and a portfolio of fixed size.

knapsack    c(x) = -sum_i v_i x_i + P (sum_i w_i x_i + slack - capacity)^2        best cost = -(value packed)
portfolio   c(x) = x^T S x - q mu.x + P (sum_i x_i - k)^2                         risk minus q times return

The slack bits of the knapsack are powers of two, the last one cut, so that they reach the capacity and no further.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.constraints import ConstrainedProblem
from equipoise.qubo.constraints.encoding import bounded_powers
from equipoise.qubo.generators._base import Instance, check_room, exact, positive, within
from equipoise.qubo.problem import Problem
from hw_profiles.arguments import checked
from hw_profiles.errors import InputError
from hw_profiles.texts import shown
from substrates.seeds import stream

__all__ = ["Knapsack", "Portfolio", "knapsack", "portfolio"]


class Knapsack(Instance):
    """Pack what is worth most into what can be carried."""

    def __init__(self, values: Sequence[int], weights: Sequence[int], capacity: int, name: str = "knapsack") -> None:
        v, w = np.array(values, np.int64), np.array(weights, np.int64)
        if len(v) != len(w) or not len(v):
            raise InputError(f"a knapsack needs as many values as weights, at least one; got {len(v)} and {len(w)}")
        if v.min() < 0 or w.min() < 1 or capacity < 1:
            raise InputError("a knapsack needs values of zero or more, weights and a capacity of one or more")
        self.values, self.weights, self.capacity = v, w, int(capacity)
        slack = bounded_powers(int(capacity))
        self.price = int(v.max()) + 1
        exact("a knapsack", self.price * (sum(w.tolist()) + sum(slack) + self.capacity) ** 2)
        u = np.array([*w.tolist(), *slack], np.int64)
        linear = self.price * u * u - 2 * self.price * self.capacity * u
        linear[: len(v)] -= v
        rows, cols = np.triu_indices(len(u), 1)
        self.problem = Problem.build(
            linear, rows, cols, 2 * self.price * u[rows] * u[cols],
            offset=self.price * self.capacity**2,
            labels=[*range(len(v)), *(("slack", k) for k in range(len(slack)))],
            name=name,
            convention="minus the value packed, plus the price of a sack that is not exactly full with its slack",
        )  # fmt: skip

    def decode(self, x: npt.ArrayLike) -> list[int]:
        """The items packed."""
        return [int(i) for i in np.flatnonzero(np.asarray(x)[: len(self.values)])]

    def violations(self, x: npt.ArrayLike) -> int:
        """By how much the sack is overfull."""
        return max(int(self.weights[self.decode(x)].sum()) - self.capacity, 0)

    def value(self, x: npt.ArrayLike) -> float:
        """The value packed."""
        return int(self.values[self.decode(x)].sum())


class Portfolio(Instance):
    """Choose exactly ``assets`` of the assets: little variance, much return."""

    def __init__(
        self,
        covariance: npt.ArrayLike,
        returns: npt.ArrayLike,
        assets: int,
        appetite: float = 1.0,
        price: float | None = None,
        name: str = "portfolio",
    ) -> None:
        s, mu = np.asarray(covariance, np.float64), np.asarray(returns, np.float64)
        n = len(mu)
        if s.shape != (n, n) or not np.allclose(s, s.T):
            raise InputError(f"a portfolio of {n} returns needs a symmetric ({n}, {n}) covariance, got {s.shape}")
        if not (np.isfinite(s).all() and np.isfinite(mu).all()) or not 1 <= assets <= n:
            raise InputError(f"expected finite numbers and 1 to {n} assets to choose, got {shown(assets)}")
        self.covariance, self.returns, self.assets, self.appetite = s, mu, int(assets), float(appetite)
        own = np.diagonal(s) - self.appetite * mu
        # One asset more or less moves the objective by at most this.
        self.price = price if price is not None else float((np.abs(own) + 2 * np.abs(s).sum(1)).max())
        rows, cols = np.triu_indices(n, 1)
        self.problem = Problem.build(
            own + self.price * (1 - 2 * self.assets), rows, cols, 2 * s[rows, cols] + 2 * self.price,
            offset=self.price * self.assets**2, name=name,
            convention="variance minus return, plus the price of a wrong number of assets",
        )  # fmt: skip

    def model(self) -> Any:
        """The same with the number of assets as a constraint, for `equipoise.qubo.solve_constrained`."""
        rows, cols = np.triu_indices(len(self.returns), 1)
        own = np.diagonal(self.covariance) - self.appetite * self.returns
        free = Problem.build(own, rows, cols, 2 * self.covariance[rows, cols], name=self.problem.name)
        return ConstrainedProblem(free).cardinality(range(len(self.returns)), self.assets)

    def decode(self, x: npt.ArrayLike) -> list[int]:
        """The assets chosen."""
        return [int(i) for i in np.flatnonzero(np.asarray(x))]

    def violations(self, x: npt.ArrayLike) -> int:
        """Assets too many or too few."""
        return abs(int(np.asarray(x).astype(bool).sum()) - self.assets)

    def value(self, x: npt.ArrayLike) -> float:
        """Variance minus appetite times return."""
        on = np.asarray(x).astype(bool)
        return float(self.covariance[np.ix_(on, on)].sum() - self.appetite * self.returns[on].sum())


@checked
def knapsack(items: Annotated[int, "How many items."], seed: int, largest: int = 100) -> Knapsack:
    """Weights from 10 to ``largest``, values near them (the hard kind), a sack for half of all."""
    positive("the number of items", items)
    check_room(f"{shown(items, 40)} items", items, items * (items - 1) // 2)
    within("the largest weight", largest, 11)
    draw = stream(seed, "knapsack")
    weights = draw.integers(10, largest + 1, items)
    values = weights + draw.integers(0, largest // 3, items)
    name = f"knapsack-{items}-{largest}-{seed}"
    return Knapsack(values.tolist(), weights.tolist(), max(int(weights.sum()) // 2, 10), name)


@checked
def portfolio(
    assets: Annotated[int, "How many there are."], seed: int, chosen: Annotated[int, "How many to choose."] = 10
) -> Portfolio:
    """Returns of ``assets`` that share five factors, and noise of their own."""
    positive("the number of assets", assets)
    check_room(f"{shown(assets, 40)} assets", assets, assets * (assets - 1) // 2)
    draw = stream(seed, "portfolio")
    loadings = draw.normal(size=(assets, 5)) * 0.1
    covariance = loadings @ loadings.T + np.diag(draw.uniform(0.005, 0.05, assets))
    returns = draw.uniform(0, 0.1, assets)
    return Portfolio(covariance, returns, chosen, name=f"portfolio-{assets}-{chosen}-{seed}")
