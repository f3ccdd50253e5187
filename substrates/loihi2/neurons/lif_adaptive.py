"""LIF with adaptive threshold and relative refractoriness. Source: Lava's public ``PyATRLIFModelFixed``.

    i     <- wrap(sign(j) (|j| >> 12) + (a_in << 6))          j = trunc(i (4095 - 4096 delta_i))
    v     <- saturate(d(v, D_v) + i + bias)                   D_x = trunc(4096 - 4096 delta_x)
    theta <- d(theta - theta_0', D_theta) + theta_0'          d(x, D) = sign(x) (|x| D >> 12)
    r     <- d(r, D_r)
    spike if v - r >= theta; then r <- r + 2 theta, theta <- theta + theta_step'

theta_0' and theta_step' are the parameters times 64, without what is behind the point. A spike does not reset the
voltage; theta and r have 32 bits. The threshold starts at theta_0'.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from substrates.loihi2.neurons.base import CPU_ONLY, ChipModel, Int32, LavaName, LavaProcess, Neuron, State
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.neurons.lif import scaled_bias, spread
from substrates.loihi2.widths import DECAY_UNITY, THRESHOLD_BITS, THRESHOLD_SHIFT, decay, saturate32, wrap_once

__all__ = ["AdaptiveLIF", "advance"]


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many wrapped their current or saturated their voltage."""
    current, v, theta, r = state[0], state[1], state[2], state[3]
    keep_i = parameters[0:1].view(np.float64)[0]  # not a whole number: Lava multiplies in floating point
    keep_v, keep_theta, keep_r = np.int32(parameters[1]), np.int32(parameters[2]), np.int32(parameters[3])
    theta_0, theta_step = np.int32(parameters[4]), np.int32(parameters[5])
    overflows = 0
    for k in range(v.shape[0]):
        j = np.int64(np.float64(current[k]) * keep_i)
        kept = np.int64(np.sign(j)) * (abs(j) >> 12)
        total = np.int32(kept + np.int64(np.int32(a_in[k] << 6)))
        wrapped = wrap_once(total)
        current[k] = wrapped
        voltage = np.int32(np.int32(decay(v[k], keep_v) + wrapped) + bias[k])
        clipped = saturate32(voltage)
        v[k] = clipped
        overflows += int((wrapped != total) | (clipped != voltage))
        theta[k] = np.int32(decay(np.int32(theta[k] - theta_0), keep_theta) + theta_0)
        r[k] = decay(r[k], keep_r)
        fires = np.int32(clipped - r[k]) >= theta[k]
        if fires:
            r[k] = np.int32(r[k] + np.int32(2 * theta[k]))
            theta[k] = np.int32(theta[k] + theta_step)
        out[k] = np.int32(fires)
    return overflows


@dataclass(frozen=True, eq=False)
class AdaptiveLIF(Neuron):
    """Parameters of an adaptive LIF population (Lava: ATRLIF).

    Args:
        delta_i, delta_v, delta_theta, delta_r: share, 0 to 1, that current, voltage, threshold and refractoriness lose
            in a step.
        theta_0: threshold at rest, compared with v / 64, 0 to 131071.
        theta_step: what a spike adds to the threshold, likewise.
        bias_mant: bias mantissa, -4096 to 4095, one number or one per neuron.
        bias_exp: bias exponent, -7 to 7.
    """

    delta_i: float = 0.4
    delta_v: float = 0.4
    delta_theta: float = 0.2
    delta_r: float = 0.2
    theta_0: float = 5.0
    theta_step: float = 3.75
    bias_mant: Any = 0
    bias_exp: Any = 0

    name: ClassVar[str] = "lif-adaptive"
    largest_input: ClassVar[int] = 2**25 - 1  # shifted by 6 it still has 32 bits
    variables: ClassVar[tuple[str, ...]] = ("i", "v", "theta", "r")
    graded: ClassVar[bool] = False
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = CPU_ONLY
    process: ClassVar[LavaName] = LavaName("lava.proc.atrlif.process", "ATRLIF")

    def __post_init__(self) -> None:
        for name in ("delta_i", "delta_v", "delta_theta", "delta_r"):
            value = float(getattr(self, name))
            if not (math.isfinite(value) and 0 <= value <= 1):
                raise InputError(f"{name} is a share from 0 to 1, got {value}")
        for name in ("theta_0", "theta_step"):
            value = float(getattr(self, name))
            if not (math.isfinite(value) and 0 <= value < 2**THRESHOLD_BITS):
                raise InputError(f"{name} must be from 0 to {2**THRESHOLD_BITS - 1}, got {value}")
        scaled_bias(self.bias_mant, self.bias_exp, max(np.size(self.bias_mant), np.size(self.bias_exp)))

    @classmethod
    def example(cls, rng: np.random.Generator, n: int) -> AdaptiveLIF:
        i, v, theta, r = (float(rng.choice([0.0, 1.0, rng.random(), rng.integers(1, 8) / 8])) for _ in range(4))
        return cls(
            delta_i=i,
            delta_v=v,
            delta_theta=theta,
            delta_r=r,
            theta_0=float(rng.choice([0, 5, rng.uniform(0, 300)])),
            theta_step=float(rng.choice([0, 3.75, rng.uniform(0, 90)])),
            bias_mant=rng.integers(-4096, 4096, n),
            bias_exp=int(rng.integers(-7, 7)),
        )

    @classmethod
    def from_lava(cls, given: Given) -> AdaptiveLIF:
        return cls(
            delta_i=given.number("delta_i"), delta_v=given.number("delta_v"), delta_theta=given.number("delta_theta"),
            delta_r=given.number("delta_r"), theta_0=given.number("theta_0"), theta_step=given.number("theta_step"),
            bias_mant=given.each("bias_mant"), bias_exp=given.each("bias_exp"),
        )  # fmt: skip

    def parameters(self) -> tuple[int, ...]:
        # as Lava computes them, operation by operation: they are truncated
        keep = float(DECAY_UNITY - (float(self.delta_i) * DECAY_UNITY + 1))
        others = (int(DECAY_UNITY - float(d) * DECAY_UNITY) for d in (self.delta_v, self.delta_theta, self.delta_r))
        up = 1 << THRESHOLD_SHIFT
        return (int(np.float64(keep).view(np.int64)), *others, int(self.theta_0 * up), int(self.theta_step * up))

    def bias_values(self, n: int) -> Int32:
        return scaled_bias(self.bias_mant, self.bias_exp, n)

    def rest(self, n: int) -> State:
        state = super().rest(n)
        state["theta"][:] = int(self.theta_0 * (1 << THRESHOLD_SHIFT))
        return state

    def lava(self, n: int) -> LavaProcess | None:
        arguments = {
            "shape": (n,), "delta_i": float(self.delta_i), "delta_v": float(self.delta_v),
            "delta_theta": float(self.delta_theta), "delta_r": float(self.delta_r), "theta_0": float(self.theta_0),
            "theta_step": float(self.theta_step), "bias_mant": spread(self.bias_mant, n),
            "bias_exp": spread(self.bias_exp, n),
        }  # fmt: skip
        return LavaProcess(self.process, arguments)
