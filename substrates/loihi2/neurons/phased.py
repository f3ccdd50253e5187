"""The relaxation neuron that knows the phases: it keeps its own response to the nudge, on the chip, in 24 bits.

Steps count from 1. After ``free_steps`` the nudge is plus for ``nudge_steps``, then minus for as many, and so on. With
v the activity after the step's update, s = +1 or -1 the sign of the half period a step lies in:

    centered (periods = 0):   e += v at the last step of the first plus, e -= v at the last step of the first minus
    lock-in (periods > 0):    e += s v at every step of ``periods`` whole periods, after ``skip`` that are left out

``e`` saturates at 24 bits. Everything else is `relaxation`. Our specification: Intel's microcode is not public.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons import relaxation
from substrates.loihi2.neurons.base import OWN_MICROCODE, ChipModel, Int32
from substrates.loihi2.neurons.relaxation import Relaxation, activate
from substrates.loihi2.widths import integer_in, saturate

__all__ = ["PhasedRelaxation", "advance", "latch_sign"]

STEPS_MAX = 2**15


@njit(cache=True, inline="always")
def latch_sign(time: int, free_steps: int, nudge_steps: int, periods: int, skip: int) -> int:
    """What v counts for at step ``time`` (from 1): +1, -1, or 0."""
    t = time - free_steps - 1
    if t < 0:
        return 0
    half = t // nudge_steps
    sign = 1 - 2 * (half % 2)
    if periods == 0:
        return sign if half < 2 and (t + 1) % nudge_steps == 0 else 0
    return sign if skip <= half // 2 < skip + periods else 0


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[Any], table: Int32, time: int
) -> int:
    """One time step of a population; returns how many values saturated."""
    overflows = relaxation.advance(state, a_in, bias, out, parameters, table, time)
    sign = latch_sign(time, parameters[8], parameters[9], parameters[10], parameters[11])
    if sign == 0:
        return overflows
    for i in range(a_in.shape[0]):
        v = activate(state[2, i], parameters[2], table, parameters[3], parameters[4], parameters[5])
        total = state[4, i] + sign * v
        kept = saturate(total)
        overflows += int(kept != total)
        state[4, i] = kept
    return overflows


@dataclass(frozen=True, eq=False)
class PhasedRelaxation(Relaxation):
    """Parameters of a `Relaxation` population that keeps its response.

    Args:
        free_steps: length of the free phase, in steps.
        nudge_steps: length of a nudged phase.
        periods: 0 for the centered difference; else periods of the square wave.
        skip: periods that run first and are not counted.
    """

    free_steps: int = 150
    nudge_steps: int = 20
    periods: int = 0
    skip: int = 0

    name: ClassVar[str] = "phased-relaxation"
    variables: ClassVar[tuple[str, ...]] = (*Relaxation.variables, "response")
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = OWN_MICROCODE

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, low in (("free_steps", 0), ("nudge_steps", 1), ("periods", 0), ("skip", 0)):
            integer_in(name, getattr(self, name), low, STEPS_MAX)

    def parameters(self) -> tuple[int, ...]:
        return (*super().parameters(), self.free_steps, self.nudge_steps, self.periods, self.skip)
