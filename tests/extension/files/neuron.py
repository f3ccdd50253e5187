"""A Loihi 2 neuron of one's own, with the public Lava process that must agree with it, integer by integer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import njit

from substrates.loihi2.neurons import Neuron
from substrates.loihi2.neurons.base import ChipModel, LavaName, LavaProcess


@njit
def advance(state, a_in, bias, out, parameters, table, time):
    """message = a_in where it exceeds the threshold, else silence."""
    overflows = 0
    for i in range(a_in.shape[0]):
        loud = a_in[i] > parameters[0]
        out[i] = a_in[i] if loud else 0
        overflows += int(abs(np.int64(a_in[i])) > 8388607)
    return overflows


@dataclass(frozen=True, eq=False)
class Gate(Neuron):
    """Passes on what exceeds ``least``."""

    least: int = 10

    name: ClassVar[str] = "gate"
    variables: ClassVar[tuple[str, ...]] = ()
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("", "microcode of its own")

    @classmethod
    def example(cls, rng: np.random.Generator, n: int) -> Neuron:
        return cls(int(rng.integers(0, 500)))

    def parameters(self) -> tuple[int, ...]:
        return (self.least,)

    def lava(self, n: int) -> LavaProcess:
        process = LavaName("lava.proc.graded.process", "GradedReluVec")
        return LavaProcess(process, {"shape": (n,), "vth": self.least})
