# mypy: disable-error-code="no-untyped-def, no-untyped-call, assignment"
"""Annealing that keeps the number of ones of every group: one-hot groups, cardinalities, and free variables beside.

A variable i that is on and one of its group, j, that is off change places:

    dE = h_j - h_i - J_ij

Variables of no group flip alone, at s_i h_i. Without any group this is Metropolis annealing, one variable after the
other. Penalties for the groups' counts cancel, whatever their size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from equipoise.qubo.search.base import Search
from equipoise.qubo.search.draws import below, new_stream
from equipoise.qubo.search.heat import HEAT, RATIO, Cooling, accepts, range_of
from equipoise.qubo.search.matrix import Matrix
from hw_profiles.errors import InputError

__all__ = ["Counted", "GroupAnneal"]

NOW, BEST = 0, 1


@dataclass(frozen=True)
class Counted:
    """Exactly ``ones`` of ``members`` (indices of variables) are 1."""

    members: tuple[int, ...]
    ones: int

    def __post_init__(self) -> None:
        if len(set(self.members)) != len(self.members) or not self.members:
            raise InputError(f"a group needs members, each once, got {len(self.members)} of which some repeat")
        if not 0 <= self.ones <= len(self.members):
            raise InputError(f"a group of {len(self.members)} variables cannot have exactly {self.ones} ones")


@njit(cache=True, inline="always")
def _pair(rows, i, j):
    """J_ij."""
    dense, indptr, indices, values = rows
    if dense.shape[0] > 0:
        return np.int64(dense[i, j])
    for k in range(indptr[i], indptr[i + 1]):
        if indices[k] == j:
            return np.int64(values[k])
    return np.int64(0)


@njit(cache=True, inline="always")
def _change(rows, i, by, fields):
    """Variable i went up or down by one: its neighbours' fields follow."""
    dense, indptr, indices, values = rows
    if dense.shape[0] > 0:
        row = dense[i]
        for k in range(fields.shape[0]):
            fields[k] += by * row[k]
    else:
        for k in range(indptr[i], indptr[i + 1]):
            fields[indices[k]] += by * values[k]


@njit(cache=True, inline="always")
def _partner(i, x, layout, random):
    """One of i's group in the other state, or -1. A group's first ``ones`` places hold those that are on."""
    group, start, ones, order, _ = layout
    g = group[i]
    size, on = start[g + 1] - start[g], ones[g]
    if on == 0 or on == size:
        return np.int64(-1)
    if x[i]:
        return np.int64(order[start[g] + on + below(random, size - on)])
    return np.int64(order[start[g] + below(random, on)])


@njit(cache=True, inline="always")
def _price(rows, i, j, x, fields):
    """The cost of flipping i, and with it j where there is one."""
    si = 1 - 2 * np.int64(x[i])
    if j < 0:
        return si * fields[i]
    return si * (np.int64(fields[i]) - np.int64(fields[j])) - _pair(rows, i, j)


@njit(cache=True, inline="always")
def _make(rows, i, j, x, fields, layout):
    order, place = layout[3], layout[4]
    x[i] ^= 1
    _change(rows, i, 2 * np.int64(x[i]) - 1, fields)
    if j >= 0:
        x[j] ^= 1
        _change(rows, j, 2 * np.int64(x[j]) - 1, fields)
        a, b = place[i], place[j]
        order[a], order[b] = order[b], order[a]
        place[i], place[j] = b, a


@njit(cache=True, nogil=True)
def _run(rows, x, fields, layout, best, costs, heat, random, turn, moves):
    """``moves`` tries, the variables in turn; ``heat`` at zero is descent. Returns the try that gave the best."""
    n = x.shape[0]
    group = layout[0]
    found = 0
    i = turn
    for t in range(moves):
        j = np.int64(-1)
        possible = True
        if group[i] >= 0:
            j = _partner(i, x, layout, random)
            possible = j >= 0
        if possible:
            cost = _price(rows, i, j, x, fields)
            if accepts(cost, heat[HEAT], random):
                _make(rows, i, j, x, fields, layout)
                costs[NOW] += cost
                if costs[NOW] < costs[BEST]:
                    costs[BEST] = costs[NOW]
                    best[:] = x
                    found = t + 1
        heat[HEAT] *= heat[RATIO]
        i += 1
        if i == n:
            i = 0
    return found


