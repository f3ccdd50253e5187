"""One anneal of evicting neurons: the scheme eviction.

The assignment after a step may still hold vertices that a neighbour has just evicted: they go off at the start of the
next one. Costs and best states are those of the set without them, as the chip reports them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.annealing.counters import BEST_COST, BEST_STEP, CHANGES, COST, FOUND, HEAT, LATCHES, STEP
from substrates.loihi2.annealing.kernel import ONE, SHALLOW, ZERO, draw_planes, passing, set_bounds
from substrates.loihi2.annealing.layout import Layout, aligned, as_bits, as_words
from substrates.loihi2.annealing.program import INTEGRATOR, TEMPERATURE, VARIABLES
from substrates.loihi2.annealing.read import Read
from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.annealing.simd import LANES, trailing_zeros
from substrates.loihi2.neurons.annealing_eviction import FIRST_PATIENCE
from substrates.loihi2.neurons.metropolis import second_draw
from substrates.loihi2.random import step_key, stream_key

__all__ = ["EvictionRead"]

I64 = npt.NDArray[np.int64]
PADDING = 2**31 - 1  #: energy beyond the last vertex: passes no test
SUGGESTED, CHANGED, ON, TALLIES = range(4)


@njit(cache=True, nogil=True, inline="always")
def _send(i, change, rows, weights, energy):  # type: ignore[no-untyped-def]
    indptr, indices = rows
    for k in range(indptr[i], indptr[i + 1]):
        energy[indices[k]] += change * weights[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _look(energy, state, weights, patience, shared, rules, bounds, planes, lists):  # type: ignore[no-untyped-def]
    """Who suggests and who leaves, as lists; returns how many of each."""
    wishes, leaving = lists
    switch_bits = rules[2]
    draw_planes(planes, shared, state.shape[0])
    willing, gone = 0, 0
    for b in range(state.shape[0]):
        on = state[b]
        passed = passing(energy, b, bounds, planes, shared) & ~on
        while passed != ZERO:
            i = b * LANES + trailing_zeros(passed)
            passed &= passed - ONE
            left = switch_bits - np.int64(patience[i]) - np.int64(energy[i] >= 0)
            if second_draw(shared, i, switch_bits) >> max(left, 0) == 0:
                wishes[willing] = i
                willing += 1
        while on != ZERO:
            i = b * LANES + trailing_zeros(on)
            on &= on - ONE
            if energy[i] > -weights[i]:
                leaving[gone] = i
                gone += 1
    return willing, gone


@njit(cache=True, nogil=True, error_model="numpy")
def _switch(rows, weights, energy, state, patience, heard, tally, wishes, most):  # type: ignore[no-untyped-def]
    """Who suggested alone goes on; everybody's patience follows from whether a neighbour suggested."""
    indptr, indices = rows
    for i in wishes:
        tally[SUGGESTED, i] += 1
        for k in range(indptr[i], indptr[i + 1]):
            heard[indices[k]] = 1
    for i in wishes:
        if heard[i] == 0:
            state[i >> 6] ^= ONE << np.uint64(i & 63)
            tally[CHANGED, i] += 1
            _send(i, 1, rows, weights, energy)
    for i in range(weights.shape[0]):
        longer, shorter = min(patience[i] + 1, most), max(patience[i] - 1, FIRST_PATIENCE)
        patience[i] = longer if heard[i] != 0 else shorter
        heard[i] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(weights, energy, state, best, tally, counters, improvements):  # type: ignore[no-untyped-def]
    """The step is done: the cost of who stays on, and whether it is the best so far."""
    cost = np.int64(0)
    for b in range(state.shape[0]):
        on = state[b]
        while on != ZERO:
            i = b * LANES + trailing_zeros(on)
            on &= on - ONE
            if energy[i] == -weights[i]:
                tally[ON, i] += 1
                cost -= weights[i]
    counters[STEP] += 1
    counters[COST] = cost
    if cost < counters[BEST_COST]:
        counters[BEST_COST], counters[BEST_STEP] = cost, counters[STEP]
        counters[LATCHES] += 1
        for i in range(weights.shape[0]):
            on = (state[i >> 6] >> np.uint64(i & 63)) & ONE
            best[i] = on != ZERO and energy[i] == -weights[i]
        improvements[counters[FOUND], 0] = counters[STEP]
        improvements[counters[FOUND], 1] = cost
        counters[FOUND] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _advance(  # type: ignore[no-untyped-def]
    rows, weights, energy, state, patience, best, tally, counters, improvements, temperatures, target, key, rules
):
    """One step per temperature; stops early at ``target`` or when ``improvements`` is full."""
    n = weights.shape[0]
    bits, strict, switch_bits, exponent = rules
    lists = np.empty(n, np.int64), np.empty(n, np.int64)
    heard, bounds = np.zeros(n, np.uint8), np.empty(bits + 1, np.int64)
    planes = np.empty((SHALLOW, state.shape[0]), np.uint64)
    for t in range(temperatures.shape[0]):
        if counters[BEST_COST] <= target or counters[FOUND] == improvements.shape[0]:
            break
        heat = np.int64(temperatures[t])
        if counters[HEAT] != heat or t == 0:
            set_bounds(bounds, heat, exponent, strict, PADDING - 1)
            # The temperature neuron sends changes only, and nothing for the first step.
            counters[CHANGES] += counters[HEAT] >= 0 and counters[HEAT] != heat
            counters[HEAT] = heat
        shared = step_key(np.uint64(key), np.uint64(counters[STEP]))
        willing, gone = _look(energy, state, weights, patience, shared, rules, bounds, planes, lists)
        for i in lists[1][:gone]:
            state[i >> 6] ^= ONE << np.uint64(i & 63)
            tally[CHANGED, i] += 1
            _send(i, -1, rows, weights, energy)
        _switch(rows, weights, energy, state, patience, heard, tally, lists[0][:willing], np.int64(switch_bits))
        _settle(weights, energy, state, best, tally, counters, improvements)


