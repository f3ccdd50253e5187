"""Sigma: the running sum of its input, sent whole at every step. Source: Lava's public ``PySigmaModelFixed``.

    sigma <- sigma + a_in,   message = sigma

Lava keeps sigma in 32 bits; we keep the same bits and count every step at which it leaves the chip's 24.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.base import IN_CLOSED_EXTENSION, ChipModel, Int32, LavaName, LavaProcess, Neuron
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.widths import outside

__all__ = ["Sigma", "advance"]


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many sums are outside 24 bits."""
    sigma = state[0]
    overflows = 0
    for i in range(sigma.shape[0]):
        total = np.int32(sigma[i] + a_in[i])
        sigma[i] = total
        out[i] = total
        overflows += outside(total)
    return overflows


@dataclass(frozen=True, eq=False)
class Sigma(Neuron):
    """A sigma population has no parameters."""

    name: ClassVar[str] = "sigma"
    variables: ClassVar[tuple[str, ...]] = ("sigma",)
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("lava.proc.sdn.process.Sigma", IN_CLOSED_EXTENSION)
    process: ClassVar[LavaName] = LavaName("lava.proc.sdn.process", "Sigma")

    @classmethod
    def from_lava(cls, given: Given) -> Sigma:
        return cls()

    def parameters(self) -> tuple[int, ...]:
        return ()

    def lava(self, n: int) -> LavaProcess | None:
        return LavaProcess(self.process, {"shape": (n,)})
