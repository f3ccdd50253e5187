"""One anneal of evicting neurons in progress: what `anneal_state.Read` is for the others.

The assignment after a step may still hold vertices that a neighbour has just evicted: they go off at the start of the
next one. Costs and best states are those of the set without them, as the chip reports them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.annealing.layout import Layout
from substrates.loihi2.annealing.program import INTEGRATOR, TEMPERATURE, VARIABLES
from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.neurons.annealing_eviction import FIRST_PATIENCE
from substrates.loihi2.neurons.metropolis import accepts, leading_zeros, second_draw
from substrates.loihi2.random import step_key, stream_key

__all__ = ["EvictionRead"]

I64 = npt.NDArray[np.int64]
IMPROVEMENTS = 1024  #: improvements noted before the kernel hands back
COST, BEST_COST, BEST_STEP, STEP, HEAT, CHANGES, LATCHES, FOUND, COUNTERS = range(9)
SUGGESTED, CHANGED, ON, TALLIES = range(4)


@njit(cache=True, nogil=True, inline="always")
def _send(i, change, rows, weights, u):  # type: ignore[no-untyped-def]
    indptr, indices = rows
    for k in range(indptr[i], indptr[i + 1]):
        u[indices[k]] += change * weights[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _look(weights, x, u, patience, heat, shared, rules, wishes, leaving):  # type: ignore[no-untyped-def]
    """Who suggests and who leaves, as lists; returns how many of each."""
    bits, strict, exponent, switch_bits = rules
    # The largest energy that passes with the luckiest draw, and with any: nearly every vertex is beyond the first and
    # needs no draw.
    up, down = max(exponent, 0), max(-exponent, 0)
    last, sure = ((heat * bits - strict) << down) >> up, (-strict << down) >> up
    willing, gone = 0, 0
    for i in range(weights.shape[0]):
        if x[i] != 0:
            if u[i] > 0:
                leaving[gone] = i
                gone += 1
            continue
        energy = np.int64(u[i]) - weights[i]
        if energy > last:
            continue
        left = switch_bits - np.int64(patience[i]) - np.int64(energy >= 0)
        if second_draw(shared, i, switch_bits) >> max(left, 0) != 0:
            continue
        if energy <= sure or accepts(energy, heat, leading_zeros(shared, i, bits), exponent, strict):
            wishes[willing] = i
            willing += 1
    return willing, gone


@njit(cache=True, nogil=True, error_model="numpy")
def _switch(rows, weights, x, u, patience, rivals, tally, wishes, most):  # type: ignore[no-untyped-def]
    """Who suggested alone goes on; everybody's patience follows from the rivals around."""
    indptr, indices = rows
    for i in wishes:
        tally[SUGGESTED, i] += 1
        for k in range(indptr[i], indptr[i + 1]):
            rivals[indices[k]] += 1
    for i in wishes:
        if rivals[i] == 0:
            x[i] = 1
            tally[CHANGED, i] += 1
            _send(i, 1, rows, weights, u)
    for i in range(weights.shape[0]):
        patience[i] = min(patience[i] + 1, most) if rivals[i] != 0 else max(patience[i] - 1, FIRST_PATIENCE)
        rivals[i] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(weights, x, u, best, tally, counters, improvements):  # type: ignore[no-untyped-def]
    """The step is done: the cost of who stays on, and whether it is the best so far."""
    n = weights.shape[0]
    cost = np.int64(0)
    for i in range(n):
        kept = np.int64(x[i] != 0 and u[i] == 0)
        tally[ON, i] += kept
        cost -= kept * weights[i]
    counters[STEP] += 1
    counters[COST] = cost
    if cost < counters[BEST_COST]:
        counters[BEST_COST], counters[BEST_STEP] = cost, counters[STEP]
        counters[LATCHES] += 1
        for i in range(n):
            best[i] = x[i] != 0 and u[i] == 0
        improvements[counters[FOUND], 0] = counters[STEP]
        improvements[counters[FOUND], 1] = cost
        counters[FOUND] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _advance(  # type: ignore[no-untyped-def]
    rows, weights, x, u, patience, best, tally, counters, improvements, temperatures, target, key, rules
):
    """One step per temperature; stops early at ``target`` or when ``improvements`` is full."""
    n = weights.shape[0]
    wishes, leaving, rivals = np.empty(n, np.int64), np.empty(n, np.int64), np.zeros(n, np.int32)
    for t in range(temperatures.shape[0]):
        if counters[BEST_COST] <= target or counters[FOUND] == improvements.shape[0]:
            break
        heat = np.int64(temperatures[t])
        # The temperature neuron sends changes only, and nothing for the first step.
        counters[CHANGES] += counters[HEAT] >= 0 and counters[HEAT] != heat
        counters[HEAT] = heat
        shared = step_key(np.uint64(key), np.uint64(counters[STEP]))
        willing, gone = _look(weights, x, u, patience, heat, shared, rules, wishes, leaving)
        for i in leaving[:gone]:
            x[i] = 0
            tally[CHANGED, i] += 1
            _send(i, -1, rows, weights, u)
        _switch(rows, weights, x, u, patience, rivals, tally, wishes[:willing], rules[3])
        _settle(weights, x, u, best, tally, counters, improvements)


