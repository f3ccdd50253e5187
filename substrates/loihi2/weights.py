"""The chip's weight format: mantissa, sign mode, truncation, one exponent per connection.

    weight = truncate(clip(mantissa)) * 2^exponent        the exponent acts on the accumulated sum

The rules and their order are those of lava-nc 0.10 (``lava.utils.weightutils``): a mixed-sign weight gives one of its
bits to the sign, so eight-bit mixed weights are the even numbers from -256 to 254.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.widths import WEIGHT_BITS, WEIGHT_MAX, WEIGHT_MIN, integer_array, integer_in

__all__ = ["SignMode", "WeightFormat", "clip", "sign_mode_of", "truncate"]

Int32 = npt.NDArray[np.int32]


class SignMode(IntEnum):
    """Which signs the weights of a connection have; the numbers are Lava's."""

    MIXED = 1
    EXCITATORY = 2
    INHIBITORY = 3


def sign_mode_of(weights: npt.NDArray[np.integer[Any]]) -> SignMode:
    """The narrowest mode that holds ``weights``; all zeros are excitatory."""
    if weights.size == 0 or weights.min() >= 0:
        return SignMode.EXCITATORY
    return SignMode.INHIBITORY if weights.max() <= 0 else SignMode.MIXED


def clip(weights: npt.NDArray[np.integer[Any]], mode: SignMode, bits: int = WEIGHT_BITS) -> Int32:
    """Clip to the mode's range: mixed [-2^bits, 2^bits - 1], excitatory [0, 2^bits - 1], inhibitory its mirror."""
    sign = -1 if mode == SignMode.INHIBITORY else 1
    low = -(2**bits) if mode == SignMode.MIXED else 0
    return sign * np.clip(sign * weights.astype(np.int32), low, 2**bits - 1)


def truncate(weights: npt.NDArray[np.integer[Any]], mode: SignMode, bits: int = WEIGHT_BITS) -> Int32:
    """Clear the low bits that ``bits`` cannot hold: 8 - bits of them, one more for mixed signs; rounds down."""
    sign = -1 if mode == SignMode.INHIBITORY else 1
    drop = WEIGHT_BITS - bits + (mode == SignMode.MIXED)
    return sign * (((sign * weights.astype(np.int32)) >> drop) << drop)


class WeightFormat:
    """How a connection stores its weights.

    Args:
        bits: bits of a stored weight, 1 to 8 (the sign is one of them when signs are mixed).
        exponent: power of two applied to the accumulated sum, -8 to 7.
        sign_mode: taken from the weights when None.

    Raises:
        InputError: a number is out of range.
    """

    def __init__(self, bits: int = WEIGHT_BITS, exponent: int = 0, sign_mode: SignMode | None = None) -> None:
        self.bits = integer_in("the number of weight bits", bits, 1, WEIGHT_BITS)
        self.exponent = integer_in("the weight exponent", exponent, -8, 7)
        self.sign_mode = None if sign_mode is None else SignMode(sign_mode)

    def store(self, weights: npt.ArrayLike) -> tuple[Int32, SignMode]:
        """Return the mantissas the chip would hold, and the sign mode used.

        Raises:
            InputError: a weight is no integer, beyond -256 to 255, or has a sign that ``sign_mode`` excludes.
        """
        mantissas = integer_array("the weights", weights, WEIGHT_MIN, WEIGHT_MAX)
        mode = sign_mode_of(mantissas) if self.sign_mode is None else self.sign_mode
        wrong = {SignMode.MIXED: None, SignMode.EXCITATORY: mantissas < 0, SignMode.INHIBITORY: mantissas > 0}[mode]
        if wrong is not None and wrong.any():
            raise InputError(
                f"{int(wrong.sum())} weights have the wrong sign for {mode.name.lower()} synapses, "
                f"the first is {mantissas[wrong].flat[0]}; use mixed signs or two connections"
            )
        if mode == SignMode.INHIBITORY and (mantissas < -WEIGHT_MAX).any():
            raise InputError(f"inhibitory weights go down to {-WEIGHT_MAX}, got {mantissas.min()}; use mixed signs")
        return truncate(clip(mantissas, mode), mode, self.bits), mode

    def __repr__(self) -> str:
        return f"WeightFormat(bits={self.bits}, exponent={self.exponent}, sign_mode={self.sign_mode})"
