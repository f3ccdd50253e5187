"""The temperature neuron: tells every variable neuron how the temperature changes. Our specification.

    after time step t:   new = series[min(t div hold, last)];  message = new - T;  T <- new

The change for time step t + 1 leaves at step t and arrives, through an all-ones connection, at t + 1. What series the
chip's own parameters make is `substrates.loihi2.annealing.TemperatureNeuron`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.annealing_two_phase import FROM_NCMODELS
from substrates.loihi2.neurons.base import ChipModel, Int32, Neuron, State
from substrates.loihi2.widths import TEMPERATURE_MAX, integer_array, integer_in

__all__ = ["Temperature", "advance"]


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One time step; nothing can overflow."""
    new = table[min(time // parameters[0], table.shape[0] - 1)]
    for i in range(bias.shape[0]):
        out[i] = new - state[0, i]
        state[0, i] = new
    return 0


@dataclass(frozen=True, eq=False)
class Temperature(Neuron):
    """One neuron that follows a series of temperatures; the last one stays.

    Args:
        series: temperatures, integers from 0 to 65535.
        hold: time steps per temperature (2 for the two-phase scheme).
    """

    series: Any = (0,)
    hold: int = 1

    name: ClassVar[str] = "temperature"
    variables: ClassVar[tuple[str, ...]] = ("temperature",)
    graded: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[tuple[str, ...]] = ("change",)
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("Annealing", FROM_NCMODELS)

    def __post_init__(self) -> None:
        integer_in("hold", self.hold, 1, 2**31 - 1)
        integer_array("the temperatures", np.atleast_1d(self.series), 0, TEMPERATURE_MAX)

    def parameters(self) -> tuple[int, ...]:
        return (self.hold,)

    def table(self) -> Int32:
        return np.atleast_1d(np.asarray(self.series)).astype(np.int32)

    def rest(self, n: int) -> State:
        state = super().rest(n)
        state["temperature"][:] = self.table()[0]
        return state
