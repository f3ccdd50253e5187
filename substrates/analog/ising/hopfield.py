"""Memristor Hopfield network: threshold units on a crossbar, whose noise is lowered (Cai et al., Nature
Electronics 3, 409).

    s_i = sgn(-g_i F_i + sigma n),    n normal,    sigma = 0.85 T

for a random ``share`` of the units at a time, all on the fields of before (the published chip updated one; the
crossbar gives
all fields in one read). 0.85 T makes the normal flip probability that of a Boltzmann machine to within 1 %. Time
constant: one read of the crossbar with its comparators.
"""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numba import njit

from substrates.analog.annealer import Cooling
from substrates.analog.ising.kernels import field, look, normal, uniform
from substrates.analog.ising.machine import COMMON_REFUSED, Floats, IsingMachine, IsingRun
from substrates.random import step_key

__all__ = ["MemristorHopfield"]

#: units that may change in one step; two neighbours that change together may undo each other's gain
SHARE = 0.2
SLOPE = 0.85


@njit(cache=True, nogil=True)
def _steps(
    s, h, couplings, back, gain, share, indptr, indices, pairs, temperatures, key, first, force, x, true, costs, best,
    least, improvements, flips,
):  # fmt: skip
    field(s, h, indptr, indices, couplings, force)
    n = s.shape[0]
    found = 0
    for t in range(temperatures.shape[0]):
        step = step_key(key, np.uint64(first + t))
        number = 0
        for i in range(n):
            if uniform(step, i) < share:
                drive = -gain[i] * force[i] + SLOPE * temperatures[t] * normal(step, n + i)
                if (drive >= 0.0) != (s[i] > 0.0):
                    flips[number] = i
                    number += 1
        for k in range(number):
            i = flips[k]
            change = -2.0 * s[i]
            s[i] = -s[i]
            for p in range(indptr[i], indptr[i + 1]):
                force[indices[p]] += back[p] * change
        found = look(s, x, true, indptr, indices, pairs, costs, best, least, found, improvements, first + t + 1)
    return found


class MemristorHopfield(IsingMachine):
    """Holds one problem in a crossbar. A step is one read of the crossbar and its comparators."""

    name: ClassVar[str] = "memristor-hopfield"
    nominal_s: ClassVar[float] = 1e-8  #: a read of the crossbar
    refused: ClassVar = {**COMMON_REFUSED, "time_constant_mismatch": "its updates are clocked"}
    read_every: ClassVar[int] = 1

    def _start(self, key: np.uint64, schedule: Cooling) -> IsingRun:
        return _Run(self, key, schedule)


class _Run(IsingRun):
    def __init__(self, annealer: MemristorHopfield, key: np.uint64, schedule: Cooling) -> None:
        super().__init__(annealer, key, schedule)
        self._back = self._j[annealer.reverse]
        self._flips = np.zeros(annealer.n + 1, np.int64)
        # Few neighbours rarely meet; on a small or sparse problem the share keeps one change in a neighbourhood.
        degree = len(self._j) / annealer.n
        self._update = max(min(SHARE, 4.0 / max(degree, 1.0)), 1.0 / annealer.n)

    def steps(self, temperatures: Floats, shares: Floats, true: Floats) -> int:
        a = self.machine
        found = _steps(
            self._s,
            self._h,
            self._j,
            self._back,
            a.gain,
            self._update,
            a.indptr,
            a.indices,
            a.pairs,
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
            self._flips,
        )  # fmt: skip
        return int(found)
