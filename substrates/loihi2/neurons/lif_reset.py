"""LIF whose state is cleared at regular steps. Source: Lava's public ``PyLifResetModelBitAcc``.

    u <- 0, v <- 0   before step t, if t mod reset_interval = reset_offset mod reset_interval
    then as ``lif``

Input that arrives at step t counts after the reset. lava-dl resets each layer one step after the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.base import CPU_ONLY, ChipModel, Int32, LavaName, LavaProcess
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.neurons.lif import LIF
from substrates.loihi2.neurons.lif import advance as advance_lif
from substrates.loihi2.widths import integer_in

__all__ = ["LIFReset", "advance"]


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many wrapped their current or saturated their voltage."""
    if time % parameters[3] == parameters[4]:
        state[:] = 0
    return advance_lif(state, a_in, bias, out, parameters, table, time)


@dataclass(frozen=True, eq=False)
class LIFReset(LIF):
    """Parameters of a `LIF`, and ``reset_interval`` (from 1) and ``reset_offset`` (from 0), in steps."""

    reset_interval: int = 1
    reset_offset: int = 0

    name: ClassVar[str] = "lif-reset"
    kernel: ClassVar[Any] = staticmethod(advance)
    built_in: ClassVar[bool] = False
    chip: ClassVar[ChipModel] = CPU_ONLY
    process: ClassVar[LavaName] = LavaName("lava.proc.lif.process", "LIFReset")

    def __post_init__(self) -> None:
        super().__post_init__()
        integer_in("the reset interval", self.reset_interval, 1, 2**31 - 1)
        integer_in("the reset offset", self.reset_offset, 0, 2**31 - 1)

    @classmethod
    def example(cls, rng: np.random.Generator, n: int) -> LIFReset:
        return cls(
            du=int(rng.choice([-1, 0, rng.integers(0, 4096)])),
            dv=int(rng.integers(0, 4097)),
            vth=int(rng.integers(1, 2000)),
            bias_mant=rng.integers(-4096, 4096, n),
            bias_exp=int(rng.integers(0, 6)),
            reset_interval=int(rng.integers(1, 20)),
            reset_offset=int(rng.integers(0, 40)),
        )

    @classmethod
    def from_lava(cls, given: Given) -> LIFReset:
        more = {name: given.integer(name) for name in ("reset_interval", "reset_offset")}
        return cls(**vars(LIF.from_lava(given)), **more)

    def parameters(self) -> tuple[int, ...]:
        return (*super().parameters(), self.reset_interval, self.reset_offset % self.reset_interval)

    def lava(self, n: int) -> LavaProcess | None:
        public = super().lava(n)
        assert public is not None
        more = {"reset_interval": self.reset_interval, "reset_offset": self.reset_offset}
        return LavaProcess(self.process, {**public.arguments, **more})