class EvictionRead:
    """One anneal in progress; members and arguments as of `anneal_state.Read`."""

    def __init__(
        self, layout: Layout, seed: int, settings: Settings, start: npt.NDArray[np.uint8] | None, exponent: int
    ) -> None:
        self.layout, self.settings, self.exponent = layout, settings, exponent
        self._key = stream_key(seed, "anneal")
        n = layout.n
        self._weights = -layout.diagonal
        self._x = np.zeros(n, np.uint8) if start is None else np.array(start, np.uint8)
        self._u = self._around(self._x)
        self._patience = np.full(n, FIRST_PATIENCE, np.int8)
        self._start = self._independent()
        self._best = self._start.copy()
        self._tally = np.zeros((TALLIES, n), np.int64)
        self._counters = np.zeros(COUNTERS, np.int64)
        self._counters[[COST, BEST_COST]] = -int(self._weights @ self._start)
        self._counters[HEAT] = -1
        self._noted = np.zeros((IMPROVEMENTS, 2), np.int64)
        self.trace = [np.array([[0, self.best_cost]], np.int64)]

    def _around(self, x: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
        """(n,) weight of the neighbours that are on."""
        rows = self.layout.rows
        total = np.zeros(len(rows.indices) + 1, np.int64)
        np.cumsum((self._weights * x)[rows.indices], out=total[1:])
        return (total[rows.indptr[1:]] - total[rows.indptr[:-1]]).astype(np.int32)

    def _independent(self) -> npt.NDArray[np.uint8]:
        """(n,) who is on and has no neighbour that is."""
        return ((self._x != 0) & (self._u == 0)).astype(np.uint8)

    @property
    def best_cost(self) -> int:
        return int(self._counters[BEST_COST])

    @property
    def cost(self) -> int:
        return int(self._counters[COST])

    @property
    def best_step(self) -> int:
        return int(self._counters[BEST_STEP])

    @property
    def steps(self) -> int:
        return int(self._counters[STEP])

    def x(self) -> npt.NDArray[np.uint8]:
        """(n,) the assignment now, with vertices that were evicted in this step."""
        return self._x.copy()

    def inputs(self) -> I64:
        """(n,) u now."""
        return self._u.astype(np.int64)

    def best_state(self) -> npt.NDArray[np.uint8]:
        """(n,) the best x so far."""
        return self._best.copy()

    def advance(self, temperatures: npt.NDArray[np.int32], target: int) -> None:
        """Do one step per temperature, fewer if ``target`` is reached."""
        end, rows, settings = self.steps + len(temperatures), self.layout.rows, self.settings
        rules = (settings.random_bits, int(settings.strict), self.exponent, settings.switch_bits)
        while self.steps < end and self.best_cost > target:
            self._counters[FOUND] = 0
            left = temperatures[len(temperatures) - end + self.steps :]
            _advance(
                (rows.indptr, rows.indices), self._weights, self._x, self._u, self._patience, self._best, self._tally,
                self._counters, self._noted, left, target, self._key, rules,
            )  # fmt: skip
            if found := int(self._counters[FOUND]):
                self.trace.append(self._noted[:found].copy())

    def copies(self) -> list[Any]:
        """The reads that make it up: itself."""
        return [self]

    def improvements(self) -> I64:
        """(k, 2): step and cost of every improvement, the start first."""
        return np.concatenate(self.trace)

    def sent(self) -> dict[str, I64]:
        """How many messages each neuron of the annealing program sent, by outlet, read-out included."""
        last = self._independent()
        # The start's cost is reported in the first step, the last one once more while it is read out; who was evicted
        # in the last step goes off then.
        return {
            VARIABLES: self._tally[CHANGED] + (self._x - last),
            f"{VARIABLES}.suggest": self._tally[SUGGESTED].copy(),
            f"{VARIABLES}.share": self._tally[ON] + self._start + last,
            TEMPERATURE: self._counters[[CHANGES]],
            INTEGRATOR: self._counters[[LATCHES]],
        }
