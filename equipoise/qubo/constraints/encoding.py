"""Whole numbers and spins as bits."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError

__all__ = ["Encoding", "bounded_powers"]

#: a whole number gets at most so many bits
MOST_BITS = 31


@dataclass(frozen=True)
class Encoding:
    """A variable of the source: offset + sum_k weights_k x[bits_k]."""

    label: Hashable
    offset: int
    bits: tuple[int, ...]
    weights: tuple[int, ...]

    def value(self, x: npt.NDArray[np.uint8]) -> int:
        return self.offset + sum(w * int(x[b]) for b, w in zip(self.bits, self.weights))


def bounded_powers(span: int) -> list[int]:
    """Weights whose sums are exactly the whole numbers from 0 to ``span``: powers of two, the last one cut.

    >>> bounded_powers(10)
    [1, 2, 4, 3]

    Raises:
        InputError: the span needs more than 31 bits.
    """
    if span >= 2**MOST_BITS:
        raise InputError(f"a whole number of {span + 1} values needs more than {MOST_BITS} bits; narrow its bounds")
    weights, power = [], 1
    while span > 0:
        weights.append(min(power, span))
        span -= weights[-1]
        power *= 2
    return weights
