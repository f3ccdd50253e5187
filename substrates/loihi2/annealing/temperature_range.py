"""A temperature range from the problem itself, not from its family.

At a local minimum every flip costs energy. With p_i = 2^(-dE_i / T), the chance that neuron i passes its test, T_high
is the lower of the temperatures at which

    sum_i p_i = CROWD n                  a few per cent of the network would flip in one step,
    sum_i p_i dE_i = LOSS |cost|         and would lose this share of the cost reached,

and T_low the one at which ``sum_i p_i = COLD``: less than one flip in a step of the whole network. The second
condition matters where few neurons can move at all (independent sets in dense graphs), the first everywhere else. The
three numbers were chosen on random independent-set, dense, and cut problems of 500 to 1000 variables, none of which
any benchmark reports.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["temperature_range"]

FEW = 100  #: up to so many different energies a plain loop is faster than NumPy
CROWD, LOSS, COLD = 0.1, 0.15, 0.3


def temperature_range(energies: npt.NDArray[np.int64], cost: int) -> tuple[float, float]:
    """Return (high, low) for the flip energies (n,) of a local minimum and its cost, in the problem's own units.

    A flat problem (no positive flip energy) gives (1, 1).
    """
    positive = np.asarray(energies[energies > 0], np.float64)
    if not len(positive):
        return 1.0, 1.0
    # Equal energies are common in integer problems: count them once.
    values, counts = np.unique(positive, return_counts=True)
    high = _solve(values, counts, CROWD * len(energies))
    if cost != 0:
        high = min(high, _solve(values, counts * values, LOSS * abs(cost)))
    low = _solve(values, counts, COLD)
    return max(high, 1.5 * low), low


def _solve(values: npt.NDArray[np.float64], weights: npt.NDArray[Any], wanted: float) -> float:
    """The temperature at which sum_i weights_i 2^(-values_i / T) = ``wanted``, by bisection."""
    if len(values) <= FEW:
        return float(_solve_few(values, weights.astype(np.float64), wanted))
    low, high = values[0] / 64.0, values[-1] * 4.0
    for _ in range(24):
        middle = np.sqrt(low * high)
        if np.dot(np.exp2(-values / middle), weights) < wanted:
            low = middle
        else:
            high = middle
    return float(np.sqrt(low * high))


@njit(cache=True, nogil=True)
def _solve_few(values, weights, wanted):  # type: ignore[no-untyped-def]
    """The same, as a loop."""
    low, high = values[0] / 64.0, values[-1] * 4.0
    for _ in range(24):
        middle = np.sqrt(low * high)
        total = 0.0
        for k in range(len(values)):
            total += weights[k] * 2.0 ** (-values[k] / middle)
        if total < wanted:
            low = middle
        else:
            high = middle
    return np.sqrt(low * high)
