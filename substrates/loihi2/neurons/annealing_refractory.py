"""The refractory annealing neuron: one binary variable; it flips, then rests. Our specification.

One time step for one step of the algorithm. With u and D as in `annealing_two_phase`:

    u += input,  T += temperature;  on a latch, best <- x of two steps before
    report x (D + u), the cost share
    flip if not resting and dE = (1 - 2 x)(D + 2 u) passes the test of `metropolis`; send the change, +1 or -1
    after a flip rest for rand8 >> scaling steps
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.annealing_two_phase import FROM_NCMODELS, AnnealingNeuron
from substrates.loihi2.neurons.base import ZERO_MESSAGE, ChipModel, Int32, State
from substrates.loihi2.neurons.metropolis import accepts, leading_zeros, second_draw
from substrates.loihi2.random import step_key, stream_key, word_array
from substrates.loihi2.widths import integer_in, saturate

__all__ = ["AnnealingRefractory", "advance"]

REST_BITS = 8


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One time step of a population; returns how many u saturated."""
    n = bias.shape[0]
    history, u, temperature, rest, best = state[0], state[1], state[2], state[3], state[4]
    bits, strict, exponent, last, scaling = parameters[1], parameters[2], parameters[3], parameters[4], parameters[5]
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
                energy = (1 - 2 * x) * (np.int64(bias[i]) + 2 * kept)
                if accepts(energy, np.int64(temperature[i]), leading_zeros(shared, i, bits), exponent, strict):
                    new = 1 - x
                    rest[i] = second_draw(shared, i, REST_BITS) >> scaling
        history[i] = ((history[i] << 2) & 0xFF) | new
        out[i], out[n + i] = new - x, share
    return overflows


@dataclass(frozen=True, eq=False)
class AnnealingRefractory(AnnealingNeuron):
    """Variables that rest after a flip.

    Args:
        scaling: after a flip a neuron rests rand8 >> scaling steps, 0 to 8.
        initial_rest: begin with a random rest, drawn like any other.
    """

    scaling: int = 4
    initial_rest: bool = True

    name: ClassVar[str] = "annealing-refractory"
    variables: ClassVar[tuple[str, ...]] = ("history", "u", "temperature", "rest", "best")
    inputs: ClassVar[tuple[str, ...]] = ("input", "temperature", "latch")
    outputs: ClassVar[tuple[str, ...]] = ("change", "share")
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("SimulatedAnnealingLocal", FROM_NCMODELS)

    def __post_init__(self) -> None:
        super().__post_init__()
        integer_in("scaling", self.scaling, 0, 8)

    def parameters(self) -> tuple[int, ...]:
        return (*super().parameters(), self.scaling)

    def rest(self, n: int) -> State:
        state = super().rest(n)
        if self.initial_rest:
            words = word_array(
                stream_key(self.seed, "anneal rest"), 0, np.uint64(2**40) + np.arange(n, dtype=np.uint64)
            )
            state["rest"][:] = (words & np.uint64(2**REST_BITS - 1)).astype(np.int64) >> self.scaling
        return state
