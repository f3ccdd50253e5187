# mypy: disable-error-code="no-untyped-def, no-untyped-call, assignment"
"""One-flip tabu search: always the best flip that is not forbidden, and what was flipped rests for a while.

    dE_i = s_i h_i,  s_i = 1 - 2 x_i       the cost of flipping i
    flip i:  dE_j += s_i s_j J_ij,  dE_i = -dE_i
    i may not flip again for ``tenure + below(spread)`` moves, unless that gives a new best (aspiration)

(Glover 1989; for unconstrained binary quadratic programs Beasley 1998, Palubeckis 2004.) A move costs one row of the
matrix: updating the energies and finding both minima is a single pass that the compiler turns into vector code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from equipoise.qubo.search.draws import below, draw, new_stream
from equipoise.qubo.search.matrix import Matrix

__all__ = ["TabuWalk"]

#: positions in the state's counters
MOVES, CLOCK, IDLE = 0, 1, 2
#: the clock of the tabu list starts again from here before 32 bits are full
CLOCK_END = 2**30


@njit(cache=True, nogil=True)
def _minima(energy, rest, clock, largest):
    """(least energy of those that may flip, least energy of all)."""
    free, every = largest, largest
    for j in range(energy.shape[0]):
        d = energy[j]
        every = min(every, d)
        free = min(free, d if rest[j] <= clock else largest)
    return free, every


@njit(cache=True, nogil=True)
def _flip(i, dense, indptr, indices, values, sign, energy):
    """Flip i: everyone's energy follows."""
    own = energy[i]
    factor = sign[i]
    if dense.shape[0] > 0:
        row = dense[i]
        for j in range(energy.shape[0]):
            energy[j] += factor * row[j] * sign[j]
    else:
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            energy[j] += factor * values[k] * sign[j]
    energy[i] = -own
    sign[i] = -factor


@njit(cache=True, nogil=True)
def _run(rows, sign, energy, rest, best, costs, counters, random, largest, tenure, spread, moves, patience):
    """Up to ``moves`` moves; ends early after ``patience`` moves without a new best of this run. Everything in place.

    costs: (now, best of the run). best: the signs of the best state.
    """
    dense, indptr, indices, values = rows
    n = energy.shape[0]
    clock = counters[CLOCK]
    free, every = _minima(energy, rest, clock, largest)
    for _ in range(moves):
        if counters[IDLE] >= patience:
            break
        wanted = free
        aspired = costs[0] + every < costs[1]
        if aspired:
            wanted = every
        i = below(random, n)
        if wanted != largest:
            # The first match from a random place on: ties are broken at random without counting them.
            while energy[i] != wanted or (rest[i] > clock and not aspired):
                i += 1
                if i == n:
                    i = 0
        costs[0] += energy[i]
        _flip(i, dense, indptr, indices, values, sign, energy)
        clock += 1
        rest[i] = clock + tenure + below(random, spread)
        counters[MOVES] += 1
        counters[IDLE] += 1
        if costs[0] < costs[1]:
            costs[1] = costs[0]
            best[:] = sign
            counters[IDLE] = 0
        free, every = _minima(energy, rest, clock, largest)
    counters[CLOCK] = clock


@njit(cache=True, nogil=True)
def _move_to(rows, wanted, sign, energy, costs):
    """Flip whatever differs from the state with signs ``wanted``."""
    dense, indptr, indices, values = rows
    for i in range(sign.shape[0]):
        if sign[i] != wanted[i]:
            costs[0] += energy[i]
            _flip(i, dense, indptr, indices, values, sign, energy)


@njit(cache=True, nogil=True)
def _shake(sign, number, random):
    """Change the sign of ``number`` variables drawn at random (one may be drawn twice)."""
    for _ in range(number):
        i = below(random, sign.shape[0])
        sign[i] = -sign[i]


@njit(cache=True, nogil=True)
def _cross(first, second, child, random):
    """What both parents share, and a coin for the rest."""
    for i in range(child.shape[0]):
        child[i] = first[i]
        if first[i] != second[i] and draw(random) & np.uint64(1):
            child[i] = second[i]


@njit(cache=True, nogil=True)
def _choose(random, number):
    return below(random, number)


class TabuWalk:
    """One tabu walk over a matrix: where it stands, its list, its best; goes on where it stopped, to the same bits.

    Attributes:
        best: (n,) uint8, the best state of the present run. best_cost: its cost, without the problem's offset.
    """

    def __init__(self, matrix: Matrix, seed: int) -> None:
        kind = matrix.linear.dtype.type
        self._matrix = matrix
        self.random = new_stream(seed, "tabu")
        self._largest: Any = kind(np.iinfo(kind).max)
        self._sign = np.ones(matrix.n, kind)
        self._energy = matrix.linear.copy()
        self._best = self._sign.copy()
        self._rest = np.zeros(matrix.n, np.int32)
        self._costs = np.zeros(2, np.int64)
        self._counters = np.zeros(3, np.int64)
        self.tenure, self.spread = max(1, matrix.n // 100), 10
        if matrix.n <= self.tenure + self.spread:  # a list as long as the problem would forbid everything
            self.tenure, self.spread = 0, max(matrix.n // 2, 1)

    @property
    def moves(self) -> int:
        return int(self._counters[MOVES])

    @property
    def idle(self) -> int:
        """Moves since the present run last improved."""
        return int(self._counters[IDLE])

    @property
    def best_cost(self) -> int:
        """In the matrix' units."""
        return int(self._costs[1])

    @property
    def best_signs(self) -> npt.NDArray[Any]:
        return self._best

    @property
    def best(self) -> npt.NDArray[np.uint8]:
        return (self._best < 0).astype(np.uint8)

    def random_signs(self) -> npt.NDArray[Any]:
        """A random state, as signs."""
        signs = np.empty_like(self._sign)
        ones = np.ones_like(signs)
        _cross(ones, -ones, signs, self.random)
        return signs

    def shaken(self, signs: npt.NDArray[Any], number: int) -> npt.NDArray[Any]:
        """``signs`` with about ``number`` of them changed."""
        changed = signs.copy()
        _shake(changed, number, self.random)
        return changed

    def child(self, first: npt.NDArray[Any], second: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A state that has what both share."""
        signs = np.empty_like(first)
        _cross(first, second, signs, self.random)
        return signs

    def choose(self, number: int) -> int:
        """A whole number below ``number``, from the walk's own stream."""
        return int(_choose(self.random, number))

    def restart(self, signs: npt.NDArray[Any]) -> None:
        """Begin a new run there, with an empty list."""
        _move_to(self._matrix.rows, signs, self._sign, self._energy, self._costs)
        self._costs[1] = self._costs[0]
        self._best[:] = self._sign
        self._rest[:] = 0
        self._counters[CLOCK] = self._counters[IDLE] = 0

    def run(self, moves: int, patience: int) -> None:
        """At most ``moves`` further moves; fewer where ``patience`` moves in a row brought nothing."""
        if self._counters[CLOCK] > CLOCK_END:
            self._rest -= np.int32(min(int(self._counters[CLOCK]), 2**31 - 1))
            self._counters[CLOCK] = 0
        _run(
            self._matrix.rows, self._sign, self._energy, self._rest, self._best, self._costs, self._counters,
            self.random, self._largest, self.tenure, self.spread, moves, patience,
        )  # fmt: skip
