"""Coherent Ising machine with amplitude control: optical pulses whose gain is corrected one by one.

    dx_i = x_i (r - 1 - x_i^2) - c e_i g_i F_i(tanh k x)
    de_i = -xi (x_i^2 - a) e_i,        a = 1 + rho tanh(delta (E_now - E_best))

Amplitudes that stray from a have their own feedback e_i strengthened or weakened, which destabilises local minima
(Leleu et al., Phys. Rev. Lett. 122, 040607 and Communications Physics 4, 266). The processor that feeds the pulses back
saturates
their amplitudes (k = ``SQUARE``): linear in x, amplitudes that differ by a few percent outweigh what a spin gains where
fields are large. xi rises by ``GAMMA`` a unit of time and is reset after ``PATIENCE`` without gain. e stays
between 1/32
and 32. Time constant: one round trip. The noise of the pulses is not modelled; runs differ by their random start.
"""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numba import njit

from substrates.analog.annealer import Cooling
from substrates.analog.ising.kernels import field, look, uniform
from substrates.analog.ising.machine import COMMON_REFUSED, Floats, IsingMachine, IsingRun
from substrates.random import step_key

__all__ = ["CoherentIsingMachine"]

PUMP, STRENGTH, GAMMA, DELTA, RHO = 0.2, 0.25, 0.0005, 3.0, 1.0
STEP = 0.125
SQUARE = 3.0
PATIENCE = 200.0  #: round trips
LARGEST = 32.0


@njit(cache=True, nogil=True)
def _steps(
    amplitude, error, spins, control, h, couplings, gain, settings, indptr, indices, pairs, shares, last, key, first,
    read_every, force, x, true, costs, best, least, improvements,
):  # fmt: skip
    """control: [xi, time since the last gain, best of this anneal]."""
    strength, dt, unit, square = settings[0], settings[1], settings[2], settings[3]
    n = spins.shape[0]
    found = 0
    for t in range(shares.shape[0]):
        if shares[t] < last[0]:
            step = step_key(key, np.uint64(first + t))
            for i in range(n):
                amplitude[i] = 0.2 * (2.0 * uniform(step, i) - 1.0)
                error[i] = 1.0
            control[0], control[1], control[2] = 0.0, 0.0, np.inf
        last[0] = shares[t]
        for i in range(n):
            spins[i] = np.tanh(square * amplitude[i])
        field(spins, h, indptr, indices, couplings, force)
        level = 1.0 + RHO * np.tanh(DELTA * min((costs[0] - control[2]) / unit, 30.0)) if control[2] < np.inf else 1.0
        for i in range(n):
            v = amplitude[i]
            moved = v + dt * (v * (PUMP - 1.0 - v * v) - strength * error[i] * gain[i] * force[i])
            amplitude[i] = min(max(moved, -4.0), 4.0)
            e = error[i] * np.exp(-dt * control[0] * (v * v - level))
            error[i] = min(max(e, 1.0 / LARGEST), LARGEST)
        control[0] += GAMMA * dt
        control[1] += dt
        if (first + t + 1) % read_every == 0:
            found = look(
                amplitude, x, true, indptr, indices, pairs, costs, best, least, found, improvements, first + t + 1
            )
            if costs[0] < control[2]:
                control[2] = costs[0]
                control[1] = 0.0
            elif control[1] > PATIENCE:
                control[0], control[1] = 0.0, 0.0
    return found


class CoherentIsingMachine(IsingMachine):
    """Holds one problem in degenerate optical pulses with amplitude control."""

    name: ClassVar[str] = "coherent-ising"
    nominal_s: ClassVar[float] = 5e-6  #: a kilometre of fibre
    refused: ClassVar = {**COMMON_REFUSED, "time_constant_mismatch": "all pulses share one cavity"}

    @property
    def strength(self) -> float:
        """c: the couplings' weight, so that the largest field meets the pulses' own losses."""
        return STRENGTH / self.coupling_field

    def _start(self, key: np.uint64, schedule: Cooling) -> IsingRun:
        return _Run(self, key, schedule)


class _Run(IsingRun):
    def __init__(self, annealer: CoherentIsingMachine, key: np.uint64, schedule: Cooling) -> None:
        super().__init__(annealer, key, schedule)
        self._amplitude, self._error, self._spins = np.zeros(annealer.n), np.ones(annealer.n), np.zeros(annealer.n)
        self._control = np.array([0.0, 0.0, np.inf])
        dt = min(STEP, 1.0 / (1.0 + annealer.strength * annealer.largest_field))
        self._settings = np.array([annealer.strength, dt, annealer.coupling_field * np.sqrt(annealer.n), SQUARE])

    def steps(self, temperatures: Floats, shares: Floats, true: Floats) -> int:
        a = self.machine
        found = _steps(
            self._amplitude,
            self._error,
            self._spins,
            self._control,
            self._h,
            self._j,
            a.gain,
            self._settings,
            a.indptr,
            a.indices,
            a.pairs,
            shares,
            self._share,
            self.key,
            self.step,
            a.read_every,
            self._force,
            self.x,
            true,
            self.costs,
            self.best,
            self._least,
            self._found,
        )  # fmt: skip
        return int(found)
