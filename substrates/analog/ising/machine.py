"""What every Ising machine here is: spins on a chip instance, a schedule, a look of comparators now and then.

In spins s = 2 x - 1 the cost of the problem is, up to a constant,

    E(s) = sum_i h_i s_i + sum_(i<j) J_ij s_i s_j,     h_i = a_i / 2 + sum_j J^x_ij / 4,     J_ij = J^x_ij / 4,

and the field on a spin is F_i = h_i + sum_j J_ij s_j. A machine is a file with one `IsingMachine` (equations, settings,
faults it can have) and one `IsingRun` (state and compiled steps). Its couplings are the chip's cells: their precision,
mismatch, programming error and drift; offsets and gains act on the field of each spin.

The schedule is a `Cooling`. Machines with noise take its temperatures; machines with a pump or a bifurcation
raise it from 0 to 1 as the temperature falls from high to low, and start afresh where it jumps back.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from substrates.analog.annealer import REFUSED, AnalogAnnealer, Cooling, Run

__all__ = ["COMMON_REFUSED", "IsingMachine", "IsingRun"]

Floats = npt.NDArray[np.float64]

COMMON_REFUSED: Mapping[str, str] = {
    **REFUSED,
    "state_noise": "its noise is the schedule's",
    "readout_noise": "its comparators look at saturated spins",
    "rail": "its spins have the range of their own equations",
}


class IsingMachine(AnalogAnnealer):
    """Base of the machines; arguments as `AnalogAnnealer`, from which chip, schedule and limits come."""

    refused: ClassVar[Mapping[str, str]] = COMMON_REFUSED
    #: spins flip between two looks of the comparators
    read_every: ClassVar[int] = 10
    #: time of a step in time constants of the chip
    step_time: ClassVar[float] = 1.0

    @property
    def couplings(self) -> Floats:
        """J_ij as the chip has them, both directions, in the order of the CSR arrays."""
        return self.cells / 4.0

    @property
    def reverse(self) -> npt.NDArray[np.int64]:
        """Place of (j, i) for every entry (i, j): the cell by which i acts on j."""
        return np.lexsort((self._rows, self.indices)).astype(np.int64)

    @property
    def fields(self) -> Floats:
        """h_i as the chip has them, offsets included."""
        summed = np.bincount(self._rows, self.cells, self.n)
        return np.asarray((self.bias + self.offset) / 2.0 + summed / 4.0, np.float64)

    @property
    def typical_field(self) -> float:
        """Root mean square of sqrt(h_i^2 + sum_j J_ij^2): the size of a field where spins are random."""
        squares = self.fields**2 + np.bincount(self._rows, self.couplings**2, self.n)
        return float(np.sqrt(squares.mean())) or 1.0

    @property
    def coupling_field(self) -> float:
        """Root mean square of sqrt(sum_j J_ij^2), rms J sqrt N in dense problems; `typical_field` without couplings."""
        squares = np.bincount(self._rows, self.couplings**2, self.n)
        return float(np.sqrt(squares.mean())) or self.typical_field

    @property
    def largest_field(self) -> float:
        """Largest eigenvalue of |J| in size (what all spins together can muster), or the typical field."""
        return max(self._collective / 4.0, self.typical_field)

    @property
    def pace(self) -> float:
        return self.step_time

    @abstractmethod
    def _start(self, key: np.uint64, schedule: Cooling) -> IsingRun: ...


class IsingRun(Run):
    """The evolving state of one read; subclasses have `steps`, their compiled loop."""

    def __init__(self, annealer: IsingMachine, key: np.uint64, schedule: Cooling) -> None:
        super().__init__(annealer, key)
        self.machine, self.schedule = annealer, schedule
        self._s = -np.ones(annealer.n)  # the spins, where a machine has no finer state
        self._h, self._j = annealer.fields, annealer.couplings
        self._force = np.zeros(annealer.n)
        self._share = np.full(1, np.inf)  # of the ramp at the step before; a fall is a fresh anneal
        self._least = 1e-12 * annealer.unit

    def shares(self, temperatures: Floats) -> Floats:
        """How far the anneal has come, 0 to 1."""
        schedule = self.schedule
        width = schedule.high - schedule.low
        return (schedule.high - temperatures) / width if width else np.ones(len(temperatures))

    @abstractmethod
    def steps(self, temperatures: Floats, shares: Floats, true: Floats) -> int:
        """One step per temperature; returns the improvements written to ``_found``."""

    def advance(self, temperatures: Floats, target: float | None) -> None:
        del target  # looked at between the pieces of an anneal
        a = self.machine
        true = a.linear + np.bincount(a._rows, a.pairs * self.x[a.indices], a.n)
        self.costs[0] = float(self.x @ a.linear + (self.x[a._rows] * a.pairs * self.x[a.indices]).sum() / 2)
        found = self.steps(temperatures, self.shares(temperatures), true)
        done = len(temperatures)
        self.looks += (self.step + done) // a.read_every - self.step // a.read_every
        self.step += done
        if found:
            self.trace.append(self._found[:found].copy())
            self.best_step = int(self._found[found - 1, 0])
