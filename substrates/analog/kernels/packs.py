"""Packed weights, kept until the numbers change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from substrates.analog.kernels.product import pack_into, packed_size

__all__ = ["Packs"]

Floats = npt.NDArray[np.float32]


class Packs:
    """The panels of some matrices, one behind the other; a matrix is packed again when one of its numbers changed.

    Numbers are compared with a copy, not by an object's identity or version, so that a change is seen whoever made
    it (an optimizer, ``.data``, numpy); that costs a tenth of packing.

    Attributes:
        flat: all panels; the same array from call to call.
        starts: the first float of each matrix in it.
    """

    def __init__(self, *, squared: bool = False) -> None:
        self._squared = squared
        self._copies: list[Floats] = []
        self.flat: Floats = np.zeros(1, np.float32)
        self.starts: list[int] = []

    def update(self, matrices: Sequence[Floats]) -> None:
        """Make ``flat`` and ``starts`` those of these matrices (targets, sources)."""
        new = [(m.shape, m.dtype) for m in matrices] != [(c.shape, c.dtype) for c in self._copies]
        if new:
            self._copies = [np.empty_like(m) for m in matrices]
            sizes = [packed_size(m) for m in matrices]
            self.starts = [0, *np.cumsum(sizes)[:-1].tolist()][: len(sizes)]
            self.flat = np.zeros(max(1, sum(sizes)), np.float32)
        for matrix, copy, start in zip(matrices, self._copies, self.starts):
            if new or not _same(*_in_memory_order(matrix, copy)):
                copy[...] = matrix
                pack_into(copy * copy if self._squared else copy, self.flat[start : start + packed_size(copy)])


def _in_memory_order(a: Floats, b: Floats) -> tuple[Any, Any]:
    """Both as rows that lie one after another in memory, where ``a`` allows it."""
    if not a.flags.c_contiguous:
        a, b = a.T, b.T
    return np.ascontiguousarray(a).view(np.int32).ravel(), np.ascontiguousarray(b).view(np.int32).ravel()


@numba.njit(cache=True)
def _same(a: Any, b: Any) -> bool:
    """Whether all bits agree; blocks of 4096, so that a change is mostly found at once."""
    for begin in range(0, a.shape[0], 4096):
        x, y, different = a[begin : begin + 4096], b[begin : begin + 4096], np.int32(0)
        for i in range(x.shape[0]):
            different |= np.int32(x[i] ^ y[i])
        if different != 0:
            return False
    return True
