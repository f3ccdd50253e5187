"""Graded vector: passes its input on where its magnitude exceeds a threshold. Source: Lava's ``PyGradedVecModelFixed``.

    message = a_in if |a_in| > vth else 0

Nothing is kept between steps. Lava's process has an exponent, too, which its model does not use.
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

__all__ = ["GradedVector", "advance"]


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many inputs are outside 24 bits."""
    vth = np.int32(parameters[0])
    overflows = 0
    for i in range(a_in.shape[0]):
        out[i] = a_in[i] if np.int32(abs(a_in[i])) > vth else np.int32(0)
        overflows += outside(a_in[i])
    return overflows


@dataclass(frozen=True, eq=False)
class GradedVector(Neuron):
    """Parameters of a graded vector population: ``vth``, the largest magnitude that stays silent."""

    vth: int = 1

    name: ClassVar[str] = "graded-vector"
    variables: ClassVar[tuple[str, ...]] = ()
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("lava.proc.graded.process.GradedVec", IN_CLOSED_EXTENSION)
    process: ClassVar[LavaName] = LavaName("lava.proc.graded.process", "GradedVec")

    def __post_init__(self) -> None:
        integer_in("vth", self.vth, 0, STATE_MAX)

    @classmethod
    def example(cls, rng: np.random.Generator, n: int) -> GradedVector:
        return cls(int(rng.integers(0, 400)))

    @classmethod
    def from_lava(cls, given: Given) -> GradedVector:
        return cls(given.integer("vth"))

    def parameters(self) -> tuple[int, ...]:
        return (self.vth,)

    def lava(self, n: int) -> LavaProcess | None:
        return LavaProcess(self.process, {"shape": (n,), "vth": self.vth})
