"""Phases on the chip: free, plus, minus by schedule; the response kept in the neurons, in integers.

    centered:   free (T1) -> +beta (T2) -> back to free -> -beta (T2);     e = v+ - v-
    lock-in:    +beta (T2) -> -beta (T2) -> +beta ... without reset;       e = sum over steps of s(t) v(t), s = +-1

Each neuron latches v at the end of the plus phase and subtracts v at the end of the minus phase (centered), or adds
and subtracts v at every step (lock-in), in a 24-bit register. Hidden responses are small (a median of 2e-4), too small
for a 7-bit trace, so a population shifts its own left by a power of two before it uses them: `rescale`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from substrates.base import Equilibrium, Nudge, Stop
from substrates.loihi2.neurons.relaxation import STATE_MAX
from substrates.loihi2.relaxation.layout import Int64, Rules, activities_of
from substrates.loihi2.relaxation.machine import ChipDrive, Loihi2Machine

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PhaseSchedule", "Response", "measure_response", "rescale", "response_shifts"]


@dataclass(frozen=True)
class PhaseSchedule:
    """How long each phase lasts, in time steps of the chip.

    Args:
        free_steps: T1; an upper bound, quiescence ends a sample's phase early.
        nudge_steps: T2, likewise (lock-in phases never end early: the wave waits for nobody).
        beta: size of the nudge.
        periods: 0 for the centered difference; otherwise periods of the square wave.
        skip: periods run first and not counted (lock-in).
        on_chip: run as the chip does by itself, the host away: plus goes straight into minus, and the size of the
            nudge's force is the one taken at the free state throughout. Such a schedule is one program
            (`phase_program`). Otherwise minus starts from the free state again (a copy kept by the host or
            in further state words), and a wave's force follows the mean of the last two half periods.

    Raises:
        InputError: negative steps, a nudge that is not above zero.
    """

    free_steps: int = 150
    nudge_steps: int = 20
    beta: float = 0.5
    periods: int = 0
    skip: int = 0
    on_chip: bool = False

    def __post_init__(self) -> None:
        if min(self.free_steps, self.periods, self.skip) < 0 or self.nudge_steps < 1:
            raise InputError("steps and periods cannot be negative, and a nudged phase needs at least one step")
        if not 0 < self.beta < float("inf"):
            raise InputError(f"the nudge must be above zero, got {self.beta}")

    @property
    def half_periods(self) -> int:
        """How many nudged phases there are."""
        return 2 * (self.skip + self.periods) if self.periods else 2

    @property
    def steps(self) -> int:
        """All steps of a sample that never falls silent."""
        return self.free_steps + self.half_periods * self.nudge_steps


@dataclass(frozen=True)
class Response:
    """What the neurons hold after the phases.

    Attributes:
        free: the free equilibrium (for lock-in: the state the wave started from).
        activity: (batch, neurons) v where the rule operates: free, or the mean over the wave.
        error: (batch, neurons) e; dv/dbeta = e / scale.
        scale: units of e per unit of dv/dbeta.
        converged: (batch,) all phases ended quiescent or with a residual below the limit.
        ledger: all phases.
    """

    free: Equilibrium
    activity: Int64
    error: Int64
    scale: float
    converged: npt.NDArray[np.bool_]
    ledger: Ledger = field(default_factory=Ledger)

    def errors(self, machine: Loihi2Machine) -> tuple[Tensor, ...]:
        """dv/dbeta as float tensors, one per population."""
        return machine.split(self.error / self.scale)

    def activities(self, machine: Loihi2Machine) -> tuple[Tensor, ...]:
        """v as float tensors, one per population."""
        return machine.split(self.activity / machine.settings.one)

    def silent_share(self, rules: Rules) -> tuple[float, ...]:
        """Per population, the share of responses that are exactly zero.

        Near 1 in the hidden layers means that the threshold swallowed the nudge: lower it or raise beta.
        """
        edges = zip(rules.offset[:-1], rules.offset[1:])
        return tuple(float(np.mean(self.error[:, int(lo) : int(hi)] == 0)) for lo, hi in edges)


def measure_response(
    machine: Loihi2Machine, drive: ChipDrive, target: Tensor, schedule: PhaseSchedule | None = None
) -> Response:
    """Run the schedule on a batch and return the free state and the response to the nudge."""
    schedule = schedule or PhaseSchedule()
    return (
        _lock_in(machine, drive, target, schedule) if schedule.periods else _centered(machine, drive, target, schedule)
    )


def _centered(machine: Loihi2Machine, drive: ChipDrive, target: Tensor, schedule: PhaseSchedule) -> Response:
    free = machine.relax(drive, Stop(schedule.free_steps))
    stop, rules = Stop(schedule.nudge_steps), machine.chip.rules
    plus = machine.relax(drive, stop, nudge=Nudge(schedule.beta, target), start=free)
    before = plus if schedule.on_chip else free
    minus = machine.relax(drive, stop, nudge=Nudge(-schedule.beta, target), start=before)
    latch = np.clip(_activity(plus, rules) - _activity(minus, rules), -STATE_MAX, STATE_MAX)
    converged = (free.converged & plus.converged & minus.converged).numpy()
    ledger = free.ledger + plus.ledger + minus.ledger
    return Response(free, _activity(free, rules), latch, 2.0 * schedule.beta * machine.settings.one, converged, ledger)


def _lock_in(machine: Loihi2Machine, drive: ChipDrive, target: Tensor, schedule: PhaseSchedule) -> Response:
    free = at = machine.relax(drive, Stop(schedule.free_steps))
    ledger = Ledger(free.ledger)
    accumulated = np.zeros((drive.batch, machine.chip.num_neurons), np.int64)
    total = np.zeros_like(accumulated)
    for period in range(schedule.skip + schedule.periods):
        for sign in (1, -1):
            nudge = Nudge(sign * schedule.beta, target)
            at, tally = machine.relax_tallied(
                drive, Stop(schedule.nudge_steps), nudge=nudge, start=at, sum_activity=True
            )
            ledger.merge(at.ledger)
            if schedule.on_chip:
                at = replace(at, state=replace(at.state, nudged=()))
            # A sample that fell silent holds its activity for the rest of the half period.
            rest = (schedule.nudge_steps - tally.steps)[:, None] * _activity(at, machine.chip.rules)
            if period >= schedule.skip:
                accumulated += sign * (tally.activity_sum + rest)
                total += tally.activity_sum + rest
    samples = schedule.periods * schedule.nudge_steps
    clipped = np.clip(accumulated, -STATE_MAX, STATE_MAX)
    scale = 2.0 * schedule.beta * machine.settings.one * samples
    return Response(free, total // (2 * samples), clipped, scale, at.converged.numpy(), ledger)


def _activity(equilibrium: Equilibrium, rules: Rules) -> Int64:
    return activities_of(equilibrium.state.states.u, rules)


def response_shifts(error: Int64, rules: Rules, bits: int = 8) -> Int64:
    """Per population, the left shift that brings the largest 1 % of |e| near the range of ``bits`` signed bits."""
    shifts = np.zeros(len(rules.kind), np.int64)
    for p, (lo, hi) in enumerate(zip(rules.offset[:-1], rules.offset[1:])):
        top = max(float(np.quantile(np.abs(error[:, lo:hi]), 0.99)), 1.0)
        shifts[p] = int(np.floor(np.log2((2 ** (bits - 1) - 1) / top)))
    return shifts


def rescale(error: Int64, rules: Rules, shifts: Int64, bits: int = 8) -> Int64:
    """e * 2^shift, rounded down and clipped to ``bits`` signed bits: the graded spike of the update window."""
    limit = 2 ** (bits - 1) - 1
    scaled = np.empty_like(error)
    for p, (lo, hi) in enumerate(zip(rules.offset[:-1], rules.offset[1:])):
        e = error[:, lo:hi]
        k = int(shifts[p])
        # Half a unit is added before a right shift, so that small errors do not all round to -1.
        scaled[:, lo:hi] = e << k if k >= 0 else (e + (1 << (-k - 1))) >> -k
    return np.clip(scaled, -limit, limit)
