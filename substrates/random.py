"""Counter-based random numbers: word number ``index`` of time step ``step`` of the stream ``key``.

    word(key, step, index) = mix(mix(key + step * A) + index * B)   (mod 2^64)

``mix`` is the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), a bijection of the 64-bit integers in
which every input bit moves every output bit. Nothing is stored between draws, so a draw depends on its three
coordinates alone: not on threads, batches, the order of evaluation, or whether other neurons were evaluated at all.
Loihi's own generator is not public; a licensed user can put it in place of `word` in `substrates.loihi2.random`.

The compiled functions (`mix`, `step_key`, `word`) serve the kernels, the ``*_array`` functions are their plain NumPy
form for process models and tests; both give the same bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError

__all__ = ["mix", "step_key", "stream_key", "word", "word_array"]

STEP = np.uint64(0x9E3779B97F4A7C15)  #: 2^64 / golden ratio, odd
INDEX = np.uint64(0xD1342543DE82EF95)  #: an odd multiplier with good spectral properties (Steele and Vigna 2021)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
S30, S27, S31 = np.uint64(30), np.uint64(27), np.uint64(31)


@njit("uint64(uint64)", cache=True, inline="always")
def mix(x: np.uint64) -> np.uint64:
    """SplitMix64's finaliser."""
    x = (x ^ (x >> S30)) * MIX_1
    x = (x ^ (x >> S27)) * MIX_2
    return x ^ (x >> S31)


@njit("uint64(uint64, uint64)", cache=True, inline="always")
def step_key(key: np.uint64, step: np.uint64) -> np.uint64:
    """The part of `word` that all indices of one time step share."""
    return mix(key + step * STEP)


@njit("uint64(uint64, uint64)", cache=True, inline="always")
def word(step_key: np.uint64, index: np.uint64) -> np.uint64:
    """Word ``index`` of the time step that ``step_key`` belongs to."""
    return mix(step_key + index * INDEX)


def stream_key(seed: int, name: str) -> np.uint64:
    """The key of the stream ``name`` of ``seed`` (any integer from 0 to 2^64 - 1).

    Raises:
        InputError: the seed is out of range.
    """
    if isinstance(seed, bool) or not 0 <= int(seed) < 2**64:
        raise InputError(f"a seed must be an integer from 0 to 2^64 - 1, got {seed!r}")
    tag = 0xCBF29CE484222325  # FNV-1a, 64 bit
    for byte in name.encode():
        tag = ((tag ^ byte) * 0x100000001B3) % 2**64
    return np.uint64(_mix_array(np.array([int(seed) ^ tag], np.uint64))[0])


def _mix_array(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = (x ^ (x >> S30)) * MIX_1
    x = (x ^ (x >> S27)) * MIX_2
    return x ^ (x >> S31)


def word_array(key: np.uint64, step: int, index: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """Words ``index`` (any shape) of time step ``step`` of the stream ``key``, in plain NumPy."""
    with np.errstate(over="ignore"):
        start = _mix_array(np.array([key], np.uint64) + np.array([step], np.uint64) * STEP)
        return _mix_array(start + np.asarray(index, np.uint64) * INDEX)
