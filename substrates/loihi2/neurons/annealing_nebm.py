"""The Boltzmann annealing neuron (NEBM): drawn anew in every step, held for a while after a change.

One time step for one step of the algorithm. With u and D as in `annealing_two_phase`:

    u += input,  T += temperature;  on a latch, best <- x of two steps before
    report x (D + u), the cost share
    unless it is held: x <- 1 with probability 1 / (1 + exp((D + 2 u) / T)), by the test of `heat_bath`
    after a change it is held for ``refract`` steps; the change, +1 or -1, goes to the neighbours

Heat bath and the constant refractory count are those of the public process ``NEBM`` of lava-optimization (floating
point there); the integer test and the random numbers are ours. At a constant temperature it is what was run on the
chip for minimum vertex covers (Nguyen 2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.annealing_two_phase import FROM_NCMODELS, AnnealingNeuron
from substrates.loihi2.neurons.base import ZERO_MESSAGE, ChipModel, Int32
from substrates.loihi2.neurons.heat_bath import BITS, SHIFT, logistic_table
from substrates.loihi2.neurons.metropolis import second_draw
from substrates.loihi2.random import step_key
from substrates.loihi2.widths import integer_in, saturate

__all__ = ["AnnealingNebm", "advance", "turns_on"]

LONGEST_REST = 2**16 - 1


@njit(cache=True)
def turns_on(value: int, temperature: int, level: int, exponent: int) -> bool:
    """The test of `heat_bath`: v = ``value``, L[r] = ``level``; a negative exponent scales the temperature up."""
    if temperature == 0:
        return value < 0
    left = (value << max(exponent, 0)) << SHIFT
    right = (temperature * level) << max(-exponent, 0)
    return left < right


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One time step of a population; returns how many u saturated."""
    n = bias.shape[0]
    history, u, temperature, rest, best = state[0], state[1], state[2], state[3], state[4]
    exponent, last, refract = parameters[3], parameters[4], parameters[5]
    step = time - 1
    shared = step_key(np.uint64(parameters[0]), np.uint64(step))
    overflows = 0
    for i in range(n):
        total = np.int64(u[i]) + a_in[i]
        kept = saturate(total)
        overflows += int(kept != total)
        u[i] = kept
        temperature[i] += a_in[n + i]
        if a_in[2 * n + i] != 0:
            best[i] = (history[i] >> 4) & 1  # the cost went out a step after its assignment came about
        x = history[i] & 1
        new, share = x, 0
        if x != 0:
            share = bias[i] + kept
            if share == 0:
                share = ZERO_MESSAGE
        if last < 0 or step < last:
            if rest[i] > 0:
                rest[i] -= 1
            else:
                value = np.int64(bias[i]) + 2 * kept
                level = np.int64(table[second_draw(shared, i, BITS)])
                new = np.int32(turns_on(value, np.int64(temperature[i]), level, exponent))
                if new != x:
                    rest[i] = refract
        history[i] = ((history[i] << 2) & 0xFF) | new
        out[i], out[n + i] = new - x, share
    return overflows


@dataclass(frozen=True, eq=False)
class AnnealingNebm(AnnealingNeuron):
    """Variables drawn from the heat bath of their neighbours.

    Args:
        refract: steps that a variable is held after a change, 0 to 65535.
    """

    refract: int = 64

    name: ClassVar[str] = "annealing-nebm"
    variables: ClassVar[tuple[str, ...]] = ("history", "u", "temperature", "rest", "best")
    inputs: ClassVar[tuple[str, ...]] = ("input", "temperature", "latch")
    outputs: ClassVar[tuple[str, ...]] = ("change", "share")
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("NEBM", FROM_NCMODELS)

    def __post_init__(self) -> None:
        super().__post_init__()
        integer_in("refract", self.refract, 0, LONGEST_REST)

    def parameters(self) -> tuple[int, ...]:
        return (*super().parameters(), self.refract)

    def table(self) -> Int32:
        return logistic_table()
