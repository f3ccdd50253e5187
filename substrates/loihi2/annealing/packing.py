"""Independent sets (packings) as the evicting neurons hold them: weights instead of penalties.

The vertex i has the weight w_i = -Q_ii. The best state of the QUBO is the heaviest independent set of the graph of its
pairs where every w is positive and every pair costs at least the lighter of its two, 2 Q_ij >= min(w_i, w_j): of two
neighbours that are both on, turning the lighter off then costs nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.widths import STATE_MAX

__all__ = ["HEATS", "check_packing", "couplings"]

I64 = npt.NDArray[np.int64]
#: high and low temperature, in units of the mean weight: evicting two for one gets rare, from 1 in 16 tries to never.
#: Chosen on random graphs that no table reports (README.md).
HEATS = (0.3, 0.05)


def couplings(indptr: npt.NDArray[Any], diagonal: I64) -> I64:
    """Synaptic weights where the CSR rows are those of the senders: every synapse holds its sender's weight."""
    weights: I64 = np.repeat(-diagonal, np.diff(indptr))
    return weights


def check_packing(indptr: I64, indices: npt.NDArray[np.int32], weights: npt.NDArray[Any], diagonal: I64) -> None:
    """Refuse what is no packing.

    Raises:
        InputError: a weight that is not positive, a pair that costs less than the lighter of its two, or more weight
            around a vertex than its 24-bit state holds.
    """
    own = -np.asarray(diagonal, np.int64)
    rows = np.repeat(np.arange(own.size), np.diff(indptr))
    if (own <= 0).any() or (2 * weights.astype(np.int64) < np.minimum(own[rows], own[indices])).any():
        raise InputError(
            "the scheme eviction solves independent sets and packings: every Q_ii below zero, every pair's penalty at "
            "least the smaller of its two gains; take two-phase or refractory for this problem"
        )
    around = np.bincount(rows, own[indices], own.size) if indices.size else np.zeros(1)
    if around.max() + own.max() > STATE_MAX:
        raise InputError(f"the weights around a vertex reach {around.max():.0f}, beyond the 24-bit state's {STATE_MAX}")
