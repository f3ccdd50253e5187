"""A temperature range from the problem itself, not from its family.

At a local minimum every flip costs energy. The high end is the temperature at which a few per cent of the neurons
would still accept their flip per step, the low end that at which less than one neuron in the whole network would:

    sum_i 2^(-dE_i / T_high) = hot n,        sum_i 2^(-dE_i / T_low) = cold.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["temperature_range"]


def temperature_range(energies: npt.NDArray[np.int64], *, hot: float = 0.02, cold: float = 0.3) -> tuple[float, float]:
    """Return (high, low) for the flip energies of a local minimum (all >= 0), in their own units.

    A flat problem (no positive flip energy) gives (1, 1).
    """
    positive = np.asarray(energies[energies > 0], np.float64)
    if not len(positive):
        return 1.0, 1.0
    high = _solve(positive, max(hot * len(energies), 2 * cold))
    return high, min(_solve(positive, cold), high)


def _solve(energies: npt.NDArray[np.float64], wanted: float) -> float:
    """The temperature at which the expected number of accepted flips is ``wanted``."""
    low, high = energies.min() / 64.0, energies.max() * 4.0
    if wanted >= len(energies):
        return float(high)
    for _ in range(50):
        middle = np.sqrt(low * high)
        if np.exp2(-energies / middle).sum() < wanted:
            low = middle
        else:
            high = middle
    return float(np.sqrt(low * high))
