"""The cost integrator: adds the cost shares, keeps the least sum, and says when it was improved. Our specification.

The cost is kept in two registers as lava-optimization's public integrator does: ``cost = (first << 24) + last`` with a
signed first byte and three unsigned last ones. Shares sent at time step t arrive at t + 1; they are sent every
``hold``-th step, and only then is the cost judged:

    cost < least:   least <- cost,  best_step <- steps of the algorithm done before,  send a latch
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.annealing_two_phase import FROM_NCMODELS
from substrates.loihi2.neurons.base import ChipModel, Int32, Neuron, State
from substrates.loihi2.widths import integer_in

__all__ = ["CostIntegrator", "advance", "join_cost", "split_cost"]


@njit(cache=True, inline="always")
def split_cost(cost: int) -> tuple[int, int]:
    """(first byte, signed; last three bytes, unsigned) of a 32-bit cost."""
    return cost >> 24, cost & 16777215


@njit(cache=True, inline="always")
def join_cost(first: int, last: int) -> int:
    """The cost that `split_cost` took apart."""
    return (first << 24) + last


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One time step; nothing can overflow that the sum of shares has not."""
    sent_at, hold = time - 2, parameters[0]
    judged = sent_at >= 0 and sent_at % hold == 0
    for i in range(bias.shape[0]):
        out[i] = 0
        if not judged:
            continue
        cost = np.int64(a_in[i])
        state[0, i], state[1, i] = split_cost(cost)
        if cost < join_cost(np.int64(state[2, i]), np.int64(state[3, i])):
            state[2, i], state[3, i] = split_cost(cost)
            state[4, i] = sent_at // hold
            out[i] = 1
    return 0


@dataclass(frozen=True, eq=False)
class CostIntegrator(Neuron):
    """One neuron: cost in, latch out.

    Args:
        least: least cost known at the start, at most 0 (all zeros cost nothing).
        hold: time steps per step of the algorithm.
    """

    least: int = 0
    hold: int = 1

    name: ClassVar[str] = "cost-integrator"
    variables: ClassVar[tuple[str, ...]] = ("first", "last", "least_first", "least_last", "best_step")
    graded: ClassVar[bool] = False
    outputs: ClassVar[tuple[str, ...]] = ("latch",)
    adds: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("CostIntegrator", FROM_NCMODELS)

    def __post_init__(self) -> None:
        integer_in("least", self.least, -(2**31), 0)
        integer_in("hold", self.hold, 1, 2**31 - 1)

    def parameters(self) -> tuple[int, ...]:
        return (self.hold,)

    def rest(self, n: int) -> State:
        state = super().rest(n)
        first, last = split_cost(self.least)
        state["least_first"][:], state["least_last"][:] = first, last
        return state
