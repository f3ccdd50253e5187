"""A problem's arrays in the form the kernel wants: widths, and dense or sparse rows, chosen from the problem alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from substrates.loihi2.annealing.simd import LANES

__all__ = ["STATE_MAX", "Layout"]

STATE_MAX = 2**23 - 1  #: largest magnitude of the neurons' 24-bit state
SHORT_MAX = 2**15 - 2  #: largest flip energy that fits 16 bits, below the padding's
DENSE_COST = 0.02  #: time of one element of a dense row update, in units of one sparse update (measured)
DENSE_BYTES = 2**28  #: no dense rows beyond this


@dataclass(frozen=True)
class Layout:
    """The compiled form of one problem.

    Attributes:
        n, blocks: neurons, and blocks of 64 of them.
        indptr, indices, weights: the off-diagonal of Q in CSR form.
        dense: (n, 64 blocks) the same in full, or no rows when sparse is faster.
        adjacency: (n, blocks) uint64, the bits of the neighbours, with ``dense`` only.
        diagonal: (n,) int64.
        energy_type: int16 where every flip energy fits, else int32.
        worst: bound of |dE|.
    """

    n: int
    blocks: int
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    weights: npt.NDArray[Any]
    dense: npt.NDArray[Any]
    adjacency: npt.NDArray[np.uint64]
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
        reach = np.zeros(len(values) + 1, np.int64)
        np.cumsum(np.abs(values), out=reach[1:], dtype=np.int64)
        worst = int((2 * (reach[starts[1:]] - reach[starts[:-1]]) + np.abs(diag)).max())
        if worst > STATE_MAX:
            raise InputError(f"a flip energy may reach {worst}, beyond the 24-bit state's {STATE_MAX}; scale Q down")
        return cls._choose(starts, columns, values, diag, worst)

    @classmethod
    def _choose(
        cls,
        indptr: npt.NDArray[np.int64],
        indices: npt.NDArray[np.int32],
        values: npt.NDArray[Any],
        diagonal: npt.NDArray[np.int64],
        worst: int,
    ) -> Layout:
        n = len(diagonal)
        blocks = -(-n // LANES)
        byte = len(values) == 0 or int(np.abs(values).max()) < 128
        weight_type: type[np.signedinteger[Any]] = np.int8 if byte else np.int32
        energy_type: type[np.signedinteger[Any]] = np.int16 if byte and worst <= SHORT_MAX else np.int32
        weights = np.ascontiguousarray(values, weight_type)
        size = n * blocks * LANES
        dense = np.zeros((0, 0), weight_type)
        adjacency = np.zeros((0, 0), np.uint64)
        if len(values) > DENSE_COST * size and size * weights.itemsize <= DENSE_BYTES:
            dense = np.zeros((n, blocks * LANES), weight_type)
            adjacency = np.zeros((n, blocks), np.uint64)
            _fill(indptr, indices, weights, dense, adjacency)
        return cls(n, blocks, indptr, indices, weights, dense, adjacency, diagonal, energy_type, worst)

    def cost(self, x: npt.NDArray[np.uint8]) -> int:
        """x^T Q x, exactly."""
        return int(np.dot(x.astype(np.int64), self.diagonal + self.inputs(x)))

    def inputs(self, x: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """u_i = sum_j Q_ij x_j, (n,)."""
        if not x.any():
            return np.zeros(self.n, np.int64)
        total = np.zeros(len(self.indices) + 1, np.int64)
        np.cumsum(self.weights * x[self.indices].astype(np.int64), out=total[1:])
        return total[self.indptr[1:]] - total[self.indptr[:-1]]


@njit(cache=True, nogil=True)
def _fill(indptr, indices, weights, dense, adjacency):  # type: ignore[no-untyped-def]
    """Write the CSR rows out in full, and as bits."""
    for i in range(indptr.shape[0] - 1):
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            dense[i, j] = weights[k]
            if weights[k] != 0:
                adjacency[i, j >> 6] |= np.uint64(1) << np.uint64(j & 63)


def _whole(values: npt.NDArray[Any]) -> bool:
    if len(values) == 0 or values.dtype.kind in "iu":
        return True
    return bool(values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.rint(values)).all())
