"""LIF with two thresholds and messages of both signs. Source: Lava's public ``PyTernLifModelFixed``.

u, v as ``lif``
message 1 and v <- 0    if v > vth_hi << 6
message -1 and v <- 0   if v < vth_lo << 6
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from substrates.loihi2.neurons.base import CPU_ONLY, ChipModel, Int32, LavaName, LavaProcess, Neuron
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.neurons.lif import LIF
from substrates.loihi2.widths import THRESHOLD_BITS, THRESHOLD_SHIFT, decay, integer_in, saturate32, wrap_once

__all__ = ["TernaryLIF", "advance"]


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many wrapped their current or saturated their voltage."""
    u, v = state[0], state[1]
    keep_u, keep_v = np.int32(parameters[0]), np.int32(parameters[1])
    high, low = np.int32(parameters[2]), np.int32(parameters[3])
    overflows = 0
    for i in range(u.shape[0]):
        current = np.int32(decay(u[i], keep_u) + np.int32(a_in[i] << 6))
        wrapped = wrap_once(current)
        u[i] = wrapped
        voltage = np.int32(np.int32(decay(v[i], keep_v) + wrapped) + bias[i])
        clipped = saturate32(voltage)
        overflows += int((wrapped != current) | (clipped != voltage))
        sent = np.int32(clipped > high) - np.int32(clipped < low)
        v[i] = np.int32(0) if sent != 0 else clipped
        out[i] = sent
    return overflows


@dataclass(frozen=True, eq=False)
class TernaryLIF(Neuron):
    """Parameters of a ternary LIF population.

    Args:
        du, dv, bias_mant, bias_exp: as for `LIF`.
        vth_hi, vth_lo: thresholds, -131071 to 131071, compared with v / 64; vth_lo is not above vth_hi.
    """

    du: int = 0
    dv: int = 0
    vth_hi: int = 10
    vth_lo: int = -10
    bias_mant: Any = 0
    bias_exp: Any = 0

    name: ClassVar[str] = "lif-ternary"
    largest_input: ClassVar[int] = LIF.largest_input
    variables: ClassVar[tuple[str, ...]] = ("u", "v")
    graded: ClassVar[bool] = True  # by its sign
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = CPU_ONLY
    process: ClassVar[LavaName] = LavaName("lava.proc.lif.process", "TernaryLIF")

    def __post_init__(self) -> None:
        self._lif()
        most = 2**THRESHOLD_BITS - 1
        integer_in("vth_hi", self.vth_hi, -most, most)
        integer_in("vth_lo", self.vth_lo, -most, most)
        if self.vth_lo > self.vth_hi:
            raise InputError(f"vth_lo = {self.vth_lo} is above vth_hi = {self.vth_hi}; swap them")

    def _lif(self) -> LIF:
        """The LIF with the same decays and bias."""
        return LIF(du=self.du, dv=self.dv, bias_mant=self.bias_mant, bias_exp=self.bias_exp)

    @classmethod
    def example(cls, rng: np.random.Generator, n: int) -> TernaryLIF:
        return cls(
            du=int(rng.choice([-1, 0, rng.integers(0, 4096)])),
            dv=int(rng.integers(0, 4097)),
            vth_hi=int(rng.integers(0, 2000)),
            vth_lo=-int(rng.integers(0, 2000)),
            bias_mant=rng.integers(-4096, 4096, n),
            bias_exp=int(rng.integers(0, 6)),
        )

    @classmethod
    def from_lava(cls, given: Given) -> TernaryLIF:
        return cls(
            du=given.integer("du"), dv=given.integer("dv"), vth_hi=given.integer("vth_hi"),
            vth_lo=given.integer("vth_lo"), bias_mant=given.each("bias_mant"), bias_exp=given.each("bias_exp"),
        )  # fmt: skip

    def parameters(self) -> tuple[int, ...]:
        return (*self._lif().parameters()[:2], self.vth_hi << THRESHOLD_SHIFT, self.vth_lo << THRESHOLD_SHIFT)

    def bias_values(self, n: int) -> Int32:
        return self._lif().bias_values(n)

    def lava(self, n: int) -> LavaProcess | None:
        public = self._lif().lava(n)
        assert public is not None
        arguments = {name: value for name, value in public.arguments.items() if name != "vth"}
        arguments |= {"vth_hi": self.vth_hi, "vth_lo": self.vth_lo}
        return LavaProcess(self.process, arguments)