class EvictionRead(Read):
    """See `Read`; arguments as of `metropolis_state.MetropolisRead`."""

    def __init__(
        self, layout: Layout, seed: int, settings: Settings, start: npt.NDArray[np.uint8] | None, exponent: int
    ) -> None:
        n, x = layout.n, np.zeros(layout.n, np.uint8) if start is None else np.array(start, np.uint8)
        self._weights, around = -layout.diagonal, _around(layout, x)
        #: (n,) who is on and has no neighbour that is
        self._start = ((x != 0) & (around == 0)).astype(np.uint8)
        super().__init__(layout, settings, exponent, -int(self._weights @ self._start))
        self._key = stream_key(seed, "anneal")
        self._state = as_words(x, layout.blocks * LANES)
        self._energy = aligned((layout.blocks * LANES,), np.int32)
        self._energy[:] = PADDING
        self._energy[:n] = around - self._weights
        self._patience = np.full(n, FIRST_PATIENCE, np.int8)
        self._best = self._start.copy()
        self._tally = np.zeros((TALLIES, n), np.int64)

    def x(self) -> npt.NDArray[np.uint8]:
        """(n,) the assignment now, with vertices that were evicted in this step."""
        return as_bits(self._state, self.layout.n)

    def inputs(self) -> I64:
        return self._energy[: self.layout.n] + self._weights

    def best_state(self) -> npt.NDArray[np.uint8]:
        return self._best.copy()

    def _kernel(self, temperatures: npt.NDArray[np.int32], target: int) -> None:
        rows, settings = self.layout.rows, self.settings
        rules = (settings.random_bits, int(settings.strict), settings.switch_bits, self.exponent)
        _advance(
            (rows.indptr, rows.indices), self._weights, self._energy, self._state, self._patience, self._best,
            self._tally, self.counters, self.noted, temperatures, target, self._key, rules,
        )  # fmt: skip

    def sent(self) -> dict[str, I64]:
        last = ((self.x() != 0) & (self.inputs() == 0)).astype(np.uint8)
        # The start's cost is reported in the first step, the last one once more while it is read out; who was evicted
        # in the last step goes off then.
        return {
            VARIABLES: self._tally[CHANGED] + (self.x() - last),
            f"{VARIABLES}.suggest": self._tally[SUGGESTED].copy(),
            f"{VARIABLES}.share": self._tally[ON] + self._start + last,
            TEMPERATURE: self.counters[[CHANGES]],
            INTEGRATOR: self.counters[[LATCHES]],
        }


def _around(layout: Layout, x: npt.NDArray[np.uint8]) -> I64:
    """(n,) weight of the neighbours that are on."""
    rows = layout.rows
    total = np.zeros(len(rows.indices) + 1, np.int64)
    np.cumsum((-layout.diagonal * x)[rows.indices], out=total[1:])
    return total[rows.indptr[1:]] - total[rows.indptr[:-1]]
