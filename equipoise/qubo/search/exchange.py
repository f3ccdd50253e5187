# mypy: disable-error-code="no-untyped-def, no-untyped-call, assignment"
"""Exchange annealing: a permutation stays one. Two rows of an assignment swap their columns; four variables flip.

Rows a, b with columns p_a, p_b; i1 = v(a, p_a) and i2 = v(b, p_b) go off, j1 = v(a, p_b) and j2 = v(b, p_a) go on:

    dE = h_j1 + h_j2 - h_i1 - h_i2 + J_i1i2 + J_j1j2 - J_i1j1 - J_i1j2 - J_i2j1 - J_i2j2

Whatever penalty held rows and columns together cancels exactly, so its size does not matter, and no state that is not
an assignment is ever visited. A test reads ten numbers; an accepted move adds four rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from numba import njit

from equipoise.qubo.search.base import Search
from equipoise.qubo.search.draws import below, new_stream
from equipoise.qubo.search.heat import HEAT, RATIO, Cooling, accepts, range_of
from equipoise.qubo.search.matrix import Matrix
from hw_profiles.errors import InputError

__all__ = ["Exchange"]

#: positions in the costs: now, best of this anneal
NOW, BEST = 0, 1


@njit(cache=True, inline="always")
def _price(dense, fields, table, columns, a, b):
    """What exchanging the columns of rows a and b costs."""
    i1, i2 = table[a, columns[a]], table[b, columns[b]]
    j1, j2 = table[a, columns[b]], table[b, columns[a]]
    singles = fields[j1] + fields[j2] - fields[i1] - fields[i2]
    pairs = dense[i1, i2] + dense[j1, j2] - dense[i1, j1] - dense[i1, j2] - dense[i2, j1] - dense[i2, j2]
    return np.int64(singles) + np.int64(pairs)


@njit(cache=True, inline="always")
def _exchange(dense, fields, table, columns, a, b):
    """Do it; everyone's field follows."""
    off1, off2 = dense[table[a, columns[a]]], dense[table[b, columns[b]]]
    on1, on2 = dense[table[a, columns[b]]], dense[table[b, columns[a]]]
    for k in range(fields.shape[0]):
        fields[k] += on1[k] + on2[k] - off1[k] - off2[k]
    columns[a], columns[b] = columns[b], columns[a]


@njit(cache=True, nogil=True)
def _descend(dense, fields, table, columns, costs):
    """Exchange while any exchange gains."""
    rows = columns.shape[0]
    better = True
    while better:
        better = False
        for a in range(rows):
            for b in range(a):
                cost = _price(dense, fields, table, columns, a, b)
                if cost < 0:
                    _exchange(dense, fields, table, columns, a, b)
                    costs[NOW] += cost
                    better = True


@njit(cache=True, nogil=True)
def _all_prices(dense, fields, table, columns):
    rows = columns.shape[0]
    prices = np.empty(rows * (rows - 1) // 2, np.int64)
    k = 0
    for a in range(rows):
        for b in range(a):
            prices[k] = _price(dense, fields, table, columns, a, b)
            k += 1
    return prices


@njit(cache=True, nogil=True)
def _run(dense, fields, table, columns, best, costs, heat, random, moves):
    """Try ``moves`` exchanges of rows drawn at random; returns the try after which the best of this call was found."""
    rows = columns.shape[0]
    found = 0
    for t in range(moves):
        a = below(random, rows)
        b = below(random, rows - 1)
        b += b >= a
        cost = _price(dense, fields, table, columns, a, b)
        if accepts(cost, heat[HEAT], random):
            _exchange(dense, fields, table, columns, a, b)
            costs[NOW] += cost
            if costs[NOW] < costs[BEST]:
                costs[BEST] = costs[NOW]
                best[:] = columns
                found = t + 1
        heat[HEAT] *= heat[RATIO]
    return found


@njit(cache=True)
def _shuffle(columns, random):
    for a in range(columns.shape[0] - 1, 0, -1):
        b = below(random, a + 1)
        columns[a], columns[b] = columns[b], columns[a]


class Exchange(Search):
    """Anneal over permutations.

    Args:
        table: (N, N) the variable that stands for row a in column c; every variable of the problem stands in it once.
    """

    name = "exchange"

    def __init__(self, matrix: Matrix, table: npt.NDArray[np.int64], seed: int) -> None:
        if table.ndim != 2 or table.shape[0] != table.shape[1] or len(table) < 2:
            raise InputError(f"exchanges need a square table of at least 2 rows, got shape {table.shape}")
        if (np.sort(table, axis=None) != np.arange(matrix.n)).any():
            raise InputError("exchanges need every variable of the problem in exactly one row and column")
        self._matrix, self._table = matrix, np.ascontiguousarray(table)
        self._random = new_stream(seed, "exchange")
        super().__init__(matrix.n)

    def _state(self, columns: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        x = np.zeros(self._matrix.n, np.uint8)
        x[self._table[np.arange(len(columns)), columns]] = 1
        return x

    def _walk(self) -> Iterator[None]:
        dense, table, rows = self._matrix.dense, self._table, len(self._table)
        columns = np.arange(rows)
        _shuffle(columns, self._random)
        fields = self._matrix.fields(self._state(columns))
        costs = np.full(2, self._matrix.cost(self._state(columns)), np.int64)
        best = columns.copy()
        _descend(dense, fields, table, columns, costs)
        costs[BEST] = costs[NOW]
        best[:] = columns
        self.found(int(costs[BEST]), self._state(best))
        high, low = range_of(_all_prices(dense, fields, table, columns))
        cooling = Cooling(high, low, 50 * rows**2, 4 * rows**4)
        heat = np.zeros(2)
        while True:
            if cooling.left == 0:
                cooling.begin(heat)
            if self.moves >= self.allowed:
                yield
            moves = min(cooling.left, self.allowed - self.moves)
            after = _run(dense, fields, table, columns, best, costs, heat, self._random, moves)
            if after:
                self.found(int(costs[BEST]), self._state(best), self.moves + after)
            self.moves += moves
            cooling.left -= moves
