"""From float weights to the chip's: signed mantissas of at most 8 bits and one power of two per coupling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError

__all__ = ["LOWEST_EXPONENT", "choose_exponent", "quantise"]

Float = npt.NDArray[Any]


#: the chip's connections scale their sums by 2^-8 to 2^7; a mixed-sign mantissa is stored doubled
LOWEST_EXPONENT = -7


def choose_exponent(weights: Float, bits: int = 8, lowest: int = -24) -> int:
    """The smallest e with max|W| <= (2^(bits-1) - 1) 2^e: nothing is clipped, no bit is wasted.

    ``lowest`` is the least the chip can do: ``LOWEST_EXPONENT - guard_bits`` in a network.

    Raises:
        InputError: a weight is not finite.
    """
    largest = float(np.abs(weights).max(initial=0.0))
    if not math.isfinite(largest):
        raise InputError("a weight is NaN or infinite; the network diverged: lower the learning rate")
    if largest == 0.0:
        return lowest
    return max(math.ceil(math.log2(largest / (2 ** (bits - 1) - 1))), lowest)


def quantise(
    weights: Float, exponent: int, bits: int = 8, generator: np.random.Generator | None = None
) -> tuple[npt.NDArray[np.int8], int]:
    """Round W / 2^e to mantissas; return them and how many were clipped.

    With a generator rounding is stochastic: up with a probability equal to the fraction, so its mean is the weight.
    """
    scaled = np.ldexp(weights, -exponent)
    if generator is None:
        rounded = np.rint(scaled)
    else:
        rounded = np.floor(scaled + generator.random(scaled.shape, dtype=np.float32))
    limit = 2 ** (bits - 1)
    clipped = int(np.count_nonzero((rounded < -limit) | (rounded > limit - 1)))
    return np.clip(rounded, -limit, limit - 1).astype(np.int8), clipped
