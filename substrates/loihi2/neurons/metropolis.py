"""The integer Metropolis test of the annealing neurons, and their random numbers.

    dE 2^e < T clz_k(r)   (<= when not strict)        r: k random bits, clz_k counts its leading zeros, k for r = 0

which accepts dE < 0 always and dE > 0 with probability about 2^-(dE / T). Draws are laid out by bit: word l of a block
of 64 neurons holds bit l of each one's number, so that the event-driven kernel tests a block at once.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from substrates.loihi2.random import word

__all__ = ["accepts", "leading_zeros", "second_draw", "signed_key"]

SECOND = np.uint64(2**40)  #: number of the word that holds neuron 0's bits for its second decision


def signed_key(key: np.uint64) -> int:
    """A stream's key as the signed number that a neuron's parameters hold."""
    return int(np.uint64(key).astype(np.int64))


@njit(cache=True)
def leading_zeros(shared: np.uint64, neuron: int, bits: int) -> int:
    """Leading zeros of the neuron's number of ``bits`` bits; ``shared`` is the step's key."""
    i = np.uint64(neuron)
    block, lane = i >> np.uint64(6) << np.uint64(6), i & np.uint64(63)
    for level in range(bits):
        if (word(shared, block + np.uint64(level)) >> lane) & np.uint64(1) != np.uint64(0):
            return level
    return bits


@njit(cache=True)
def second_draw(shared: np.uint64, neuron: int, bits: int) -> int:
    """The neuron's random number of ``bits`` bits for its second decision: whether to switch, or how long to rest."""
    mask = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    return int(np.int64(word(shared, SECOND + np.uint64(neuron)) & mask))


@njit(cache=True)
def accepts(energy: int, temperature: int, zeros: int, exponent: int, strict: int) -> bool:
    """The test; a negative ``exponent`` scales the temperature up instead of the energy down."""
    left = energy << max(exponent, 0)
    right = (temperature * zeros - strict) << max(-exponent, 0)
    return left <= right
