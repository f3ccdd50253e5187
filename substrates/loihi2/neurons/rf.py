"""Resonate and fire: a damped rotation. Source: Lava's public ``PyRFModelFixed``.

c, s  = trunc(2^decay_bits (1 - alpha) cos, sin(2 pi / period))
real' = saturate(f(c real) - f(s imag) + (real_in << state_exp))
imag' = saturate(f(s real) + f(c imag) + (imag_in << state_exp))      f(x) = sign(x) (|x| >> decay_bits)
spike if real' >= vth << state_exp and imag' >= 0 and imag < 0
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from substrates.loihi2.neurons.base import IN_CLOSED_EXTENSION, ChipModel, Int32, LavaName, LavaProcess, Neuron
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.widths import DECAY_BITS, STATE_MAX, integer_in, saturate

__all__ = ["RF", "advance", "rotated"]


@njit(cache=True, inline="always")
def rotated(x: int, y: int, c: int, s: int, bits: int) -> tuple[int, int]:
    """(f(c x) - f(s y), f(s x) + f(c y)), see this module."""
    cx, sy, sx, cy = np.int64(c) * x, np.int64(s) * y, np.int64(s) * x, np.int64(c) * y
    real = np.sign(cx) * (abs(cx) >> bits) - np.sign(sy) * (abs(sy) >> bits)
    return real, np.sign(sx) * (abs(sx) >> bits) + np.sign(cy) * (abs(cy) >> bits)


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many saturated."""
    real, imag = state[0], state[1]
    c, s, bits, up, vth = parameters[0], parameters[1], parameters[2], parameters[3], parameters[4]
    n = out.shape[0]
    overflows = 0
    for i in range(n):
        x, y = rotated(np.int64(real[i]), np.int64(imag[i]), c, s, bits)
        x, y = x + np.int64(np.int32(a_in[i] << up)), y + np.int64(np.int32(a_in[n + i] << up))
        new_real, new_imag = saturate(x), saturate(y)
        overflows += int((new_real != x) | (new_imag != y))
        out[i] = np.int32((new_real >= vth) & (new_imag >= 0) & (imag[i] < 0))
        real[i], imag[i] = np.int32(new_real), np.int32(new_imag)
    return overflows


@dataclass(frozen=True, eq=False)
class RF(Neuron):
    """Parameters of a resonate-and-fire population.

    Args:
        period: of the resonance in steps, from 2.
        alpha: damping per step, 0 to 1.
        vth: threshold, in units of the input.
        state_exp: extra places kept in the state, 0 to 7.
        decay_bits: bits of the rotation's constants, 1 to 12.
    """

    period: float = 10.0
    alpha: float = 0.07
    vth: int = 1
    state_exp: int = 6
    decay_bits: int = DECAY_BITS

    name: ClassVar[str] = "rf"
    largest_input: ClassVar[int] = 2**24 - 1  # shifted by 7 it still has 32 bits
    variables: ClassVar[tuple[str, ...]] = ("real", "imag")
    inputs: ClassVar[tuple[str, ...]] = ("real", "imag")
    lava_ports: ClassVar[Mapping[str, str]] = {"real": "a_real_in", "imag": "a_imag_in"}
    graded: ClassVar[bool] = False
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("lava.proc.rf.process.RF", IN_CLOSED_EXTENSION)
    process: ClassVar[LavaName] = LavaName("lava.proc.rf.process", "RF")

    def __post_init__(self) -> None:
        if not (math.isfinite(self.period) and self.period >= 2 and 0 <= self.alpha <= 1):
            raise InputError(f"period must be from 2 and alpha from 0 to 1, got {self.period} and {self.alpha}")
        integer_in("state_exp", self.state_exp, 0, 7)
        integer_in("decay_bits", self.decay_bits, 1, DECAY_BITS)
        integer_in("vth", self.vth, 0, STATE_MAX >> self.state_exp)

    @classmethod
    def example(cls, rng: np.random.Generator, n: int) -> RF:
        return cls(
            float(rng.uniform(2, 16)), float(rng.uniform(0, 0.15)), int(rng.integers(0, 12)), int(rng.integers(0, 8)),
            int(rng.integers(6, 13)),
        )  # fmt: skip

    @classmethod
    def from_lava(cls, given: Given) -> RF:
        bits, exponent = given.integer("decay_bits"), given.integer("state_exp")
        c, s = given.integer("cos_decay"), given.integer("sin_decay")
        for part in (0.5, 0.25, 0.1, 0.01, 0.0):  # floats that are truncated to the very constants
            x, y = (c + math.copysign(part, c)) / 2**bits, (s + math.copysign(part, s)) / 2**bits
            angle, length = math.atan2(y, x), math.hypot(x, y)
            if 0 < angle <= math.pi and length <= 1:
                found = cls(2 * math.pi / angle, 1 - length, given.unscaled("vth", exponent), exponent, bits)
                if found.parameters()[:2] == (c, s):
                    return found
        raise InputError(f"{given.what} turns by ({c}, {s}) / 2^{bits}, which no period and damping give")

    def parameters(self) -> tuple[int, ...]:
        # as Lava computes them, operation by operation: they are truncated
        sine = (1 - self.alpha) * np.sin(np.pi * 2 * 1 / self.period)
        cosine = (1 - self.alpha) * np.cos(np.pi * 2 * 1 / self.period)
        c, s = int(cosine * (1 << self.decay_bits)), int(sine * (1 << self.decay_bits))
        return (c, s, self.decay_bits, self.state_exp, self.vth << self.state_exp)

    def lava(self, n: int) -> LavaProcess | None:
        arguments = {
            "shape": (n,), "period": self.period, "alpha": self.alpha, "vth": self.vth,
            "state_exp": self.state_exp, "decay_bits": self.decay_bits,
        }  # fmt: skip
        return LavaProcess(self.process, arguments)
