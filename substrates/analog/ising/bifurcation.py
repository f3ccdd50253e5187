"""Simulated bifurcation: oscillators whose rest becomes two as a pump rises (Goto et al., Science Advances 7,
eabe7953).

    dy_i/dt = -(1 - a) x_i - c g_i F_i(x),        dx_i/dt = y_i / tau_i,        |x_i| > 1: x_i = sgn x_i, y_i = 0

with a from 0 to 1. Ballistic: F of x; discrete: F of sgn x. c = ``STRENGTH`` / (rms J sqrt N). The symplectic
step dt is
0.75 (ballistic) or 0.5 (discrete), or what the couplings' largest eigenvalue lambda allows, dt^2 (1 + c lambda) <
4 with a margin. Time constant: one step of the oscillators. Starts from small random x, y.
"""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numba import njit

from hw_profiles.ledger import Component, Event, Ledger, Phase
from substrates.analog.annealer import Cooling
from substrates.analog.ising.kernels import field, look, uniform
from substrates.analog.ising.machine import Floats, IsingMachine, IsingRun
from substrates.random import step_key

__all__ = ["BallisticBifurcation", "DiscreteBifurcation"]

STRENGTH = 0.5
STEP, DISCRETE_STEP = 0.75, 0.5
START = 0.1


@njit(cache=True, nogil=True)
def _steps(
    position, momentum, spins, h, couplings, gain, tau, strength, dt, discrete, indptr, indices, pairs, shares,
    last, key, first, read_every, force, x, true, costs, best, least, improvements,
):  # fmt: skip
    n = position.shape[0]
    found = 0
    for t in range(shares.shape[0]):
        if shares[t] < last[0]:  # a fresh anneal
            step = step_key(key, np.uint64(first + t))
            for i in range(n):
                position[i] = START * (2.0 * uniform(step, i) - 1.0)
                momentum[i] = START * (2.0 * uniform(step, n + i) - 1.0)
        last[0] = shares[t]
        if discrete:
            for i in range(n):
                spins[i] = 1.0 if position[i] > 0.0 else -1.0
            field(spins, h, indptr, indices, couplings, force)
        else:
            field(position, h, indptr, indices, couplings, force)
        for i in range(n):
            momentum[i] -= dt * ((1.0 - shares[t]) * position[i] + strength * gain[i] * force[i])
            position[i] += dt * momentum[i] / tau[i]
            if abs(position[i]) > 1.0:
                position[i] = 1.0 if position[i] > 0.0 else -1.0
                momentum[i] = 0.0
        if (first + t + 1) % read_every == 0:
            found = look(
                position, x, true, indptr, indices, pairs, costs, best, least, found, improvements, first + t + 1
            )
    return found


class BallisticBifurcation(IsingMachine):
    """Holds one problem in coupled oscillators; the field is linear in their positions."""

    name: ClassVar[str] = "ballistic-bifurcation"
    discrete: ClassVar[bool] = False

    @property
    def strength(self) -> float:
        """c: weight of the couplings against the oscillators' own restoring force."""
        return STRENGTH / self.coupling_field

    @property
    def step(self) -> float:
        """dt, in the oscillators' own time."""
        slow = float(self.tau.min())
        return float(
            min(
                DISCRETE_STEP if self.discrete else STEP,
                1.8 * np.sqrt(slow / (1.0 + self.strength * self.largest_field)),
            )
        )

    def _start(self, key: np.uint64, schedule: Cooling) -> IsingRun:
        return _Run(self, key, schedule)

    def _count(self, steps: int, reads: int, looks: int) -> Ledger:
        """What the published machines do: processors that multiply the whole matrix in every step."""
        del reads, looks  # signs are at hand, and the start is drawn on the spot
        ledger = Ledger()
        ledger.add(Event.STEPS, steps, component=Component.MACHINE, phase=Phase.ANNEAL)
        ledger.add(Event.MACS, steps * self.n * self.n, component=Component.PROCESSOR, phase=Phase.ANNEAL)
        return ledger


class DiscreteBifurcation(BallisticBifurcation):
    """Holds one problem in coupled oscillators; the field is that of their signs."""

    name: ClassVar[str] = "discrete-bifurcation"
    discrete: ClassVar[bool] = True


class _Run(IsingRun):
    def __init__(self, annealer: BallisticBifurcation, key: np.uint64, schedule: Cooling) -> None:
        super().__init__(annealer, key, schedule)
        self._position, self._momentum, self._spins = (np.zeros(annealer.n) for _ in range(3))
        self._settings = (annealer.strength, annealer.step, annealer.discrete)

    def steps(self, temperatures: Floats, shares: Floats, true: Floats) -> int:
        a = self.machine
        found = _steps(
            self._position,
            self._momentum,
            self._spins,
            self._h,
            self._j,
            a.gain,
            a.tau,
            *self._settings,
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
