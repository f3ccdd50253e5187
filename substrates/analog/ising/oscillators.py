"""Oscillators locked by a tone of twice their frequency: phases 0 and pi are spins (Wang, Roychowdhury, arXiv
1903.07163).

    dphi_i = [ g_i sin phi_i (h_i + sum_j J_ij q(cos phi_j)) - K_s sin 2 phi_i + omega_i ] dt + sqrt(2 T dt) n

s_i = sgn cos phi_i. q(c) = tanh(10 c): the oscillators couple by their square waves, compared with a reference of phase
0, as rings of inverters do; with sine waves, phases that stray a little outweigh what a spin gains where fields
are large.
At phases 0 and pi this is the descent of E(s). K_s rises from 0 to ``LOCK`` times the couplings' field as the
anneal goes
on, T falls with the schedule. omega_i is each oscillator's detuning: the chip's time constant mismatch times
``QUALITY``
such fields; an oscillator detuned by more than K_s does not lock, and such a chip is refused. Time constant: the
inverse of the locking bandwidth, some tens of periods.
"""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from substrates.analog.annealer import Cooling
from substrates.analog.imperfections.parameters import ChipParameters
from substrates.analog.ising.kernels import look, normal, uniform
from substrates.analog.ising.machine import Floats, IsingMachine, IsingRun
from substrates.random import step_key

__all__ = ["OscillatorIsingMachine"]

LOCK, QUALITY, SQUARE = 0.1, 1.0, 10.0
STEP = 0.5  #: of a step in units of one over the typical field


@njit(cache=True, nogil=True)
def _steps(
    phase, cosine, sine, h, couplings, gain, detuning, settings, indptr, indices, pairs, temperatures, shares,
    last, key, first, read_every, x, true, costs, best, least, improvements,
):  # fmt: skip
    dt, lock = settings[0], settings[1]
    n = phase.shape[0]
    found = 0
    for t in range(shares.shape[0]):
        step = step_key(key, np.uint64(first + t))
        if shares[t] < last[0]:
            for i in range(n):
                phase[i] = 2.0 * np.pi * uniform(step, n + i)
        last[0] = shares[t]
        for i in range(n):
            cosine[i] = np.tanh(SQUARE * np.cos(phase[i]))
            sine[i] = np.sin(phase[i])
        noise = np.sqrt(2.0 * temperatures[t] * dt)
        for i in range(n):
            along = h[i]
            for p in range(indptr[i], indptr[i + 1]):
                along += couplings[p] * cosine[indices[p]]
            pull = gain[i] * sine[i] * along
            tone = lock * shares[t] * np.sin(2.0 * phase[i])
            phase[i] += dt * (pull - tone + detuning[i]) + noise * normal(step, i)
        if (first + t + 1) % read_every == 0:
            for i in range(n):
                cosine[i] = np.cos(phase[i])
            found = look(
                cosine, x, true, indptr, indices, pairs, costs, best, least, found, improvements, first + t + 1
            )
    return found


class OscillatorIsingMachine(IsingMachine):
    """Holds one problem in coupled, sub-harmonically locked oscillators.

    Raises:
        InputError: an oscillator of this chip instance is detuned by more than the tone can lock.
    """

    name: ClassVar[str] = "oscillators"
    nominal_s: ClassVar[float] = 1e-8  #: tens of periods of a ring of inverters

    def __init__(
        self,
        indptr: npt.ArrayLike,
        indices: npt.ArrayLike,
        pairs: npt.ArrayLike,
        linear: npt.ArrayLike,
        chip: ChipParameters | None = None,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__(indptr, indices, pairs, linear, chip, seed=seed)
        wrong = int((np.abs(self.detuning) > self.lock).sum())
        if wrong:
            worst = float(np.abs(self.tau - 1.0).max())
            raise InputError(
                f"{wrong} of {self.n} oscillators of this chip do not lock: detuned by up to {worst:.1%} of a "
                f"period where "
                f"{LOCK / QUALITY:.1%} is what the tone can hold; choose a smaller time_constant_mismatch or "
                f"another chip"
            )

    @property
    def lock(self) -> float:
        """K_s at the end of the anneal."""
        return LOCK * self.coupling_field

    @property
    def detuning(self) -> Floats:
        """omega_i, in units of the field."""
        return (self.tau - 1.0) * QUALITY * self.coupling_field

    def _start(self, key: np.uint64, schedule: Cooling) -> IsingRun:
        return _Run(self, key, schedule)


class _Run(IsingRun):
    def __init__(self, annealer: OscillatorIsingMachine, key: np.uint64, schedule: Cooling) -> None:
        super().__init__(annealer, key, schedule)
        self._phase, self._cosine, self._sine = (np.zeros(annealer.n) for _ in range(3))
        dt = min(STEP / annealer.coupling_field, 1.0 / annealer.largest_field)
        self._settings = np.array([dt, annealer.lock])
        self._detuning = annealer.detuning

    def steps(self, temperatures: Floats, shares: Floats, true: Floats) -> int:
        a = self.machine
        found = _steps(
            self._phase,
            self._cosine,
            self._sine,
            self._h,
            self._j,
            a.gain,
            self._detuning,
            self._settings,
            a.indptr,
            a.indices,
            a.pairs,
            temperatures,
            shares,
            self._share,
            self.key,
            self.step,
            a.read_every,
            self.x,
            true,
            self.costs,
            self.best,
            self._least,
            self._found,
        )  # fmt: skip
        return int(found)
