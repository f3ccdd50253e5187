# mypy: disable-error-code="no-untyped-def, no-untyped-call"
"""Temperatures of the searches that anneal: anneals that double in length, each from hot to cold geometrically.

A move that costs dE is accepted with probability 2^(-dE / T), as on the chip, where leading zeros of a random word are
counted; here the draw is continuous.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from equipoise.qubo.search.draws import unit
from substrates.loihi2.annealing.temperature_range import temperature_range

__all__ = ["HEAT", "RATIO", "Cooling", "accepts", "range_of"]

#: positions in the array that the kernels cool: the temperature, and its factor per move
HEAT, RATIO = 0, 1


@njit(cache=True, inline="always")
def accepts(cost, temperature, random):
    """Whether a move of this cost is made."""
    return cost <= 0 or cost < temperature * -np.log2(unit(random))


def range_of(energies: npt.NDArray[np.int64]) -> tuple[float, float]:
    """(high, low) from what every single move would cost at a local minimum; the annealing neurons' rule."""
    return temperature_range(energies, 0)


@dataclass
class Cooling:
    """Anneals of doubling length.

    Attributes:
        high, low: temperatures at the ends. length: moves of the present anneal. longest: where doubling ends.
    """

    high: float
    low: float
    length: int
    longest: int
    left: int = 0

    def begin(self, heat: npt.NDArray[np.float64]) -> None:
        """Set ``heat`` for the next anneal."""
        self.left = self.length
        heat[HEAT] = self.high
        heat[RATIO] = (self.low / self.high) ** (1.0 / self.length)
        self.length = min(2 * self.length, max(self.longest, self.length))
