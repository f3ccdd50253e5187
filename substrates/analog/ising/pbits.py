"""Probabilistic bits: spins that flip by themselves, at a rate their field sets. Gibbs sampling in hardware.

    s_i = sgn(tanh(-g_i F_i / T) + U(-1, 1)),    never two neighbours at once (Camsari et al., Phys. Rev. X 7, 031014)

A step is a sweep: every p-bit once. Neighbours may not update together, so a sweep takes as many flip times as
the graph needs colours. Samples from exp(-E / T) while T stands still. Time constant: one flip, nanoseconds in magnetic
junctions.
"""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.analog.annealer import Cooling
from substrates.analog.ising.kernels import field, look, uniform
from substrates.analog.ising.machine import COMMON_REFUSED, Floats, IsingMachine, IsingRun
from substrates.random import step_key

__all__ = ["ProbabilisticBits"]


@njit(cache=True)
def _colours(indptr, indices, colour):
    """Greedy colouring in the order of the spins; returns the number of colours."""
    n = colour.shape[0]
    taken = np.zeros(n + 1, np.int64)
    most = 0
    for i in range(n):
        for p in range(indptr[i], indptr[i + 1]):
            if indices[p] < i:
                taken[colour[indices[p]]] = i + 1
        c = 0
        while taken[c] == i + 1:
            c += 1
        colour[i] = c
        most = max(most, c + 1)
    return most


@njit(cache=True, nogil=True)
def _sweeps(
    s, h, couplings, back, gain, indptr, indices, pairs, order, temperatures, key, first, force, x, true, costs,
    best, least, improvements,
):  # fmt: skip
    field(s, h, indptr, indices, couplings, force)
    found = 0
    for t in range(temperatures.shape[0]):
        step = step_key(key, np.uint64(first + t))
        for k in range(order.shape[0]):
            i = order[k]
            cold = temperatures[t] <= 0.0
            bend = -np.sign(force[i]) if cold else np.tanh(-gain[i] * force[i] / temperatures[t])
            new = 1.0 if bend + 2.0 * uniform(step, i) - 1.0 >= 0.0 else -1.0
            if new != s[i]:
                change = new - s[i]
                s[i] = new
                for p in range(indptr[i], indptr[i + 1]):
                    force[indices[p]] += back[p] * change
        found = look(s, x, true, indptr, indices, pairs, costs, best, least, found, improvements, first + t + 1)
    return found


class ProbabilisticBits(IsingMachine):
    """Holds one problem as coupled p-bits. Gains scale each p-bit's own inverse temperature, offsets its field."""

    name: ClassVar[str] = "p-bits"
    nominal_s: ClassVar[float] = 1e-9  #: a flip of a junction
    refused: ClassVar = {**COMMON_REFUSED, "time_constant_mismatch": "its updates are ordered, not free-running"}
    read_every: ClassVar[int] = 1

    @cached_property
    def _colouring(self) -> tuple[npt.NDArray[np.int64], int]:
        """(order of the spins, number of colours)."""
        colour = np.zeros(self.n, np.int64)
        number = _colours(self.indptr, self.indices, colour)
        return np.argsort(colour, kind="stable"), int(number)

    @property
    def pace(self) -> float:
        return float(self._colouring[1])

    def _start(self, key: np.uint64, schedule: Cooling) -> IsingRun:
        return _Run(self, key, schedule)


class _Run(IsingRun):
    def __init__(self, annealer: ProbabilisticBits, key: np.uint64, schedule: Cooling) -> None:
        super().__init__(annealer, key, schedule)
        self._back = self._j[annealer.reverse]
        self._order = annealer._colouring[0]

    def steps(self, temperatures: Floats, shares: Floats, true: Floats) -> int:
        a = self.machine
        found = _sweeps(
            self._s,
            self._h,
            self._j,
            self._back,
            a.gain,
            a.indptr,
            a.indices,
            a.pairs,
            self._order,
            temperatures,
            self.key,
            self.step,
            self._force,
            self.x,
            true,
            self.costs,
            self.best,
            self._least,
            self._found,
        )  # fmt: skip
        return int(found)
