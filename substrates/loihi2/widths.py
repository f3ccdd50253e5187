"""Bit widths of the chip and what happens at their edges, once, as scalar functions.

Every function is compiled and inlined into the kernels; called from Python it works on plain integers. Which rule is
Lava's public one and which is our specification is listed in ``docs/loihi2_arithmetic.md``.

32-bit casts are explicit because a compiled ``int32 + int32`` is otherwise 64 bits wide and runs at half speed; the
values themselves fit 24 bits (or wrap at 32 exactly as Lava's ``np.int32`` arrays do).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError

__all__ = [
    "BIAS_EXPONENT_BITS",
    "BIAS_MANTISSA_BITS",
    "DECAY_BITS",
    "DECAY_UNITY",
    "DELAY_MAX",
    "MESSAGE_BITS",
    "STATE_BITS",
    "STATE_MAX",
    "TEMPERATURE_MAX",
    "THRESHOLD_BITS",
    "THRESHOLD_SHIFT",
    "WEIGHT_BITS",
    "WEIGHT_MAX",
    "WEIGHT_MIN",
    "decay",
    "integer_array",
    "integer_in",
    "outside",
    "saturate",
    "saturate32",
    "shift",
    "wrap24",
    "wrap_once",
]

STATE_BITS = 24  #: neuron state variables
STATE_MAX = 2**23 - 1  #: largest magnitude of a saturating 24-bit state
TEMPERATURE_MAX = 2**16 - 1  #: of the annealing neurons, unsigned
MESSAGE_BITS = 24  #: usable payload of a graded message
DECAY_BITS = 12  #: decay constants of the LIF
DECAY_UNITY = 2**DECAY_BITS
THRESHOLD_BITS = 17  #: LIF threshold, unsigned, before its shift
THRESHOLD_SHIFT = 6  #: LIF threshold and input are aligned to the top of the state by this shift
BIAS_MANTISSA_BITS = 13  #: signed
BIAS_EXPONENT_BITS = 3
WEIGHT_BITS = 8
WEIGHT_MIN, WEIGHT_MAX = -256, 255  #: a weight before truncation: eight bits and a sign
DELAY_MAX = 63  #: six bits

_FULL = np.int32(2**STATE_BITS)
_HALF = np.int32(2 ** (STATE_BITS - 1))


@njit(cache=True, inline="always")
def saturate(x: int) -> int:
    """Clip to +-(2^23 - 1). Source: Lava's LIF voltage."""
    return min(max(x, -STATE_MAX), STATE_MAX)


@njit(cache=True, inline="always")
def saturate32(x: np.int32) -> np.int32:
    """`saturate` that stays 32 bits wide."""
    return min(max(x, np.int32(-STATE_MAX)), np.int32(STATE_MAX))


@njit(cache=True, inline="always")
def wrap24(x: int) -> int:
    """Two's complement of the low 24 bits. Source: Lava's Conv (``signed_clamp``)."""
    return ((x + 8388608) & 16777215) - 8388608


@njit(cache=True, inline="always")
def wrap_once(x: np.int32) -> np.int32:
    """Bring x back by 2^24 if it left (-2^23, 2^23]. Source: Lava's LIF current; one turn only, as there."""
    if x > _HALF:
        return np.int32(x - _FULL)
    if x <= -_HALF:
        return np.int32(x + _FULL)
    return x


@njit(cache=True, inline="always")
def outside(x: np.int32) -> np.int32:
    """1 if x does not fit a signed 24-bit register, else 0."""
    return np.int32((x > STATE_MAX) | (x < -STATE_MAX - 1))


@njit(cache=True, inline="always")
def decay(x: np.int32, keep: np.int32) -> np.int32:
    """sign(x) * (|x| * keep >> 12), rounding towards zero; keep from 0 to 4096. Source: Lava's LIF.

    The product has 36 bits and a float64 holds it exactly; its conversion truncates, which is the rule. This way eight
    neurons fit one vector instruction.
    """
    return np.int32(np.float64(x) * (np.float64(keep) / DECAY_UNITY))


@njit(cache=True, inline="always")
def shift(x: int, exponent: int) -> int:
    """x * 2^exponent, rounding down when the exponent is negative. Source: Lava's weight exponent."""
    return x << exponent if exponent > 0 else x >> -exponent


def integer_in(name: str, value: Any, low: int, high: int) -> int:
    """Return ``value`` as an int if it is an integer from ``low`` to ``high``.

    Raises:
        InputError: it is not.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise InputError(f"{name} must be an integer from {low} to {high}, got {value!r}")
    return int(value)


def integer_array(name: str, values: npt.ArrayLike, low: int, high: int) -> npt.NDArray[np.int64]:
    """Return ``values`` as int64 if all are integers from ``low`` to ``high``.

    Raises:
        InputError: names the first value that is not.
    """
    array = np.asarray(values)
    if array.dtype == np.bool_:
        array = array.astype(np.int64)
    if not np.issubdtype(array.dtype, np.number) or np.issubdtype(array.dtype, np.complexfloating):
        raise InputError(f"{name} must hold integers from {low} to {high}, got values of type {array.dtype}")
    whole = np.issubdtype(array.dtype, np.integer)
    if whole and (not array.size or (array.min() >= low and array.max() <= high)):  # two passes, no masks
        return array.astype(np.int64)
    bad = ~((array >= low) & (array <= high))
    if np.issubdtype(array.dtype, np.floating):
        bad |= array != np.floor(array)
    if bad.any():
        raise InputError(f"{name} must hold integers from {low} to {high}, got {array[bad].flat[0]}")
    return array.astype(np.int64)
