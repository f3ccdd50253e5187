"""Leaky integrate-and-fire with current and voltage decay. Source: Lava's public ``PyLifModelBitAcc``.

    u <- wrap(sign(u) * (|u| (4095 - du) >> 12) + (a_in << 6))
    v <- saturate(sign(v) * (|v| (4096 - dv) >> 12) + u + bias)
    spike and v <- 0   if v > vth << 6

``du`` carries an offset of one (the chip's ds_offset), ``dv`` none: du = 0 still leaks, dv = 0 integrates perfectly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from substrates.loihi2.neurons.base import (
    IN_CLOSED_EXTENSION,
    ChipModel,
    Int32,
    LavaName,
    LavaProcess,
    Neuron,
    per_neuron,
)
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.widths import (
    BIAS_EXPONENT_BITS,
    BIAS_MANTISSA_BITS,
    DECAY_UNITY,
    THRESHOLD_BITS,
    THRESHOLD_SHIFT,
    decay,
    integer_array,
    integer_in,
    saturate32,
    wrap_once,
)

__all__ = ["LIF", "NEVER", "advance", "scaled_bias", "spread"]

NEVER = 2**THRESHOLD_BITS  #: a threshold that no voltage passes: shifted, it lies beyond saturation


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many wrapped their current or saturated their voltage."""
    u, v = state[0], state[1]
    keep_u, keep_v = np.int32(parameters[0]), np.int32(parameters[1])
    threshold = np.int32(parameters[2])
    overflows = np.int32(0)  # 32 bits wide as all else here: the loop is a quarter faster
    for i in range(u.shape[0]):
        current = np.int32(decay(u[i], keep_u) + np.int32(a_in[i] << 6))
        wrapped = wrap_once(current)
        u[i] = wrapped
        voltage = np.int32(np.int32(decay(v[i], keep_v) + wrapped) + bias[i])
        clipped = saturate32(voltage)
        overflows = np.int32(overflows + np.int32((wrapped != current) | (clipped != voltage)))
        fires = clipped > threshold
        v[i] = np.int32(0) if fires else clipped
        out[i] = np.int32(fires)
    return int(overflows)


def scaled_bias(mantissa: Any, exponent: Any, n: int) -> Int32:
    """mantissa * 2^exponent per neuron; a negative exponent shifts right (rounding down), as in Lava."""
    m = per_neuron("the bias mantissa", mantissa, n)
    e = per_neuron("the bias exponent", exponent, n)
    return np.where(e >= 0, m << np.maximum(e, 0), m >> np.maximum(-e, 0)).astype(np.int32)


@dataclass(frozen=True, eq=False)
class LIF(Neuron):
    """Parameters of a LIF population.

    Args:
        du: current decay, -1 to 4095; the current keeps (4095 - du) / 4096 of itself, all of it at -1.
        dv: voltage decay, 0 to 4096 (4096: the voltage forgets at once).
        vth: threshold, 0 to 131071, compared with v / 64; 131072 lies beyond every voltage: the neuron never spikes.
        bias_mant: bias mantissa, -4096 to 4095, one number or one per neuron.
        bias_exp: bias exponent, -7 to 7 (the chip has 0 to 7; Lava also takes negative ones).
    """

    du: int = 0
    dv: int = 0
    vth: int = 10
    bias_mant: Any = 0
    bias_exp: Any = 0

    name: ClassVar[str] = "lif"
    largest_input: ClassVar[int] = 2**25 - 1  # shifted by 6 it still has 32 bits
    variables: ClassVar[tuple[str, ...]] = ("u", "v")
    graded: ClassVar[bool] = False
    kernel: ClassVar[Any] = staticmethod(advance)
    built_in: ClassVar[bool] = True
    chip: ClassVar[ChipModel] = ChipModel("lava.proc.lif.process.LIF", IN_CLOSED_EXTENSION)
    process: ClassVar[LavaName] = LavaName("lava.proc.lif.process", "LIF")

    def __post_init__(self) -> None:
        integer_in("du", self.du, -1, DECAY_UNITY - 1)
        integer_in("dv", self.dv, 0, DECAY_UNITY)
        integer_in("vth", self.vth, 0, NEVER)
        half, top = 2 ** (BIAS_MANTISSA_BITS - 1), 2**BIAS_EXPONENT_BITS - 1
        mantissa = integer_array("bias_mant", self.bias_mant, -half, half - 1)
        exponent = integer_array("bias_exp", self.bias_exp, -top, top)
        if min(mantissa.size, exponent.size) > 1 and mantissa.size != exponent.size:
            raise InputError(f"bias_mant has {mantissa.size} values and bias_exp {exponent.size}; give as many of each")

    @classmethod
    def from_lava(cls, given: Given) -> LIF:
        return cls(
            du=given.integer("du"), dv=given.integer("dv"), vth=min(given.integer("vth"), NEVER),
            bias_mant=given.each("bias_mant"), bias_exp=given.each("bias_exp"),
        )  # fmt: skip

    def parameters(self) -> tuple[int, ...]:
        return (DECAY_UNITY - 1 - self.du, DECAY_UNITY - self.dv, self.vth << THRESHOLD_SHIFT)

    def bias_values(self, n: int) -> Int32:
        return scaled_bias(self.bias_mant, self.bias_exp, n)

    def lava(self, n: int) -> LavaProcess | None:
        arguments = {
            "shape": (n,), "du": self.du, "dv": self.dv, "vth": self.vth,
            "bias_mant": spread(self.bias_mant, n), "bias_exp": spread(self.bias_exp, n),
        }  # fmt: skip
        return LavaProcess(self.process, arguments)


def spread(values: Any, n: int) -> npt.NDArray[np.int64]:
    """One number per neuron, as Lava takes them."""
    return np.broadcast_to(np.asarray(values, np.int64).reshape(-1), (n,)).copy()
