"""A problem's arrays in the form the kernel wants: widths, and dense or sparse rows, chosen from the problem alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from substrates.loihi2.annealing.kernel import Rows
from substrates.loihi2.annealing.simd import LANES
from substrates.loihi2.widths import STATE_MAX

__all__ = ["Layout", "aligned", "as_bits", "as_words"]

SHORT_MAX = 2**15 - 2  #: largest flip energy that fits 16 bits, below the padding's
DENSE_COST = 0.02  #: time of one element of a dense row update, in units of one sparse update (measured)
LINE = 64  #: bytes
BITS_COST = 1.0  #: time of 64 neighbours as bits, in units of one sparse update (measured)
DENSE_BYTES = 2**28  #: no dense rows beyond this


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Zeros that begin at a cache line, so that no vector of 64 bytes straddles two."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room = np.zeros(size + LINE, np.uint8)
    first = -room.ctypes.data % LINE
    return room[first : first + size].view(dtype).reshape(shape)


def as_words(x: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint64]:
    """``x`` as bits, in words of 64, padded to ``size``."""
    bits = np.zeros(size, np.uint8)
    bits[: len(x)] = x
    return np.packbits(bits, bitorder="little").view("<u8").astype(np.uint64)


def as_bits(words: npt.NDArray[np.uint64], n: int) -> npt.NDArray[np.uint8]:
    """The first ``n`` of the bits that `as_words` packed."""
    unpacked: npt.NDArray[np.uint8] = np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little")
    return unpacked[:n]


@dataclass(frozen=True)
class Layout:
    """The compiled form of one problem.

    Attributes:
        n, blocks: neurons, and blocks of 64 of them.
        rows: the off-diagonal of Q, in CSR form and in the one that is fastest.
        diagonal: (n,) int64.
        energy_type: int16 where every flip energy fits, else int32.
        worst: bound of |dE|.
    """

    n: int
    blocks: int
    rows: Rows
    diagonal: npt.NDArray[np.int64]
    energy_type: type[np.signedinteger[Any]]
    worst: int

    @classmethod
    def build(
        cls, indptr: npt.ArrayLike, indices: npt.ArrayLike, weights: npt.ArrayLike, diagonal: npt.ArrayLike
    ) -> Layout:
        """Check the arrays and choose the layout.

        Raises:
            InputError: shapes disagree, numbers are not whole, or a flip energy could leave the 24-bit state.
        """
        starts = np.ascontiguousarray(indptr, np.int64)
        columns = np.ascontiguousarray(indices, np.int32)
        values, diag = np.asarray(weights), np.asarray(diagonal)
        if diag.ndim != 1 or len(diag) == 0 or len(starts) != len(diag) + 1 or len(columns) != len(values):
            raise InputError("a problem needs at least one variable, and CSR arrays that agree with each other")
        if starts[0] != 0 or starts[-1] != len(columns) or (np.diff(starts) < 0).any():
            raise InputError("indptr must rise from 0 to the number of stored weights")
        if len(columns) and not (columns.min() >= 0 and columns.max() < len(diag)):
            raise InputError(f"column numbers must be 0 to {len(diag) - 1}")
        if not (_whole(values) and _whole(diag)):
            raise InputError("Q must hold whole numbers of at most 24 bits; quantise it first")
        diag = diag.astype(np.int64)
        largest = max(int(values.max()), -int(values.min())) if len(values) else 0
        weight_type: type[np.signedinteger[Any]] = np.int8 if largest < 128 else np.int32
        worst = largest
        if largest <= STATE_MAX:
            typed = np.ascontiguousarray(values, weight_type)
            worst = int(_worst(starts, typed, diag))
        if worst > STATE_MAX:
            raise InputError(f"a flip energy may reach {worst}, beyond the 24-bit state's {STATE_MAX}; scale Q down")
        return cls._choose(starts, columns, typed, diag, worst)

    @classmethod
    def _choose(
        cls,
        indptr: npt.NDArray[np.int64],
        indices: npt.NDArray[np.int32],
        weights: npt.NDArray[Any],
        diagonal: npt.NDArray[np.int64],
        worst: int,
    ) -> Layout:
        n = len(diagonal)
        blocks = -(-n // LANES)
        byte = weights.dtype == np.int8
        energy_type: type[np.signedinteger[Any]] = np.int16 if byte and worst <= SHORT_MAX else np.int32
        size = n * blocks * LANES
        dense = np.zeros((0, 0), weights.dtype)
        adjacency = opposed = np.zeros((0, 0), np.uint64)
        unit = 0
        if len(weights) > BITS_COST * n * blocks and 16 * n * blocks <= DENSE_BYTES:
            alike, mixed = _alike(weights)
            unit = int(weights[0]) if alike else 0
        if unit:
            adjacency = aligned((n, blocks), np.uint64)
            opposed = aligned((n, blocks), np.uint64) if mixed else opposed
            _fill_bits(indptr, indices, weights, adjacency, opposed)
        elif len(weights) > DENSE_COST * size and size * weights.itemsize <= DENSE_BYTES:
            dense = aligned((n, blocks * LANES), weights.dtype)
            adjacency = aligned((n, blocks), np.uint64)
            _fill(indptr, indices, weights, dense, adjacency)
        rows = Rows(indptr, indices, weights, dense, adjacency, opposed, unit)
        return cls(n, blocks, rows, diagonal, energy_type, worst)

    def cost(self, x: npt.NDArray[np.uint8]) -> int:
        """x^T Q x, exactly."""
        return int(np.dot(x.astype(np.int64), self.diagonal + self.inputs(x)))

    def inputs(self, x: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """u_i = sum_j Q_ij x_j, (n,)."""
        if not x.any():
            return np.zeros(self.n, np.int64)
        rows = self.rows
        total = np.zeros(len(rows.indices) + 1, np.int64)
        np.cumsum(rows.weights * x[rows.indices].astype(np.int64), out=total[1:])
        return total[rows.indptr[1:]] - total[rows.indptr[:-1]]


@njit(cache=True, nogil=True)
def _worst(indptr, weights, diagonal):  # type: ignore[no-untyped-def]
    """The largest |Q_ii| + 2 sum_j |Q_ij|, a bound of every flip energy."""
    largest = 0
    for i in range(diagonal.shape[0]):
        total = abs(diagonal[i])
        for k in range(indptr[i], indptr[i + 1]):
            total += 2 * abs(np.int64(weights[k]))
        largest = max(largest, total)
    return largest


@njit(cache=True, nogil=True)
def _alike(weights):  # type: ignore[no-untyped-def]
    """Whether all weights have one magnitude, and whether they have both signs."""
    first, mixed = np.int64(weights[0]), False
    for k in range(weights.shape[0]):
        weight = np.int64(weights[k])
        mixed |= weight != first
        if weight != first and weight != -first:
            return False, mixed
    return True, mixed


@njit(cache=True, nogil=True)
def _fill(indptr, indices, weights, dense, adjacency):  # type: ignore[no-untyped-def]
    """Write the CSR rows out in full, and as bits."""
    for i in range(indptr.shape[0] - 1):
        for k in range(indptr[i], indptr[i + 1]):
            j = np.uint64(indices[k])
            dense[i, np.int64(j)] = weights[k]
            adjacency[i, np.int64(j >> np.uint64(6))] |= np.uint64(weights[k] != 0) << (j & np.uint64(63))


@njit(cache=True, nogil=True)
def _fill_bits(indptr, indices, weights, adjacency, opposed):  # type: ignore[no-untyped-def]
    """Write the CSR rows out as bits: there, and other than the first weight (if there are such rows)."""
    for i in range(indptr.shape[0] - 1):
        for k in range(indptr[i], indptr[i + 1]):
            j = np.uint64(indices[k])
            bit = np.uint64(1) << (j & np.uint64(63))
            adjacency[i, np.int64(j >> np.uint64(6))] |= bit
            if opposed.shape[0] > 0 and weights[k] != weights[0]:
                opposed[i, np.int64(j >> np.uint64(6))] |= bit


def _whole(values: npt.NDArray[Any]) -> bool:
    if len(values) == 0 or values.dtype.kind in "iu":
        return True
    return bool(values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.rint(values)).all())
