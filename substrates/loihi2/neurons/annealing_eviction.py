"""The evicting annealing neuron: one vertex of an independent set; it turns on and its neighbours go off. Our design.

Two time steps for one step t of the algorithm. The vertex has the weight w = -Q_ii; u is the weight of its neighbours
that are on, from their changes over synapses that hold the sender's weight:

    every step   u += input,  T += temperature;  on a latch, best <- x of the step before
    odd steps    who is on with u > 0 goes off and sends its change, -1;  who is on now reports -w, its cost share
                 who was off suggests if u - w (evicted weight minus its own) passes the test of `metropolis`, and with
                 probability 2^-p only, p its patience, one more where nothing is gained: rand_b < 2^(b - p)
    even steps   who suggested and has no rival, a neighbour that did, goes on and sends its change, +1
                 p <- min(p + 1, b) with rivals, max(p - 1, 1) without

So no two neighbours ever go on together; who gains comes before who only moves; and patience settles where about one of
the willing around a vertex suggests: the feedback with which Scott, Jeavons and Xu (PODC 2013) build maximal
independent sets, after the precursors of a fly's bristles (Afek et al., Science 2011). After an odd step the set is
independent: of two neighbours that are both on (a start may hold such), each has u > 0, and both go. Every reported
cost is that of a set that breaks nothing, whatever the penalty was. After ``steps`` steps of the algorithm nothing is
suggested any more; what is hit goes off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.annealing_two_phase import AnnealingNeuron
from substrates.loihi2.neurons.base import OWN_MICROCODE, ChipModel, Int32, State
from substrates.loihi2.neurons.metropolis import accepts, leading_zeros, second_draw
from substrates.loihi2.random import step_key
from substrates.loihi2.widths import integer_in, saturate

__all__ = ["FIRST_PATIENCE", "AnnealingEviction", "advance"]

FIRST_PATIENCE = 1


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One time step of a population; returns how many u saturated."""
    n = bias.shape[0]
    history, u, temperature, suggested, patience, best = state[0], state[1], state[2], state[3], state[4], state[5]
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
            best[i] = (history[i] >> 2) & 1  # latches come in odd steps: the set that was reported is one value back
        x = history[i] & 1
        new, suggests, share = x, 0, 0
        if second:
            if a_in[n + i] != 0:
                patience[i] = min(patience[i] + 1, switch_bits)
            else:
                new = x | suggested[i]
                patience[i] = max(patience[i] - 1, FIRST_PATIENCE)
        else:
            if x != 0 and kept > 0:
                new = 0
            elif x == 0 and (last < 0 or step < last):
                energy = np.int64(bias[i]) + kept
                zeros = leading_zeros(shared, i, bits)
                if accepts(energy, np.int64(temperature[i]), zeros, exponent, strict):
                    left = switch_bits - patience[i] - int(energy >= 0)
                    suggests = int(second_draw(shared, i, switch_bits) >> max(left, 0) == 0)
            suggested[i] = suggests
            if new != 0:
                share = bias[i]
        history[i] = ((history[i] << 2) & 0xFF) | new
        out[i], out[n + i], out[2 * n + i] = new - x, suggests, share
    return overflows


@dataclass(frozen=True, eq=False)
class AnnealingEviction(AnnealingNeuron):
    """Vertices of an independent set; ``diagonal`` holds their weights with a minus, all below zero.

    ``history`` is laid out as in `annealing_two_phase`.

    Args:
        switch_bits: width b of the second random number, and the most patience, 1 to 24.
    """

    switch_bits: int = 8

    name: ClassVar[str] = "annealing-eviction"
    variables: ClassVar[tuple[str, ...]] = ("history", "u", "temperature", "suggested", "patience", "best")
    inputs: ClassVar[tuple[str, ...]] = ("input", "rivals", "temperature", "latch")
    outputs: ClassVar[tuple[str, ...]] = ("change", "suggest", "share")
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = OWN_MICROCODE

    def __post_init__(self) -> None:
        super().__post_init__()
        integer_in("switch_bits", self.switch_bits, 1, 24)

    def parameters(self) -> tuple[int, ...]:
        return (*super().parameters(), self.switch_bits)

    def rest(self, n: int) -> State:
        state = super().rest(n)
        state["patience"][:] = FIRST_PATIENCE
        return state
