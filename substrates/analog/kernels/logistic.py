"""exp and the slope-4 logistic in float32, without branches or library calls, so that loops over neurons vectorise."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from substrates.analog.imperfections.noise import bits_of_float, float_from_bits

__all__ = ["exp32", "logistic32"]

_F = np.float32


@numba.njit(inline="always", fastmath={"contract"}, error_model="numpy")
def exp32(x: Any) -> Any:
    """exp(x) for x in [-87, 88] (clamped): 2^n times a polynomial, relative error below 2e-7; NaN stays NaN."""
    x = _F(88.0) if x > _F(88.0) else x
    x = _F(-87.0) if x < _F(-87.0) else x
    n = np.floor(x * _F(1.44269504) + _F(0.5))
    r = (x - n * _F(0.693359375)) - n * _F(-2.12194440e-4)
    p = _F(1.9875691500e-4)
    p = p * r + _F(1.3981999507e-3)
    p = p * r + _F(8.3334519073e-3)
    p = p * r + _F(4.1665795894e-2)
    p = p * r + _F(1.6666665459e-1)
    p = p * r + _F(5.0000001201e-1)
    y = p * (r * r) + r + _F(1.0)
    return y * float_from_bits(np.int32(np.int32(np.int32(n) + np.int32(127)) << np.int32(23)))


@numba.njit(inline="always", fastmath={"contract"}, error_model="numpy")
def _power_of_two(t: Any) -> Any:
    """2^t for t in [-126, 126] (clamped), relative error below 8e-8 plus that of t; NaN stays NaN.

    Adding 1.5 * 2^23 rounds t to the nearest integer, which is then the low bits of the sum.
    """
    t = _F(126.0) if t > _F(126.0) else t
    t = _F(-126.0) if t < _F(-126.0) else t
    rounded = t + _F(12582912.0)
    r = t - (rounded - _F(12582912.0))
    p = _F(1.32764654e-3) * r + _F(9.67554003e-3)
    p = p * r + _F(5.55071346e-2)
    p = p * r + _F(2.40221202e-1)
    p = p * r + _F(6.93146974e-1)
    p = p * r + _F(1.00000007)
    return p * float_from_bits(np.int32(np.int32(bits_of_float(rounded) << np.int32(23)) + np.int32(0x3F800000)))


@numba.njit(inline="always", fastmath={"contract"}, error_model="numpy")
def logistic32(u: Any) -> Any:
    """1 / (1 + exp(2 - 4 u)), absolute error below 1.5e-7.

    The power of two is taken in one reduction: its relative error grows with |u| but counts v (1 - v) times, which
    falls faster. The division stays: it overlaps with the polynomial and is exact on every processor, which
    approximate reciprocals are not.
    """
    return _F(1.0) / (_F(1.0) + _power_of_two(u * _F(-5.7707801636) + _F(2.8853900818)))