@njit(cache=True, nogil=True)
def _prices(rows, x, fields, layout, random):
    """What one move of each variable would cost (a partner is drawn where it needs one)."""
    prices = np.zeros(x.shape[0], np.int64)
    for i in range(x.shape[0]):
        j = np.int64(-1)
        if layout[0][i] >= 0:
            j = _partner(i, x, layout, random)
            if j < 0:
                continue
        prices[i] = _price(rows, i, j, x, fields)
    return prices


class GroupAnneal(Search):
    """Anneal with the counts of ``groups`` kept; groups share no variable."""

    name = "groups"
    SHORTEST, LONGEST = 50, 20_000  #: sweeps of the first anneal; where doubling ends

    def __init__(self, matrix: Matrix, groups: Sequence[Counted], seed: int) -> None:
        self._matrix = matrix
        self._random = new_stream(seed, "groups")
        n = matrix.n
        self._group = np.full(n, -1, np.int64)
        for g, counted in enumerate(groups):
            members = np.array(counted.members)
            if members.min() < 0 or members.max() >= n:
                raise InputError(f"group {g} names variable {members.max()}, but there are {n} (0 to {n - 1})")
            if (self._group[members] >= 0).any():
                raise InputError(f"group {g} shares a variable with another; groups must not overlap")
            self._group[members] = g
        self._start = np.cumsum([0, *(len(g.members) for g in groups)]).astype(np.int64)
        self._ones = np.array([g.ones for g in groups], np.int64)
        self._groups = groups
        super().__init__(n)

    def _walk(self) -> Iterator[None]:
        matrix, random = self._matrix, self._random
        n = matrix.n
        order = np.concatenate([np.zeros(0, np.int64), *(np.array(g.members, np.int64) for g in self._groups)])
        x = np.zeros(n, np.uint8)
        _draw_state(x, order, self._group, self._start, self._ones, random)
        place = np.zeros(n, np.int64)
        place[order] = np.arange(len(order))
        layout = (self._group, self._start, self._ones, order, place)
        fields = matrix.fields(x)
        costs = np.full(2, matrix.cost(x), np.int64)
        best = x.copy()
        rows = matrix.rows
        _run(rows, x, fields, layout, best, costs, np.zeros(2), random, 0, 4 * n)
        self.found(int(costs[BEST]), best)
        high, low = range_of(_prices(rows, x, fields, layout, random))
        cooling = Cooling(high, low, self.SHORTEST * n, self.LONGEST * n)
        heat = np.zeros(2)
        while True:
            if cooling.left == 0:
                cooling.begin(heat)
            if self.moves >= self.allowed:
                yield
            moves = min(cooling.left, self.allowed - self.moves)
            after = _run(rows, x, fields, layout, best, costs, heat, random, self.moves % n, moves)
            if after:
                self.found(int(costs[BEST]), best, self.moves + after)
            self.moves += moves
            cooling.left -= moves


@njit(cache=True)
def _draw_state(x, order, group, start, ones, random):
    """A random state with the right counts; within ``order`` those that are on come first in their group."""
    for i in range(x.shape[0]):
        if group[i] < 0:
            x[i] = below(random, 2)
    for g in range(ones.shape[0]):
        for k in range(ones[g]):
            other = k + below(random, start[g + 1] - start[g] - k)
            a, b = start[g] + k, start[g] + other
            order[a], order[b] = order[b], order[a]
            x[order[a]] = 1
