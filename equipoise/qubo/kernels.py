# mypy: disable-error-code="no-untyped-def, no-untyped-call, assignment"
"""Single passes over a problem's pairs, compiled: reading a model should cost no more than touching it once or twice.

Everything here is exact: whole numbers stay whole, and sums of real numbers are taken in the order of the arrays, as
the NumPy forms they replace did.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["both_ways", "cost_on", "halves_both_ways", "in_order", "ordered", "reaches", "sizes", "survey"]

HISTOGRAM = 4096  #: magnitudes below this are counted to find their median


@njit(cache=True, nogil=True)
def survey(values):
    """(all finite, all whole, sum of magnitudes) of real numbers."""
    finite, whole, total = True, True, 0.0
    for k in range(values.shape[0]):
        finite &= np.isfinite(values[k])
        whole &= values[k] == np.rint(values[k])
        total += abs(np.float64(values[k]))
    return finite, whole, total


@njit(cache=True, nogil=True)
def in_order(rows, cols, n):
    """(in range, i < j throughout, sorted by (i, j) with none twice) of the pairs (rows, cols)."""
    inside, upper, rising = True, True, True
    before = np.int64(-1)
    for k in range(rows.shape[0]):
        i, j = np.int64(rows[k]), np.int64(cols[k])
        inside &= (i >= 0) & (j >= 0) & (i < n) & (j < n)
        upper &= i < j
        key = i * n + j
        rising &= key > before
        before = key
    return inside, upper, rising


@njit(cache=True, nogil=True)
def ordered(rows, cols, values, n):
    """The same entries as (low, high, values), sorted by (low, high); entries of one pair keep their order.

    Two counting sorts; the first is left out where the entries come by rising (high, low), as from a dimod model.
    """
    m = rows.shape[0]
    starts = np.zeros(n + 1, np.int64)
    by_high = True
    before = np.int64(-1)
    for k in range(m):
        i, j = np.int64(rows[k]), np.int64(cols[k])
        low, high = min(i, j), max(i, j)
        starts[low + 1] += 1
        by_high &= high * n + low >= before
        before = high * n + low
    for i in range(n):
        starts[i + 1] += starts[i]
    first = np.empty(0, np.int64)
    if not by_high:
        places = np.zeros(n + 1, np.int64)
        for k in range(m):
            places[max(rows[k], cols[k]) + 1] += 1
        for i in range(n):
            places[i + 1] += places[i]
        first = np.empty(m, np.int64)
        for k in range(m):
            high = max(rows[k], cols[k])
            first[places[high]] = k
            places[high] += 1
    lows, highs, sorted_values = np.empty(m, np.int64), np.empty(m, np.int64), np.empty_like(values)
    for s in range(m):
        k = s if by_high else first[s]
        low, high = min(rows[k], cols[k]), max(rows[k], cols[k])
        place = starts[low]
        starts[low] = place + 1
        lows[place], highs[place], sorted_values[place] = low, high, values[k]
    return lows, highs, sorted_values


@njit(cache=True, nogil=True)
def _row_starts(rows, cols, n):
    """indptr of both directions of the sorted pairs."""
    indptr = np.zeros(n + 1, np.int64)
    run, before = np.int64(0), np.int64(0)
    for k in range(rows.shape[0]):
        if rows[k] != before:
            indptr[before + 1] += run
            run, before = np.int64(0), rows[k]
        run += 1
        indptr[cols[k] + 1] += 1
    if n > 0:
        indptr[before + 1] += run
    for i in range(n):
        indptr[i + 1] += indptr[i]
    return indptr


@njit(cache=True, nogil=True)
def both_ways(rows, cols, n):
    """(indptr, indices, entry) of both directions of the sorted pairs, row by row, columns rising."""
    m = rows.shape[0]
    indptr = _row_starts(rows, cols, n)
    place = indptr[:n].copy()
    indices, entry = np.empty(2 * m, np.int32), np.empty(2 * m, np.int64)
    for k in range(m):  # the smaller columns of every row first
        p = place[cols[k]]
        place[cols[k]] = p + 1
        indices[p], entry[p] = rows[k], k
    for k in range(m):
        p = place[rows[k]]
        place[rows[k]] = p + 1
        indices[p], entry[p] = cols[k], k
    return indptr, indices, entry


@njit(cache=True, nogil=True)
def halves_both_ways(rows, cols, values, n, like):
    """(indptr, indices, values // 2) of both directions of the sorted pairs, the values in the type of ``like``."""
    m = rows.shape[0]
    indptr = _row_starts(rows, cols, n)
    place = indptr[:n].copy()
    indices, halves = np.empty(2 * m, np.int32), np.empty(2 * m, like.dtype)
    for k in range(m):
        p = place[cols[k]]
        place[cols[k]] = p + 1
        indices[p], halves[p] = rows[k], values[k] >> 1
    for k in range(m):
        p = place[rows[k]]
        place[rows[k]] = p + 1
        indices[p], halves[p] = cols[k], values[k] >> 1
    return indptr, indices, halves


@njit(cache=True, nogil=True)
def cost_on(on, linear, rows, cols, pairs):
    """The sum of what is on; whole numbers only (their sum does not depend on the order)."""
    total = linear.dtype.type(0)
    for i in range(linear.shape[0]):
        if on[i]:
            total += linear[i]
    for k in range(pairs.shape[0]):
        if on[rows[k]] and on[cols[k]]:
            total += pairs[k]
    return total


@njit(cache=True, nogil=True)
def reaches(linear, rows, cols, pairs):
    """The largest |a_i| + sum_j |J_ij| of any variable, in float64."""
    n = linear.shape[0]
    forward, back = np.zeros(n), np.zeros(n)
    total, before = 0.0, np.int64(0)
    for k in range(pairs.shape[0]):
        if rows[k] != before:
            forward[before] = total
            total, before = 0.0, rows[k]
        size = abs(np.float64(pairs[k]))
        total += size
        back[cols[k]] += size
    if n > 0:
        forward[before] = total
    largest = 0.0
    for i in range(n):
        largest = max(largest, abs(np.float64(linear[i])) + forward[i] + back[i])
    return largest


@njit(cache=True, nogil=True)
def sizes(values):
    """(any below zero, any above, bits set in any magnitude, largest magnitude, median magnitude but zeros, divisor).

    Whole numbers. The median is -1 where magnitudes are too large to count; the divisor is the largest common one.
    """
    negative, positive = False, False
    bits, largest = np.int64(0), np.int64(0)
    smallest = np.int64(2**63 - 1)
    for k in range(values.shape[0]):
        size = abs(values[k])
        negative |= values[k] < 0
        positive |= values[k] > 0
        bits |= size
        largest = max(largest, size)
        smallest = min(smallest, size)
    if largest == 0 or smallest == largest:
        return negative, positive, bits, largest, float(largest), largest
    divisor = np.int64(0)
    for k in range(values.shape[0]):
        size = abs(values[k])
        while size:
            divisor, size = size, divisor % size
        if divisor == 1:
            break
    if largest >= HISTOGRAM:
        return negative, positive, bits, largest, -1.0, divisor
    counts = np.zeros(largest + 1, np.int64)
    for k in range(values.shape[0]):
        counts[abs(values[k])] += 1
    there, seen = values.shape[0] - counts[0], 0
    below, above = np.int64(-1), np.int64(0)
    while 2 * seen <= there:  # the two in the middle, one and the same where their number is odd
        above += 1
        seen += counts[above]
        if below < 0 and 2 * seen >= there:
            below = above
    return negative, positive, bits, largest, (below + above) / 2, divisor
