"""Resonate and fire at a zero of the phase, one resonance per neuron. Source: Lava's public ``PyRFZeroModelFixed``.

    u' = (c u // 2^15) - (s v // 2^15) + u_in           // rounds down, products wrap at 32 bits
    v' = (c v // 2^15) + (s u // 2^15) + v_in
    message = u' if u' > uth and v' >= 0 and v < 0 else 0

c, s = trunc(2^15 exp(-dt / tau) cos, sin(2 pi f dt)); the message carries the amplitude.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from substrates.loihi2.neurons.base import CPU_ONLY, ChipModel, Int32, LavaName, LavaProcess, Neuron
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.widths import STATE_MAX, integer_in, outside

__all__ = ["RFZero", "advance"]

PLACES = 15  #: bits behind the point of the rotation's constants


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many states are outside 24 bits."""
    u, v, uth = state[0], state[1], np.int32(parameters[0])
    n = u.shape[0]
    each = table.shape[0] // 2  # one constant for all, or one per neuron
    overflows = 0
    for i in range(n):
        c, s = table[i if each > 1 else 0], table[each + (i if each > 1 else 0)]
        cu, sv = np.int32(u[i] * c), np.int32(v[i] * s)
        cv, su = np.int32(v[i] * c), np.int32(u[i] * s)
        new_u = np.int32(np.int32((cu >> PLACES) - (sv >> PLACES)) + a_in[i])
        new_v = np.int32(np.int32((cv >> PLACES) + (su >> PLACES)) + a_in[n + i])
        out[i] = new_u if (new_u > uth) & (new_v >= 0) & (v[i] < 0) else np.int32(0)
        u[i], v[i] = new_u, new_v
        overflows += outside(new_u) | outside(new_v)
    return overflows


@dataclass(frozen=True, eq=False)
class RFZero(Neuron):
    """Parameters of a population of resonators that fire at phase zero.

    Args:
        frequencies: in Hz, one number or one per neuron.
        decay_times: time constants in seconds, likewise.
        dt: seconds per time step.
        uth: amplitude that stays silent.
    """

    frequencies: Any = 50.0
    decay_times: Any = 0.1
    dt: float = 0.001
    uth: int = 1

    name: ClassVar[str] = "rf-zero"
    variables: ClassVar[tuple[str, ...]] = ("u", "v")
    inputs: ClassVar[tuple[str, ...]] = ("real", "imag")
    lava_ports: ClassVar[Mapping[str, str]] = {"real": "u_in", "imag": "v_in"}
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = CPU_ONLY
    process: ClassVar[LavaName] = LavaName("lava.proc.resfire.process", "RFZero")

    def __post_init__(self) -> None:
        integer_in("uth", self.uth, 0, STATE_MAX)
        frequencies, times = np.asarray(self.frequencies, float), np.asarray(self.decay_times, float)
        if not (np.isfinite(frequencies).all() and (times > 0).all() and float(self.dt) > 0):
            raise InputError("frequencies are finite, decay times and dt above zero")
        if min(frequencies.size, times.size) > 1 and frequencies.size != times.size:
            raise InputError(f"{frequencies.size} frequencies and {times.size} decay times; give as many of each")

    @classmethod
    def example(cls, rng: np.random.Generator, n: int) -> RFZero:
        size = n if rng.random() < 0.7 else 1
        return cls(rng.uniform(5, 400, size), rng.uniform(0.005, 0.5, size), 0.001, int(rng.integers(0, 60)))

    @classmethod
    def from_lava(cls, given: Given) -> RFZero:
        # Lava keeps the rotations only; a time constant and a frequency that are truncated to them
        c, s = np.atleast_1d(given.each("lct")) + 0.5, np.atleast_1d(given.each("lst")) + 0.5
        c, s = np.where(c < 0, c - 1, c), np.where(s < 0, s - 1, s)
        length, dt = np.hypot(c, s) / 2**PLACES, 0.001
        if (length >= 1).any():
            raise InputError(f"{given.what} grows: its rotations are no shorter than 1")
        found = cls(np.arctan2(s, c) / (2 * np.pi * dt), -dt / np.log(length), dt, given.integer("uth"))
        expected = np.concatenate([np.broadcast_to(given.each(name), c.shape) for name in ("lct", "lst")])
        if (found.table() != expected).any():
            raise InputError(f"{given.what} has rotations that no frequency and time constant give")
        return found

    def parameters(self) -> tuple[int, ...]:
        return (self.uth,)

    def bias_values(self, n: int) -> Int32:
        size = max(np.size(self.frequencies), np.size(self.decay_times))
        if size not in (1, n):
            raise InputError(f"{size} resonances for {n} neurons; give one, or one per neuron")
        return super().bias_values(n)

    def table(self) -> Int32:
        times, frequencies = np.atleast_1d(np.asarray(self.decay_times, float)), np.asarray(self.frequencies, float)
        rate = -1 / times  # as Lava computes them, operation by operation: they are truncated
        c = np.exp(self.dt * rate) * np.cos(self.dt * frequencies * np.pi * 2)
        s = np.exp(self.dt * rate) * np.sin(self.dt * frequencies * np.pi * 2)
        both = np.broadcast_arrays(c, s)
        return np.concatenate([(part * 2**PLACES).astype(np.int32).reshape(-1) for part in both])

    def lava(self, n: int) -> LavaProcess | None:
        arguments = {
            "shape": (n,), "freqs": _each(self.frequencies, n), "decay_tau": _each(self.decay_times, n),
            "dt": self.dt, "uth": self.uth,
        }  # fmt: skip
        return LavaProcess(self.process, arguments)


def _each(values: Any, n: int) -> npt.NDArray[np.float64]:
    return np.broadcast_to(np.asarray(values, np.float64).reshape(-1), (n,)).copy()
