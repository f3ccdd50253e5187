"""Product of two inputs. Source: Lava's public ``PyProdNeuronModelFixed``.

    p = (first * second) >> exp        the product wraps at 32 bits, the shift rounds down
    message = p if |p| > vth else 0

Nothing is kept between steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.base import CPU_ONLY, ChipModel, Int32, LavaName, LavaProcess, Neuron
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.widths import STATE_MAX, integer_in, outside

__all__ = ["Product", "advance"]


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many products wrapped or results are outside 24 bits."""
    vth, exp = np.int32(parameters[0]), np.int32(parameters[1])
    n = out.shape[0]
    overflows = 0
    for i in range(n):
        whole = np.int64(a_in[i]) * np.int64(a_in[n + i])
        product = np.int32(whole)
        value = np.int32(product >> exp)
        out[i] = value if np.int32(abs(value)) > vth else np.int32(0)
        overflows += int((whole != product) | (outside(value) != 0))
    return overflows


@dataclass(frozen=True, eq=False)
class Product(Neuron):
    """Parameters: ``vth``, the largest magnitude that stays silent, and ``exp``, 0 to 31, the shift down."""

    vth: int = 1
    exp: int = 0

    name: ClassVar[str] = "product"
    variables: ClassVar[tuple[str, ...]] = ()
    inputs: ClassVar[tuple[str, ...]] = ("first", "second")
    lava_ports: ClassVar[Mapping[str, str]] = {"first": "a_in1", "second": "a_in2"}
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = CPU_ONLY
    process: ClassVar[LavaName] = LavaName("lava.proc.prodneuron.process", "ProdNeuron")

    def __post_init__(self) -> None:
        integer_in("vth", self.vth, 0, STATE_MAX)
        integer_in("exp", self.exp, 0, 31)

    @classmethod
    def example(cls, rng: np.random.Generator, n: int) -> Product:
        return cls(int(rng.integers(0, 400)), int(rng.integers(0, 12)))

    @classmethod
    def from_lava(cls, given: Given) -> Product:
        return cls(given.integer("vth"), given.integer("exp"))

    def parameters(self) -> tuple[int, ...]:
        return (self.vth, self.exp)

    def lava(self, n: int) -> LavaProcess | None:
        arguments = {"shape": (n,), "vth": self.vth, "exp": self.exp}
        return LavaProcess(self.process, arguments)
