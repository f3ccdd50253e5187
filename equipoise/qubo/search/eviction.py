# mypy: disable-error-code="no-untyped-def, no-untyped-call, assignment"
"""Eviction: a search for independent sets (packings) that never leaves them.

A vertex that is off and has k neighbours on turns on, and its neighbours go off. With equal weights that costs
k - 1 vertices, and it is done with probability 2^-m, m the smallest whole number with (k - 1) < T m:

    T = 0.18:   k = 0 always,   k = 1 at 1/2,   k = 2 at 2^-6,   k = 3 at 2^-12

With weights w the cost is the evicted weight minus the vertex' own, in units of the mean weight. Vertices with k of at
most 2 are kept in lists, so a move is picked by its rate, without tests that fail; a flip touches the neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numba import njit

from equipoise.qubo.search.base import Search
from equipoise.qubo.search.draws import below, new_stream, unit
from equipoise.qubo.search.matrix import Matrix

__all__ = ["Eviction"]

TEMPERATURE = 0.18  #: in units of the mean weight; chosen on random graphs that no table reports
CLASSES = 3  #: vertices with fewer neighbours on than this are candidates
NOW, BEST = 0, 1


@njit(cache=True, inline="always")
def _leave(i, c, lists, place, sizes):
    """Take i from list c: the last one takes its place."""
    last = lists[c, sizes[c] - 1]
    lists[c, place[i]] = last
    place[last] = place[i]
    sizes[c] -= 1


@njit(cache=True, inline="always")
def _enter(i, c, lists, place, sizes):
    lists[c, sizes[c]] = i
    place[i] = sizes[c]
    sizes[c] += 1


@njit(cache=True, inline="always")
def _recount(first, last, by, indices, near, lists, place, sizes):
    """The vertices ``indices[first:last]``, all off, have one neighbour more or less that is on."""
    for k in range(first, last):
        j = indices[k]
        before = near[j]
        after = before + by
        near[j] = after
        if min(before, after) < CLASSES:
            if before < CLASSES:
                _leave(j, before, lists, place, sizes)
            if after < CLASSES:
                _enter(j, after, lists, place, sizes)


@njit(cache=True, inline="always")
def _turn_on(i, graph, x, near, lists, place, sizes):
    """i goes on, its neighbours that are on go off. Neighbours of a vertex that is on are all off, before and after."""
    indptr, indices = graph
    k = indptr[i]
    while near[i] > 0:
        j = indices[k]
        k += 1
        if x[j]:
            x[j] = 0
            _enter(j, 0, lists, place, sizes)
            _recount(indptr[j], indptr[j + 1], -1, indices, near, lists, place, sizes)
    _leave(i, 0, lists, place, sizes)
    x[i] = 1
    _recount(indptr[i], indptr[i + 1], 1, indices, near, lists, place, sizes)


@njit(cache=True, inline="always")
def _price(i, graph, x, weights):
    """Evicted weight minus own."""
    indptr, indices = graph
    cost = -weights[i]
    for k in range(indptr[i], indptr[i + 1]):
        j = indices[k]
        if x[j]:
            cost += weights[j]
    return cost


@njit(cache=True, nogil=True)
def _run(graph, weights, even, scale, x, near, lists, place, sizes, best, costs, random, moves):
    """``moves`` moves. costs: minus the weight of the set. Returns the move that gave the best."""
    found = 0
    half = 0.5
    rare = 2.0 ** -(np.floor(1.0 / TEMPERATURE) + 1.0)
    for t in range(moves):
        total = sizes[0] + half * sizes[1] + rare * sizes[2]
        if total <= 0.0:
            return found
        # By rate: a free vertex is taken at once, the rest in proportion to what a test would have let through.
        c = 0
        if sizes[0] == 0:
            c = 1 if unit(random) * total <= half * sizes[1] and sizes[1] > 0 else 2
            if sizes[c] == 0:
                c = 3 - c
        i = np.int64(lists[c, below(random, sizes[c])])
        cost = (near[i] - 1) * weights[0] if even else _price(i, graph, x, weights)
        if not even and cost > 0:
            # Unequal weights: the list only proposes, the weights decide.
            fair = 1.0 if c == 0 else (half if c == 1 else rare)
            if unit(random) > min(2.0 ** -(np.floor(cost * scale / TEMPERATURE) + 1.0) / fair, 1.0):
                continue
        _turn_on(i, graph, x, near, lists, place, sizes)
        costs[NOW] += cost
        if costs[NOW] < costs[BEST]:
            costs[BEST] = costs[NOW]
            best[:] = x
            found = t + 1
    return found


class Eviction(Search):
    """Search for the heaviest independent set of the graph of ``matrix``' pairs; the weights are -a_i.

    Right where every pair's penalty is at least the lighter weight of its two and every weight is positive: then no
    state that breaks a pair is better than the best that breaks none (`structure.is_packing`).
    """

    name = "eviction"

    def __init__(self, matrix: Matrix, seed: int) -> None:
        self._matrix = matrix
        self._random = new_stream(seed, "eviction")
        super().__init__(matrix.n)

    def _walk(self) -> Iterator[None]:
        matrix = self._matrix
        n = matrix.n
        indptr, indices, _ = matrix.problem.csr
        graph = (indptr, indices)
        weights = -matrix.linear.astype(np.int64)
        even = bool((weights == weights[0]).all())
        scale = 1.0 / float(weights.mean())
        x, near = np.zeros(n, np.uint8), np.zeros(n, np.int32)
        lists = np.zeros((CLASSES, n), np.int32)
        lists[0] = np.arange(n)
        place = np.arange(n, dtype=np.int32)
        sizes = np.array([n, 0, 0])
        costs, best = np.zeros(2, np.int64), x.copy()
        self.found(0, best)
        while True:
            if self.moves >= self.allowed:
                yield
            moves = self.allowed - self.moves
            after = _run(
                graph, weights, even, scale, x, near, lists, place, sizes, best, costs, self._random, moves
            )  # fmt: skip
            if after:
                self.found(int(costs[BEST]), best, self.moves + after)
            self.moves += moves
