"""The two-phase annealing neuron: one binary variable; it suggests, then switches. Our specification.

Two time steps for one step t of the algorithm. With u = sum_j Q_ij x_j from the neighbours' changes, D = Q_ii:

    every step   u += input,  T += temperature;  on a latch, best <- x of the step before
    odd steps    suggest if dE = (1 - 2 x)(D + 2 u) passes the test of `metropolis`;  report x (D + u), the cost share
    even steps   who suggested and drew rand_b (rivals + 1) < 2^b flips and sends its change, +1 or -1

After ``steps`` steps of the algorithm nothing is suggested any more, and the last costs can arrive. Source: Pierro et
al., arXiv 2408.03076, and the public processes of lava-optimization; the microcode is not public
(`substrates.loihi2.annealing.specification` says what is reconstructed).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.base import ZERO_MESSAGE, ChipModel, Int32, Neuron, per_neuron
from substrates.loihi2.neurons.metropolis import accepts, leading_zeros, second_draw, signed_key
from substrates.loihi2.random import step_key, stream_key
from substrates.loihi2.widths import integer_in, saturate

__all__ = ["FROM_NCMODELS", "AnnealingNeuron", "AnnealingTwoPhase", "advance"]

FROM_NCMODELS = "imported by lava-optimization 0.5.0 from the closed module ncmodels"


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One time step of a population; returns how many u saturated."""
    n = bias.shape[0]
    history, u, temperature, suggested, best = state[0], state[1], state[2], state[3], state[4]
    bits, strict, exponent, last, switch_bits = (
        parameters[1],
        parameters[2],
        parameters[3],
        parameters[4],
        parameters[5],
    )
    step, second = (time - 1) // 2, (time - 1) % 2 == 1
    shared = step_key(np.uint64(parameters[0]), np.uint64(step))
    overflows = 0
    for i in range(n):
        total = np.int64(u[i]) + a_in[i]
        kept = saturate(total)
        overflows += int(kept != total)
        u[i] = kept
        temperature[i] += a_in[2 * n + i]
        if a_in[3 * n + i] != 0:
            best[i] = (history[i] >> 2) & 1  # the newest value is that of the step before, two bits each
        x = history[i] & 1
        new, suggests, share = x, 0, 0
        if second:
            if suggested[i] != 0 and (second_draw(shared, i, switch_bits) * (a_in[n + i] + 1)) >> switch_bits == 0:
                new = 1 - x
        else:
            if last < 0 or step < last:
                energy = (1 - 2 * x) * (np.int64(bias[i]) + 2 * kept)
                zeros = leading_zeros(shared, i, bits)
                suggests = int(accepts(energy, np.int64(temperature[i]), zeros, exponent, strict))
            suggested[i] = suggests
            if x != 0:
                share = bias[i] + kept
                if share == 0:
                    share = ZERO_MESSAGE
        history[i] = ((history[i] << 2) & 0xFF) | new
        out[i], out[n + i], out[2 * n + i] = new - x, suggests, share
    return overflows


@dataclass(frozen=True, eq=False)
class AnnealingNeuron(Neuron):
    """What the annealing neurons have in common.

    Args:
        diagonal: Q_ii, one number or one per neuron.
        seed: of the read's random numbers, 0 to 2^64 - 1.
        random_bits: width k of the number whose leading zeros are counted, 1 to 32.
        strict: accept dE < T clz instead of dE <= T clz.
        exponent: of the stored Q, -16 to 20; temperatures are in stored units.
        steps: steps of the algorithm after which nothing flips; None: never.
    """

    diagonal: Any = 0
    seed: int = 0
    random_bits: int = 16
    strict: bool = True
    exponent: int = 0
    steps: int | None = None

    graded: ClassVar[bool] = True
    reports: ClassVar[frozenset[str]] = frozenset({"share"})

    def __post_init__(self) -> None:
        integer_in("random_bits", self.random_bits, 1, 32)
        integer_in("exponent", self.exponent, -16, 20)
        if self.steps is not None:
            integer_in("steps", self.steps, 0, 2**62)
        per_neuron("the diagonal", self.diagonal, np.size(self.diagonal))
        stream_key(self.seed, "anneal")

    def parameters(self) -> tuple[int, ...]:
        last = -1 if self.steps is None else self.steps
        key = signed_key(stream_key(self.seed, "anneal"))
        return (key, self.random_bits, int(self.strict), self.exponent, last)

    def bias_values(self, n: int) -> Int32:
        return per_neuron("the diagonal", self.diagonal, n)


@dataclass(frozen=True, eq=False)
class AnnealingTwoPhase(AnnealingNeuron):
    """Variables that suggest, then switch; ``switch_bits``: width b of the second random number, 1 to 24.

    ``history`` holds the last four values of the variable, two bits each, the newest lowest: the public read-out
    decodes it so.
    """

    switch_bits: int = 8

    name: ClassVar[str] = "annealing-two-phase"
    variables: ClassVar[tuple[str, ...]] = ("history", "u", "temperature", "suggested", "best")
    inputs: ClassVar[tuple[str, ...]] = ("input", "rivals", "temperature", "latch")
    outputs: ClassVar[tuple[str, ...]] = ("change", "suggest", "share")
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("SimulatedAnnealing", FROM_NCMODELS)

    def __post_init__(self) -> None:
        super().__post_init__()
        integer_in("switch_bits", self.switch_bits, 1, 24)

    def parameters(self) -> tuple[int, ...]:
        return (*super().parameters(), self.switch_bits)
