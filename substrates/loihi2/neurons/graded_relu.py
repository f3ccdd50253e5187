"""Graded ReLU: passes its input on when that exceeds a threshold. Source: Lava's public ``PyGradedReluVecModelFixed``.

    v = a_in,   message = v if v > vth else 0,   v <- 0

Nothing is kept between steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.base import IN_CLOSED_EXTENSION, ChipModel, Int32, LavaName, LavaProcess, Neuron
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.widths import STATE_MAX, integer_in, outside

__all__ = ["GradedReLU", "advance"]


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many inputs are outside 24 bits."""
    vth = np.int32(parameters[0])
    overflows = 0
    for i in range(a_in.shape[0]):
        out[i] = a_in[i] if a_in[i] > vth else np.int32(0)
        overflows += outside(a_in[i])
    return overflows


@dataclass(frozen=True, eq=False)
class GradedReLU(Neuron):
    """Parameters of a graded ReLU population: ``vth``, the largest input that stays silent."""

    vth: int = 1

    name: ClassVar[str] = "graded-relu"
    variables: ClassVar[tuple[str, ...]] = ()
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("lava.proc.graded.process.GradedReluVec", IN_CLOSED_EXTENSION)
    process: ClassVar[LavaName] = LavaName("lava.proc.graded.process", "GradedReluVec")

    def __post_init__(self) -> None:
        integer_in("vth", self.vth, -STATE_MAX, STATE_MAX)

    @classmethod
    def from_lava(cls, given: Given) -> GradedReLU:
        return cls(given.integer("vth"))

    def parameters(self) -> tuple[int, ...]:
        return (self.vth,)

    def lava(self, n: int) -> LavaProcess | None:
        return LavaProcess(self.process, {"shape": (n,), "vth": self.vth})
