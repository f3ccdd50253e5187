"""The compiled learning engine: spikes into traces, and at the end of an epoch traces into synapses.

The rules are those of Lava's bit-approximate fixed-point model; ``docs/loihi2_arithmetic.md`` writes them down.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from substrates.loihi2.learning.products import (
    CONDITION_X,
    CONDITION_Y,
    P_CONDITION,
    P_DOWN,
    P_FACTORS,
    P_MANTISSA,
    P_NUMBER,
    P_TARGET,
    P_UP,
    VARIABLES,
)
from substrates.loihi2.learning.rule import TRACE_MAX

__all__ = [
    "L_BY_X",
    "L_BY_Y",
    "L_CHANGES",
    "L_COLUMNS",
    "L_CONNECTION",
    "L_DENSE",
    "L_EPOCH",
    "L_EVERY",
    "L_GRADED",
    "L_HIGH",
    "L_HISTORY",
    "L_IMPULSES",
    "L_LOW",
    "L_POINTERS",
    "L_POST",
    "L_PRODUCTS",
    "L_PRODUCTS_END",
    "L_SOURCE",
    "L_SOURCES",
    "L_SPIKES",
    "L_STORED",
    "L_TARGETS",
    "L_TARGET_LIST",
    "L_THIRD",
    "L_TRACES",
    "L_UPDATES",
    "L_VALUES",
    "L_Y",
    "learn",
]  # fmt: skip

# Columns of the table of learning connections: sizes and ends
L_CONNECTION, L_SOURCES, L_TARGETS, L_STORED, L_DENSE, L_SOURCE, L_POST, L_Y = range(8)  # L_Y: three outlets or -1
# where things begin in the pools
L_VALUES, L_POINTERS, L_TARGET_LIST, L_TRACES, L_HISTORY, L_UPDATES, L_PRODUCTS, L_PRODUCTS_END = range(11, 19)
# the rule
L_EPOCH, L_EVERY, L_SPIKES, L_GRADED, L_THIRD, L_LOW, L_HIGH, L_BY_X, L_BY_Y = range(19, 28)
L_CHANGES, L_IMPULSES = 28, 31  # whether w, d, t change; whole part and 256ths of five impulses
L_COLUMNS = L_IMPULSES + 10

X0, Y0, X1, X2, Y1, Y2, Y3, W, D, T = range(len(VARIABLES))
PLACES = 7  #: bits behind the point while a synapse changes
ACCUMULATOR_LOW, ACCUMULATOR_HIGH = -(2**15) - 1, 2**15 - 1
TAG_LOW, TAG_HIGH, DELAY_HIGH = -257, 255, 255
OVERWRITE, ADD, ADD_OVERFLOW = 1, 2, 3


@njit(cache=True, error_model="numpy", inline="always")
def _grown(trace: int, row: Any, which: int, random: int) -> int:
    """``trace`` after an impulse, rounded up where ``random`` lies below its 256ths."""
    whole, part = row[L_IMPULSES + 2 * which], row[L_IMPULSES + 2 * which + 1]
    return min(max(trace + whole + (1 if random < part else 0), 0), TRACE_MAX)


@njit(cache=True, error_model="numpy", _nrt=False)
def _source_spikes(row: Any, at: int, traces: Any, values: Any) -> None:
    """Messages of the source neurons; ``at`` is the step within the epoch, from 1."""
    n = row[L_SOURCES]
    x1, x2, when = traces[:n], traces[n : 2 * n], traces[2 * n : 3 * n]
    use = row[L_SPIKES]
    for i in range(n):
        spiked = values[i] != 0
        if not spiked and use < ADD:
            continue
        again, noted = spiked and when[i] > 0, spiked
        if use == 0:
            if again:
                x1[i] = _grown(x1[i], row, 0, 0)
        else:
            # half of what the message carries, rounded to even; a message without value is a one
            value = np.int64(values[i]) if row[L_GRADED] != 0 else np.int64(spiked)
            half = (value >> 1) + ((value & 3) == 3)
            brought = half & 255
            if use == OVERWRITE:
                x1[i] = brought
            else:
                total = (x1[i] + brought) & 255
                over = total > TRACE_MAX
                if use == ADD:
                    x1[i] = min(total, TRACE_MAX)
                else:
                    x1[i] = total - TRACE_MAX if over else total
                    again, noted = again and over, noted and over
        if again:
            x2[i] = _grown(x2[i], row, 1, 0)
        if noted:
            when[i] = at


@njit(cache=True, error_model="numpy", _nrt=False)
def _target_spikes(row: Any, at: int, traces: Any, spikes: Any, random: int) -> None:
    """Spikes of the target neurons."""
    n = row[L_TARGETS]
    when = traces[3 * n : 4 * n]
    for j in range(n):
        if spikes[j] == 0:
            continue
        if when[j] > 0:
            for k in range(3):
                traces[k * n + j] = _grown(traces[k * n + j], row, 2 + k, random)
        when[j] = at


@njit(cache=True, error_model="numpy", _nrt=False)
def _history(
    row: Any, first: int, many: int, n: int, traces: Any, when: Any, kept: Any, share: float, random: int, history: Any
) -> None:  # fmt: skip
    """Traces at every step of the epoch that ends: ``history`` (epoch + 1, many, n), its first row the traces now."""
    for k in range(many):
        for i in range(n):
            value: Any = np.int64(traces[k * n + i])
            history[k * n + i] = value
            for q in range(1, row[L_EPOCH] + 1):
                if kept[first + k] == 0.0:
                    value = 0
                else:
                    exact = kept[first + k] * value
                    low = np.floor(exact)
                    value = np.int64(low) + (1 if share < exact - low else 0)
                if when[i] == q:
                    value = _grown(value, row, first + k, random)
                history[(q * many + k) * n + i] = value


@njit(cache=True, error_model="numpy", _nrt=False)
def _product(p: Any, i: int, j: int, at: int, row: Any, x: Any, y: Any, seen: Any) -> Any:
    """What one product adds, traces taken at step ``at`` of the epoch; ``seen`` holds x0, y0, w, d, t."""
    value = np.int32(1)
    for f in range(p[P_NUMBER]):
        kind, constant, sign = p[P_FACTORS + 3 * f], p[P_FACTORS + 3 * f + 1], p[P_FACTORS + 3 * f + 2]
        if kind >= W:
            factor, half = seen[2 + kind - W] + constant, 512
            if sign != 0:
                factor = np.int64(np.sign(factor))
        elif kind >= Y1:
            factor, half = np.int64(y[(at * 3 + kind - Y1) * row[L_TARGETS] + j]) + constant, 128
        elif kind >= X1:
            factor, half = np.int64(x[(at * 2 + kind - X1) * row[L_SOURCES] + i]) + constant, 128
        else:
            factor, half = seen[kind] + constant, 2
        value = np.int32(value * np.int32(min(max(factor, -half), half - 1)))
    value = np.int32(value * np.int32(p[P_MANTISSA]))
    value = np.int32(np.int32(value >> p[P_DOWN]) << p[P_UP])
    return min(max(np.int64(value), ACCUMULATOR_LOW), ACCUMULATOR_HIGH)


@njit(cache=True, error_model="numpy", _nrt=False)
def _rounded(row: Any, v: int, total: int, share: float) -> Any:
    """Weight (``v`` 0), delay or tag from its accumulator: the right sign, rounding at random, limits."""
    low, high = row[L_LOW], row[L_HIGH]
    if v == 1:
        low, high = 0, DELAY_HIGH
    elif v == 2:
        low, high = TAG_LOW, TAG_HIGH
    if low == 0:
        total = max(total, 0)
    elif high == 0:
        total = min(total, 0)
    below = total >> PLACES
    part = (total - (below << PLACES)) / (1 << PLACES)
    return np.int32(min(max(below + (1 if share < part else 0), low), high))


@njit(cache=True, error_model="numpy", _nrt=False)
def _change(
    row: Any, products: Any, tables: Any, pointers: Any, x: Any, y: Any, seen_x: Any, seen_y: Any, always: bool,
    share: float, values: Any, updates: Any, room: Any,
) -> None:  # fmt: skip
    """Change every synapse that a product of the rule concerns; all products see the values before.

    ``room`` (8,) is work space.
    """
    stored = row[L_STORED]
    by_x, by_y = row[L_BY_X] != 0, row[L_BY_Y] != 0
    touched, seen, total = row[L_CHANGES : L_CHANGES + 3], room[:5], room[5:8]
    for i in range(row[L_SOURCES]):
        if not (always or by_y or touched[2] != 0 or (by_x and seen_x[i] > 0)):
            continue
        for e in range(pointers[i], pointers[i + 1]):
            j = e - pointers[i] if row[L_DENSE] != 0 else np.int64(tables[e])
            concerns = always or (by_x and seen_x[i] > 0) or (by_y and seen_y[j] > 0)
            # a tag at its very end leaves the accumulator, which pulls it back even where no product acts
            if not concerns and not (touched[2] != 0 and values[2 * stored + e] == TAG_LOW):
                continue
            updates[j] += concerns
            seen[0], seen[1] = seen_x[i] > 0, seen_y[j] > 0
            for v in range(3):
                seen[2 + v] = values[v * stored + e]
                total[v] = seen[2 + v] << PLACES
            for k in range(products.shape[0]):
                p = products[k]
                added = 0
                if p[P_CONDITION] == CONDITION_X:
                    if seen_x[i] > 0:
                        added = _product(p, i, j, seen_x[i], row, x, y, seen)
                elif p[P_CONDITION] == CONDITION_Y:
                    if seen_y[j] > 0:
                        added = _product(p, i, j, seen_y[j], row, x, y, seen)
                elif always:
                    added = _product(p, i, j, row[L_EPOCH], row, x, y, seen)
                v = p[P_TARGET]
                total[v] = min(max(total[v] + added, ACCUMULATOR_LOW), ACCUMULATOR_HIGH)
            for v in range(3):
                if touched[v] != 0:
                    values[v * stored + e] = _rounded(row, v, total[v], share)


@njit(cache=True, error_model="numpy", _nrt=False)
def learn(row: Any, kept: Any, time: int, outlets: Any, stored: Any, work: Any, shares: Any, whole: Any) -> None:
    """One step of a learning connection, after its messages were sent on with the weights as they are.

    ``shares`` and ``whole`` (3,) are this step's random numbers, see `Drawn`.
    """
    ns, nt, epoch = row[L_SOURCES], row[L_TARGETS], row[L_EPOCH]
    at = (time - 1) % epoch + 1
    source, post = outlets[row[L_SOURCE], 0], outlets[row[L_POST], 0]
    x = work.traces[row[L_TRACES] : row[L_TRACES] + 3 * ns]
    y = work.traces[row[L_TRACES] + 3 * ns : row[L_TRACES] + 3 * ns + 4 * nt]
    _source_spikes(row, at, x, work.out[source : source + ns])
    _target_spikes(row, at, y, work.out[post : post + nt], whole[1])
    if row[L_THIRD] != 0:
        for k in range(3):
            for j in range(nt):
                outlet = row[L_Y + k]
                y[k * nt + j] = work.out[outlets[outlet, 0] + j] if outlet >= 0 else 0
    if at != epoch:
        return
    hx = work.history[row[L_HISTORY] : row[L_HISTORY] + (epoch + 1) * 2 * ns]
    hy = work.history[row[L_HISTORY] + (epoch + 1) * 2 * ns :]
    seen_x, seen_y = x[2 * ns : 3 * ns], y[3 * nt : 4 * nt]
    _history(row, 0, 2, ns, x, seen_x, kept, shares[0], whole[0], hx)
    _history(row, 2, 3, nt, y, seen_y, kept, shares[1], whole[2], hy)
    for k in range(2 * ns):
        x[k] = hx[epoch * 2 * ns + k]
    if row[L_THIRD] == 0:
        for k in range(3 * nt):
            y[k] = hy[epoch * 3 * nt + k]
    always = row[L_EVERY] > 0 and (time // epoch) % row[L_EVERY] == 0
    _change(
        row, stored.products[row[L_PRODUCTS] : row[L_PRODUCTS_END]], stored.learnt_targets[row[L_TARGET_LIST] :],
        stored.rows[row[L_POINTERS] : row[L_POINTERS] + ns + 1], hx, hy, seen_x, seen_y, always, shares[2],
        work.plastic[row[L_VALUES] : row[L_VALUES] + 3 * row[L_STORED]],
        work.updates[row[L_UPDATES] : row[L_UPDATES] + nt], work.room,
    )  # fmt: skip
    seen_x[:] = 0
    seen_y[:] = 0
