"""One anneal of Boltzmann neurons: the scheme nebm.

Every neuron is drawn in every step, so there is nothing to skip: the kernel is a plain loop over neurons and the
rows of those that changed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.annealing.counters import BEST_COST, BEST_STEP, CHANGES, COST, FOUND, HEAT, LATCHES, STEP
from substrates.loihi2.annealing.layout import Layout
from substrates.loihi2.annealing.program import INTEGRATOR, TEMPERATURE, VARIABLES
from substrates.loihi2.annealing.read import Read
from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.neurons.annealing_nebm import turns_on
from substrates.loihi2.neurons.heat_bath import BITS, logistic_table
from substrates.loihi2.neurons.metropolis import second_draw
from substrates.loihi2.random import step_key, stream_key

__all__ = ["NebmRead"]

I64 = npt.NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def _advance(  # type: ignore[no-untyped-def]
    indptr, indices, weights, diagonal, x, u, rest, best, flips, on, counters, improvements, temperatures, target, key,
    table, exponent, refract,
):  # fmt: skip
    """One step per temperature; stops early at ``target`` or when ``improvements`` is full."""
    n = diagonal.shape[0]
    changed = np.empty(n, np.int64)
    for t in range(temperatures.shape[0]):
        if counters[BEST_COST] <= target or counters[FOUND] == improvements.shape[0]:
            break
        heat = np.int64(temperatures[t])
        # The temperature neuron sends changes only, and nothing for the first step.
        counters[CHANGES] += counters[HEAT] >= 0 and counters[HEAT] != heat
        counters[HEAT] = heat
        shared = step_key(np.uint64(key), np.uint64(counters[STEP]))
        number = 0
        for i in range(n):
            if rest[i] > 0:
                rest[i] -= 1
                continue
            value = diagonal[i] + 2 * u[i]
            new = np.int64(turns_on(value, heat, np.int64(table[second_draw(shared, i, BITS)]), exponent))
            if new != x[i]:
                changed[number] = i
                number += 1
                rest[i] = refract
        for s in range(number):
            i = changed[s]
            sent = 1 - 2 * np.int64(x[i])
            x[i] = 1 - x[i]
            flips[i] += 1
            for k in range(indptr[i], indptr[i + 1]):
                u[indices[k]] += sent * np.int64(weights[k])
        counters[STEP] += 1
        cost = np.int64(0)
        for i in range(n):
            on[i] += x[i]
            cost += x[i] * (diagonal[i] + u[i])
        counters[COST] = cost
        if cost < counters[BEST_COST]:
            counters[BEST_COST], counters[BEST_STEP] = cost, counters[STEP]
            counters[LATCHES] += cost < 0  # the integrator knows nothing worse than all zeros
            best[:] = x
            improvements[counters[FOUND], 0] = counters[STEP]
            improvements[counters[FOUND], 1] = cost
            counters[FOUND] += 1


class NebmRead(Read):
    """See `Read`; arguments as of `metropolis_state.MetropolisRead`."""

    def __init__(
        self, layout: Layout, seed: int, settings: Settings, start: npt.NDArray[np.uint8] | None, exponent: int
    ) -> None:
        n = layout.n
        self._start = np.zeros(n, np.uint8) if start is None else np.ascontiguousarray(start, np.uint8)
        super().__init__(layout, settings, exponent, layout.cost(self._start))
        self._key = stream_key(seed, "anneal")
        self._x, self._best = self._start.astype(np.int64), self._start.astype(np.int64)
        self._u = np.asarray(layout.inputs(self._start), np.int64).copy()
        self._rest, self._flips, self._on = (np.zeros(n, np.int64) for _ in range(3))
        self._table = logistic_table()

    def x(self) -> npt.NDArray[np.uint8]:
        return self._x.astype(np.uint8)

    def inputs(self) -> I64:
        return self.layout.inputs(self.x())

    def best_state(self) -> npt.NDArray[np.uint8]:
        return self._best.astype(np.uint8)

    def _kernel(self, temperatures: npt.NDArray[np.int32], target: int) -> None:
        rows = self.layout.rows
        _advance(
            rows.indptr, rows.indices, rows.weights, self.layout.diagonal, self._x, self._u, self._rest, self._best,
            self._flips, self._on, self.counters, self.noted, temperatures,
            target, self._key, self._table, self.exponent, self.settings.refract,
        )  # fmt: skip

    def sent(self) -> dict[str, I64]:
        # The start's cost is reported before the first step, the last one twice more while it is read out.
        return {
            VARIABLES: self._flips.copy(),
            f"{VARIABLES}.share": self._on + self._start + 2 * self._x,
            TEMPERATURE: self.counters[[CHANGES]],
            INTEGRATOR: self.counters[[LATCHES]],
        }
