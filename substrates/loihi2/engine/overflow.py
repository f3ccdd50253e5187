"""Strict runs: does a sum of synapses leave its register? Counted exactly, in 64 bits, where it could.

A connection whose weights are so small that no messages can carry its sums out (`layout.C_SAFE`) costs one comparison
per message; the others are summed a second time before the real kernels wrap.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from substrates.loihi2.engine.layout import (
    C_DELAYS,
    C_EXPONENT,
    C_GEOMETRY,
    C_GRADED,
    C_KIND,
    C_RING,
    C_ROWS,
    C_SAFE,
    C_SCRATCH,
    C_SIZE,
    C_SLOTS,
    C_WEIGHTS,
    C_WIDE,
    C_ZERO,
    CONV,
    DENSE,
    LEARNING,
)  # fmt: skip
from substrates.loihi2.engine.synapse_kernels import spread_conv
from substrates.loihi2.widths import wrap24

__all__ = ["sums_outside"]

GEOMETRY = 15


@njit(cache=True, error_model="numpy", _nrt=False)
def sums_outside(c: Any, time: int, stored: Any, work: Any, fired: Any, values: Any) -> int:
    """How many sums of connection ``c`` these messages carry out of their register; changes nothing else."""
    graded, n, slots, kind = c[C_GRADED] != 0, c[C_SIZE], c[C_SLOTS], c[C_KIND]
    largest = np.int64(1)
    if graded:
        for k in range(fired.shape[0]):
            largest = max(largest, abs(np.int64(values[fired[k]])))
    # Delays let messages of several steps meet in one sum: there the bound of one step says nothing.
    if largest <= c[C_SAFE] and slots == 1:
        return 0
    exact = work.exact[: n * slots]
    exact[:] = 0
    total = np.int64(0)
    if kind == DENSE:
        for k in range(fired.shape[0]):
            m = np.int64(values[fired[k]]) if graded else np.int64(1)
            total += m
            start = c[C_WEIGHTS] + fired[k] * n
            for j in range(n):
                exact[j] += np.int64(stored.dense[start + j]) * m
    elif kind == CONV:
        shape = stored.geometry[c[C_GEOMETRY] : c[C_GEOMETRY] + GEOMETRY]
        spread_conv(exact, stored.conv, c[C_WEIGHTS], shape, fired, values, graded)
    elif kind == LEARNING:
        pointers = stored.rows[c[C_ROWS] : c[C_ROWS] + values.shape[0] + 1]
        for k in range(fired.shape[0]):
            m = np.int64(values[fired[k]]) if graded else np.int64(1)
            begin = pointers[fired[k]]
            for e in range(begin, pointers[fired[k] + 1]):
                target = e - begin if c[C_WIDE] != 0 else np.int64(stored.learnt_targets[c[C_GEOMETRY] + e])
                exact[target] += np.int64(work.plastic[c[C_WEIGHTS] + e]) * m
    else:
        pointers = stored.rows[c[C_ROWS] : c[C_ROWS] + values.shape[0] + 1]
        for k in range(fired.shape[0]):
            m = np.int64(values[fired[k]]) if graded else np.int64(1)
            for e in range(pointers[fired[k]], pointers[fired[k] + 1]):
                slot = 0
                if slots > 1:
                    slot = ((time + 1) % slots + stored.delays[e + c[C_DELAYS]]) % slots
                exact[slot * n + stored.indices[e]] += np.int64(stored.sparse[e]) * m
    return _outside(c, exact, total, work.ring)


@njit(cache=True, error_model="numpy", _nrt=False)
def _outside(c: Any, exact: Any, total: int, ring: Any) -> int:
    """Count the sums that do not fit; their shift by a positive exponent is looked at when they are delivered."""
    over = 0
    rounded = c[C_SCRATCH] >= 0
    for j in range(exact.shape[0]):
        x = exact[j] + total * c[C_ZERO]
        if c[C_KIND] == CONV:
            over += wrap24(x) != x
            continue
        outside = (c[C_WIDE] == 0 or c[C_KIND] == LEARNING) and x != np.int32(x)
        if rounded:
            x >>= -c[C_EXPONENT]
        if c[C_SLOTS] > 1:
            x += ring[c[C_RING] + j]  # what is under way to the same arrival
        over += outside or x != np.int32(x)
    return over
