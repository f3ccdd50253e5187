"""Delta encoder of an input: changes, clipped to a few bits, one step late. Source: ``PyDeltaEncoderModelDense``.

    act'    = a_in << spike_exp
    delta   = act' - act + residue
    s       = delta if |delta| >= vth << spike_exp else 0, clipped to num_bits << spike_exp
    residue = delta - s,   act <- act',   message = s of the step before

On a chip it runs on the embedded processors in front of the cores. Lava's compressed outputs are not made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.base import CPU_ONLY, ChipModel, Int32, LavaName, LavaProcess, Neuron
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.widths import MESSAGE_BITS, STATE_MAX, integer_in, outside

__all__ = ["DeltaEncoder", "advance"]


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many activations or residues are outside 24 bits."""
    act, residue, waiting = state[0], state[1], state[2]
    vth, up, low, high = np.int32(parameters[0]), np.int32(parameters[1]), np.int32(parameters[2]), parameters[3]
    overflows = 0
    for i in range(act.shape[0]):
        new = np.int32(a_in[i] << up)
        delta = np.int32(np.int32(new - act[i]) + residue[i])
        sent = delta if np.int32(abs(delta)) >= vth else np.int32(0)
        if high > 0:
            sent = min(max(sent, low), np.int32(high))
        out[i] = waiting[i]
        residue[i], act[i], waiting[i] = np.int32(delta - sent), new, sent
        overflows += outside(new) | outside(residue[i]) | outside(sent)
    return overflows


@dataclass(frozen=True, eq=False)
class DeltaEncoder(Neuron):
    """Parameters of a delta encoder.

    Args:
        vth: threshold of the change, in units of the input.
        spike_exp: shift of messages and input, 0 to 7.
        num_bits: bits of a message before the shift, 2 to 24; 0 leaves them all.
    """

    vth: int = 0
    spike_exp: int = 0
    num_bits: int = 0

    name: ClassVar[str] = "delta-encoder"
    variables: ClassVar[tuple[str, ...]] = ("act", "residue", "waiting")
    lava_hides: ClassVar[frozenset[str]] = frozenset({"waiting"})
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = CPU_ONLY
    process: ClassVar[LavaName] = LavaName("lava.proc.io.encoder", "DeltaEncoder")

    def __post_init__(self) -> None:
        integer_in("spike_exp", self.spike_exp, 0, 7)
        integer_in("vth", self.vth, 0, STATE_MAX >> self.spike_exp)
        if self.num_bits:
            integer_in("num_bits", self.num_bits, 2, MESSAGE_BITS - self.spike_exp)

    @classmethod
    def example(cls, rng: np.random.Generator, n: int) -> DeltaEncoder:
        return cls(int(rng.integers(0, 300)), int(rng.integers(0, 5)), int(rng.choice([0, 5, 8, 12])))

    @classmethod
    def from_lava(cls, given: Given) -> DeltaEncoder:
        exponent, bits = given.integer("spike_exp"), 0
        if given.integer("a_max") > 0:
            bits = given.unscaled("a_max", exponent).bit_length() + 1
        return cls(given.unscaled("vth", exponent), exponent, bits)

    def parameters(self) -> tuple[int, ...]:
        half = 1 << max(self.num_bits - 1, 0)
        low, high = (-half << self.spike_exp, (half - 1) << self.spike_exp) if self.num_bits else (-1, -1)
        return (self.vth << self.spike_exp, self.spike_exp, low, high)

    def lava(self, n: int) -> LavaProcess | None:
        arguments = {"shape": (n,), "vth": self.vth, "spike_exp": self.spike_exp, "num_bits": self.num_bits or None}
        return LavaProcess(self.process, arguments, LavaName(self.process.module, "PyDeltaEncoderModelDense"))
