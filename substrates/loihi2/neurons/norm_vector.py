"""Graded vector to be normalised: squares out, values times a factor back. Source: Lava's ``NormVecDelayModel``.

    square  = first(t)^2                                     wraps at 32 bits, as the product does
    message = first(t-1) second(t) if its magnitude > vth else 0

``second`` is the factor that `inverse_root` makes of the squares' sum. Lava's text says that the value waits for two
steps; its model, and so this one, lets it wait for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.base import IN_CLOSED_EXTENSION, ChipModel, Int32, LavaName, LavaProcess, Neuron
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.widths import STATE_MAX, integer_in, outside

__all__ = ["NormVector", "advance"]


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many squares or products are outside 24 bits."""
    kept, before, vth = state[0], state[1], np.int32(parameters[0])
    n = kept.shape[0]
    overflows = 0
    for i in range(n):
        value = a_in[i]
        whole, square = np.int64(kept[i]) * np.int64(a_in[n + i]), np.int64(value) * np.int64(value)
        before[i], kept[i] = kept[i], value
        product = np.int32(whole)
        out[i] = product if np.int32(abs(product)) > vth else np.int32(0)
        out[n + i] = np.int32(square)
        wrapped = (whole != product) | (square != np.int32(square))
        overflows += int(wrapped | (outside(product) != 0) | (outside(np.int32(square)) != 0))
    return overflows


@dataclass(frozen=True, eq=False)
class NormVector(Neuron):
    """Parameter of a vector to be normalised (Lava: NormVecDelay): ``vth``, the largest magnitude that stays silent."""

    vth: int = 1

    name: ClassVar[str] = "norm-vector"
    variables: ClassVar[tuple[str, ...]] = ("v", "v2")
    inputs: ClassVar[tuple[str, ...]] = ("first", "second")
    outputs: ClassVar[tuple[str, ...]] = ("message", "square")
    lava_ports: ClassVar[Mapping[str, str]] = {"first": "a_in1", "second": "a_in2", "square": "s2_out"}
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("lava.proc.graded.process.NormVecDelay", IN_CLOSED_EXTENSION)
    process: ClassVar[LavaName] = LavaName("lava.proc.graded.process", "NormVecDelay")

    def __post_init__(self) -> None:
        integer_in("vth", self.vth, 0, STATE_MAX)

    @classmethod
    def example(cls, rng: np.random.Generator, n: int) -> NormVector:
        return cls(int(rng.integers(0, 400)))

    @classmethod
    def from_lava(cls, given: Given) -> NormVector:
        return cls(given.integer("vth"))

    def parameters(self) -> tuple[int, ...]:
        return (self.vth,)

    def lava(self, n: int) -> LavaProcess | None:
        return LavaProcess(self.process, {"shape": (n,), "vth": self.vth})
