"""Compiled synapse kernels: messages of one step into a connection's accumulators, and accumulators into inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from substrates.loihi2.engine.prefetch import prefetch
from substrates.loihi2.widths import wrap24

__all__ = [
    "deliver",
    "deliver_checked",
    "spread_conv",
    "spread_delayed",
    "spread_dense",
    "spread_learning",
    "spread_sparse",
]

SAFE_ROWS = 252  #: rows of eight-bit weights whose sum fits 16 bits, a multiple of 4


ROWS_AHEAD = 2  #: sparse rows asked for before they are walked: one is too late, many push each other out
FETCHED = 256  #: synapses of a row asked for; in longer rows the processor looks ahead by itself
LINE = 16  #: 32-bit numbers in a cache line


@njit(cache=True, error_model="numpy", inline="always")
def _fetch_row(indices: Any, weights: Any, start: int, end: int) -> None:
    """Ask for the targets (32 bits) and weights (16) from ``start`` to ``end``."""
    for e in range(start, end, 2 * LINE):
        prefetch(indices, e)
        prefetch(indices, e + LINE)
        prefetch(weights, e)


@njit(cache=True, error_model="numpy")
def spread_dense(
    acc: Any, weights: Any, base: int, stride: int, fired: Any, values: Any, graded: bool, part: Any
) -> int:
    """Add the rows of ``fired`` to ``acc`` (n,); return the sum of messages (the zero point's factor).

    A row of the weights has ``stride`` numbers; those for ``acc`` begin at ``base`` in the first. Binary messages are
    summed in 16 bits, which no 252 rows of eight bits overflow: half the memory traffic. ``part`` is (n,) int16 work
    space.
    """
    n = acc.shape[0]
    if graded:
        total = 0
        for k in range(fired.shape[0]):
            m = np.int32(values[fired[k]])
            total += int(m)
            start = base + fired[k] * stride
            row = weights[start : start + n]
            for j in range(n):
                acc[j] = np.int32(acc[j] + np.int32(np.int32(row[j]) * m))
        return total
    count = fired.shape[0]
    for first in range(0, count, SAFE_ROWS):
        part[:] = 0
        k, last = first, min(first + SAFE_ROWS, count)
        while k + 4 <= last:
            s0, s1 = base + fired[k] * stride, base + fired[k + 1] * stride
            s2, s3 = base + fired[k + 2] * stride, base + fired[k + 3] * stride
            r0, r1, r2, r3 = weights[s0 : s0 + n], weights[s1 : s1 + n], weights[s2 : s2 + n], weights[s3 : s3 + n]
            for j in range(n):
                a = np.int16(np.int16(r0[j]) + np.int16(r1[j]))
                b = np.int16(np.int16(r2[j]) + np.int16(r3[j]))
                part[j] = np.int16(part[j] + np.int16(a + b))
            k += 4
        while k < last:
            s0 = base + fired[k] * stride
            r0 = weights[s0 : s0 + n]
            for j in range(n):
                part[j] = np.int16(part[j] + np.int16(r0[j]))
            k += 1
        for j in range(n):
            acc[j] = np.int32(acc[j] + np.int32(part[j]))
    return count


@njit(cache=True, error_model="numpy")
def spread_sparse(
    acc: Any, starts: Any, ends: Any, indices: Any, weights: Any, fired: Any, values: Any, graded: bool
) -> None:
    """Add the stored synapses of every neuron in ``fired``, from its ``starts`` to its ``ends``, to ``acc`` (n,)."""
    for k in range(fired.shape[0]):
        if k + ROWS_AHEAD < fired.shape[0]:
            soon = fired[k + ROWS_AHEAD]
            _fetch_row(indices, weights, starts[soon], min(ends[soon], starts[soon] + FETCHED))
        source = fired[k]
        m = np.int32(values[source]) if graded else np.int32(1)
        start, end = starts[source], ends[source]
        targets, row = indices[start:end], weights[start:end]
        for e in range(end - start):
            target = np.uint32(targets[e])  # unsigned: no test for an index from the end
            acc[target] = np.int32(acc[target] + np.int32(np.int32(row[e]) * m))


@njit(cache=True, error_model="numpy")
def spread_learning(
    acc: Any, rows: Any, indices: Any, dense: bool, weights: Any, fired: Any, values: Any, graded: bool
) -> None:
    """As `spread_sparse`, for synapses that learn; ``dense`` ones lead to all targets, in order."""
    for k in range(fired.shape[0]):
        source = fired[k]
        m = np.int32(values[source]) if graded else np.int32(1)
        start, end = rows[source], rows[source + 1]
        for e in range(start, end):
            target = np.uint64(e - start) if dense else np.uint64(indices[e])
            acc[target] = np.int32(acc[target] + np.int32(weights[e] * m))


@njit(cache=True, error_model="numpy")
def spread_delayed(
    ring: Any, n: int, slots: int, first: int, rows: Any, indices: Any, weights: Any, delays: Any, shift: int,
    fired: Any, values: Any, graded: bool,
) -> None:  # fmt: skip
    """As `spread_sparse`, with delay d into slot (first + d) mod slots of ``ring`` (slots * n,); first < slots.

    Products wrap at 32 bits as everywhere; ``ring`` may have 64, which Lava's DelayDense keeps until its shift.
    """
    for k in range(fired.shape[0]):
        source = fired[k]
        m = np.int32(values[source]) if graded else np.int32(1)
        start, end = rows[source], rows[source + 1]
        targets, row, late = indices[start:end], weights[start:end], delays[start + shift : end + shift]
        for e in range(end - start):
            slot = first + late[e]
            slot = slot - slots if slot >= slots else slot
            at = np.uint64(slot * n + targets[e])
            ring[at] += np.int32(np.int32(row[e]) * m)


@njit(cache=True, error_model="numpy")
def spread_conv(acc: Any, weights: Any, base: int, g: Any, fired: Any, values: Any, graded: bool) -> None:
    """Add the kernel, centred on every neuron in ``fired``, to ``acc``; ``g`` is the geometry of `Conv.packed`."""
    height_in, channels_in = g[1], g[2]
    width_out, height_out, channels_out = g[3], g[4], g[5]
    kx, ky, stride_x, stride_y, pad_x, pad_y, dil_x, dil_y, groups = (
        g[6],
        g[7],
        g[8],
        g[9],
        g[10],
        g[11],
        g[12],
        g[13],
        g[14],
    )
    per_in, per_out = channels_in // groups, channels_out // groups
    for k in range(fired.shape[0]):
        source = fired[k]
        m = np.int32(values[source]) if graded else np.int32(1)
        c = source % channels_in
        y = (source // channels_in) % height_in
        x = source // (channels_in * height_in)
        group = c // per_in
        kernel = base + c * kx * ky * per_out
        for i in range(kx):
            px = x + pad_x - (kx - 1 - i) * dil_x
            if px < 0 or px % stride_x != 0 or px // stride_x >= width_out:
                continue
            for j in range(ky):
                py = y + pad_y - (ky - 1 - j) * dil_y
                if py < 0 or py % stride_y != 0 or py // stride_y >= height_out:
                    continue
                start = ((px // stride_x) * height_out + py // stride_y) * channels_out + group * per_out
                w = kernel + (i * ky + j) * per_out
                into, row = acc[start : start + per_out], weights[w : w + per_out]
                for o in range(per_out):
                    into[o] += np.int32(np.int32(row[o]) * m)


@njit(cache=True, error_model="numpy")
def deliver(a_in: Any, acc: Any, constant: int, scale: int, exponent: int, wrap: bool) -> None:
    """a_in += shift((acc + constant) << scale, exponent), then ``acc`` is empty again."""
    z = np.int32(constant)
    up = np.int32(scale + max(exponent, 0))
    down = np.int32(max(-exponent, 0))
    if wrap:
        for j in range(acc.shape[0]):
            a_in[j] = np.int32(a_in[j] + np.int32(wrap24(np.int64(acc[j]))))
            acc[j] = 0
        return
    for j in range(acc.shape[0]):
        x = np.int32(np.int32(np.int32(acc[j] + z) << up) >> down)
        a_in[j] = np.int32(a_in[j] + x)
        acc[j] = 0


@njit(cache=True, error_model="numpy")
def deliver_checked(a_in: Any, acc: Any, constant: int, scale: int, exponent: int, wrap: bool) -> int:
    """As `deliver`; returns how many shifts or additions left 32 bits."""
    over = 0
    up, down = scale + max(exponent, 0), max(-exponent, 0)
    for j in range(acc.shape[0]):
        whole = np.int64(wrap24(np.int64(acc[j]))) if wrap else np.int64(np.int32(acc[j] + np.int32(constant)))
        shifted = whole if wrap else whole << up
        x = np.int64(np.int32(shifted)) if wrap else np.int64(np.int32(shifted)) >> down
        total = np.int64(a_in[j]) + x
        a_in[j] = np.int32(total)
        over += (shifted != np.int32(shifted)) | (total != np.int32(total))
        acc[j] = 0
    return over
