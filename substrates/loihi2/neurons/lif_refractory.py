"""LIF with a refractory period. Our integer specification: Lava has this neuron in floating point only.

Current, voltage, threshold and bias follow the integer rules of ``lif``; the refractory rule is that of Lava's
``PyLifRefractoryModelFloat``, which needs no rounding:

    v is updated only if ``ready < time``        the current always is
    on a spike: v <- 0, ready <- time + refractory_period

So a neuron that fired at step t can fire again at step t + refractory_period + 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.base import OWN_MICROCODE, ChipModel, Int32, LavaProcess
from substrates.loihi2.neurons.lif import LIF
from substrates.loihi2.widths import decay, integer_in, saturate32, wrap_once

__all__ = ["LIFRefractory", "advance"]


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many wrapped their current or saturated their voltage."""
    u, v, ready = state[0], state[1], state[2]
    keep_u, keep_v = np.int32(parameters[0]), np.int32(parameters[1])
    threshold = np.int32(parameters[2])
    now, end = np.int32(time), np.int32(time + parameters[3])
    overflows = 0
    for i in range(u.shape[0]):
        current = np.int32(decay(u[i], keep_u) + np.int32(a_in[i] << 6))
        wrapped = wrap_once(current)
        u[i] = wrapped
        awake = ready[i] < now
        voltage = np.int32(np.int32(decay(v[i], keep_v) + wrapped) + bias[i]) if awake else v[i]
        clipped = saturate32(voltage)
        overflows += int((wrapped != current) | (clipped != voltage))
        fires = clipped > threshold
        v[i] = np.int32(0) if fires else clipped
        ready[i] = end if fires else ready[i]
        out[i] = np.int32(fires)
    return overflows


@dataclass(frozen=True, eq=False)
class LIFRefractory(LIF):
    """Parameters of a `LIF`, and ``refractory_period``: steps after a spike without voltage update, 1 to 63."""

    refractory_period: int = 1

    name: ClassVar[str] = "lif-refractory"
    variables: ClassVar[tuple[str, ...]] = ("u", "v", "ready")
    kernel: ClassVar[Any] = staticmethod(advance)
    built_in: ClassVar[bool] = False
    chip: ClassVar[ChipModel] = OWN_MICROCODE

    def __post_init__(self) -> None:
        super().__post_init__()
        integer_in("the refractory period", self.refractory_period, 1, 63)

    def parameters(self) -> tuple[int, ...]:
        return (*super().parameters(), self.refractory_period)

    def lava(self, n: int) -> LavaProcess | None:
        return None  # Lava has this neuron in floating point only
