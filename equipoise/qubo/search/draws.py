# mypy: disable-error-code="no-untyped-def, no-untyped-call"
"""Random numbers of the sequential searches: SplitMix64, one 64-bit word of state per read.

A search asks for an unknown number of draws, one after the other, so it has a stream with a state instead of the
annealing neurons' counter-based numbers. The state is an array of one word, so that a search can stop between any two
moves and go on later to the same bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.random import STEP, mix
from substrates.seeds import derive_seed

__all__ = ["below", "draw", "exponential", "new_stream", "unit"]


def new_stream(seed: int, name: str) -> npt.NDArray[np.uint64]:
    """(1,) the state of the stream ``name`` of ``seed``."""
    return np.array([derive_seed(seed, name) % 2**64], np.uint64)


@njit(cache=True, inline="always")
def draw(state):
    """The next 64-bit word."""
    state[0] += STEP
    return mix(state[0])


@njit(cache=True, inline="always")
def below(state, n):
    """A whole number from 0 to n - 1, for n below 2^31; the bias is below n / 2^32."""
    return np.int64(((draw(state) >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@njit(cache=True, inline="always")
def unit(state):
    """A real number in (0, 1]."""
    return (np.float64(draw(state) >> np.uint64(11)) + 1.0) * (1.0 / 9007199254740992.0)


@njit(cache=True, inline="always")
def exponential(state):
    """A draw of the exponential distribution of mean 1: accepting dE < T e is Metropolis' rule at temperature T."""
    return -np.log(unit(state))
