# mypy: disable-error-code="no-untyped-def, no-untyped-call, assignment"
"""Running totals: problems whose pairs are all products of one list of numbers, walked on with one sum.

    c(x) = P (u . x - c)^2 + b . x        every J_ij = 2 P u_i u_j

The state keeps R = u . x - c; flipping i changes R by s_i u_i, so a test costs a few operations instead of a row, and
one integrator replaces n^2 / 2 synapses. Number partitioning is the case b = 0. A knapsack's slack bits (u = 1, 2, 4,
..., b = 0) need no search at all: whatever the items leave free, they fill; the items then move under R <= 0 alone.

Moves are flips and exchanges of one that is on with one that is off, half and half.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from equipoise.qubo.search.base import Search
from equipoise.qubo.search.draws import below, draw, new_stream
from equipoise.qubo.search.heat import HEAT, RATIO, Cooling, accepts
from equipoise.qubo.search.matrix import Matrix

__all__ = ["RankOne", "RunningTotal"]

NOW, BEST = 0, 1


@dataclass(frozen=True, eq=False)
class RankOne:
    """c(x) = price (weights . x - capacity)^2 + values . x, up to a constant.

    Attributes:
        weights: (n,) u. values: (n,) b. slack: (n,) bool, the bits that fill a knapsack up, all False otherwise.
    """

    price: float
    weights: npt.NDArray[np.int64]
    capacity: int
    values: npt.NDArray[np.float64]
    slack: npt.NDArray[np.bool_]


@njit(cache=True, inline="always")
def _cost_of(rest, change, price, capped):
    """The price of moving the total from ``rest`` by ``change``; under a cap the slack bits take up the difference."""
    if capped:
        return np.inf if rest + change > 0 else 0.0
    return price * (2.0 * np.float64(rest) * np.float64(change) + np.float64(change) * np.float64(change))


@njit(cache=True, nogil=True)
def _run(weights, values, price, capped, x, order, place, ones, rest, best, costs, heat, random, moves):
    """``moves`` tries. order: variables, those that are on first; ones: (1,) how many. Returns the try of the best."""
    n = x.shape[0]
    found = 0
    for t in range(moves):
        i = below(random, n)
        j = np.int64(-1)
        if draw(random) & np.uint64(1) and 0 < ones[0] < n:
            if x[i]:
                j = np.int64(order[ones[0] + below(random, n - ones[0])])
            else:
                j = np.int64(order[below(random, ones[0])])
        sign = 1 - 2 * np.int64(x[i])
        change, cost = sign * weights[i], sign * values[i]
        if j >= 0:
            change -= sign * weights[j]
            cost -= sign * values[j]
        cost += _cost_of(rest[0], change, price, capped)
        if accepts(cost, heat[HEAT], random):
            rest[0] += change
            costs[NOW] += cost
            x[i] ^= 1
            if j >= 0:
                x[j] ^= 1
                a, b = place[i], place[j]
            else:
                # The border between on and off moves by one; i goes to it.
                a = place[i]
                b = ones[0] if x[i] else ones[0] - 1
                ones[0] += sign
            first, second = order[a], order[b]
            order[a], order[b] = second, first
            place[first], place[second] = b, a
            if costs[NOW] < costs[BEST]:
                costs[BEST] = costs[NOW]
                best[:] = x
                found = t + 1
        heat[HEAT] *= heat[RATIO]
    return found


class RunningTotal(Search):
    """Anneal on one sum."""

    name = "running-total"
    SHORTEST, LONGEST = 5_000, 200_000

    def __init__(self, matrix: Matrix, form: RankOne, seed: int) -> None:
        self._matrix, self._form = matrix, form
        self._random = new_stream(seed, "running total")
        super().__init__(matrix.n)

    def _walk(self) -> Iterator[None]:
        form = self._form
        items = np.flatnonzero(~form.slack)
        weights, values = form.weights[items], form.values[items]
        capped = bool(form.slack.any())
        n = len(items)
        x = np.zeros(n, np.uint8)
        order, place, ones = np.arange(n), np.arange(n), np.zeros(1, np.int64)
        rest = np.array([-form.capacity])
        costs, best = np.zeros(2), x.copy()
        heat = np.zeros(2)
        high, low = _temperatures(weights, values, form.price, capped)
        _run(weights, values, form.price, capped, x, order, place, ones, rest, best, costs, heat, self._random, 8 * n)
        self._report(best, items)
        cooling = Cooling(high, low, self.SHORTEST, self.LONGEST)
        while True:
            if cooling.left == 0:
                cooling.begin(heat)
            if self.moves >= self.allowed:
                yield
            moves = min(cooling.left, self.allowed - self.moves)
            after = _run(
                weights, values, form.price, capped, x, order, place, ones, rest, best, costs, heat, self._random, moves
            )
            if after:
                self._report(best, items, self.moves + after)
            self.moves += moves
            cooling.left -= moves

    def _report(self, best: npt.NDArray[np.uint8], items: npt.NDArray[np.int64], move: int | None = None) -> None:
        """Fill the slack bits, and take the cost from the problem itself."""
        form = self._form
        x = np.zeros(self._matrix.n, np.uint8)
        x[items] = best
        free = form.capacity - int(form.weights[x.astype(bool)].sum())
        slack = np.flatnonzero(form.slack)
        for i in slack[np.argsort(-form.weights[slack], kind="stable")].tolist():
            if form.weights[i] <= free:
                x[i] = 1
                free -= int(form.weights[i])
        self.found(self._matrix.cost(x), x, move)


def _temperatures(
    weights: npt.NDArray[np.int64], values: npt.NDArray[np.float64], price: float, capped: bool
) -> tuple[float, float]:
    """From a typical move down to one that is small against the coefficients' own steps."""
    if capped:
        worth = np.abs(values) / np.maximum(np.abs(weights), 1)
        typical = float(np.median(np.abs(np.abs(values) - np.median(worth) * np.abs(weights))))
        typical = typical or float(np.median(np.abs(values))) or 1.0
        return typical, typical / 40
    typical = price * float(np.mean(np.abs(weights))) ** 2
    return max(typical, price), min(price, typical) if price else 1.0
