"""What the Ising machines' loops share: a Gaussian number, the couplings' field, and the look of the comparators."""

# Compiled functions: numba infers their types.
# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

import numpy as np
from numba import njit

from substrates.random import word

__all__ = ["field", "look", "normal", "uniform"]

_UNIFORM = np.sqrt(3.0) / 65536.0
_PAIRS, _LOW = np.uint64(0x0000FFFF0000FFFF), np.uint64(0xFFFFFFFF)
_S16, _S32, _S11 = np.uint64(16), np.uint64(32), np.uint64(11)


@njit(cache=True, inline="always", _nrt=False)
def normal(step, index):
    """A nearly Gaussian number of unit variance (the sum of four uniform ones), from the step's key and an index."""
    bits = word(step, np.uint64(index))
    halves = (bits & _PAIRS) + ((bits >> _S16) & _PAIRS)
    total = (halves & _LOW) + (halves >> _S32)
    return (np.float64(total) - 131070.0) * _UNIFORM


@njit(cache=True, inline="always", _nrt=False)
def uniform(step, index):
    """A number in [0, 1), from the step's key and an index."""
    return np.float64(word(step, np.uint64(index)) >> _S11) * 2.0**-53


@njit(cache=True, nogil=True, _nrt=False)
def field(values, bias, indptr, indices, couplings, out):
    """out_i = h_i + sum_j J_ij v_j."""
    for i in range(out.shape[0]):
        total = bias[i]
        for p in range(indptr[i], indptr[i + 1]):
            total += couplings[p] * values[indices[p]]
        out[i] = total


@njit(cache=True, nogil=True, _nrt=False)
def look(values, x, true, indptr, indices, pairs, costs, best, least, found, improvements, step):
    """Read the signs of ``values`` into the bits ``x``, follow their true cost, keep the best.

    true: a_i + sum_j J_ij x_j, kept up to date; costs: [now, best]. Returns how many improvements are written.
    """
    for i in range(x.shape[0]):
        bit = np.uint8(values[i] > 0.0)
        if bit != x[i]:
            sign = 1.0 if bit else -1.0
            costs[0] += sign * true[i]
            x[i] = bit
            for p in range(indptr[i], indptr[i + 1]):
                true[indices[p]] += sign * pairs[p]
    if costs[0] < costs[1] - least - 1e-12 * abs(costs[1]):
        costs[1] = costs[0]
        for i in range(x.shape[0]):
            best[i] = x[i]
        if found < improvements.shape[0]:
            improvements[found, 0] = step
            improvements[found, 1] = costs[0]
            found += 1
    return found
