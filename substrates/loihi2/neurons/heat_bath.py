"""The logistic (heat-bath) test of the Boltzmann neurons in integers.

A neuron is on with probability 1 / (1 + exp(v / T)). With a random number r of `BITS` bits and q = (r + 1/2) / 2^BITS,
that is

    v 2^e 2^SHIFT < T L[r],      L[r] = round(2^SHIFT ln((1 - q) / q))

The table is symmetric, L[r] = -L[2^BITS - 1 - r]; probabilities are exact to 2^-(BITS + 1); at T = 0 the test is v < 0.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = ["BITS", "SHIFT", "logistic_table"]

BITS, SHIFT = 10, 8


@cache
def _table() -> npt.NDArray[np.int32]:
    q = (np.arange(2**BITS) + 0.5) / 2**BITS
    return np.rint(2**SHIFT * np.log((1 - q) / q)).astype(np.int32)


def logistic_table() -> npt.NDArray[np.int32]:
    """L[r] (2^BITS,), falling."""
    return _table().copy()
