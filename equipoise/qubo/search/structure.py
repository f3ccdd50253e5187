"""What a plain QUBO gives away about itself: exclusive groups, one total, a packing.

Nothing here needs to be told: penalties leave patterns. Each finder is exact in what it claims (a form that is found is
checked against every coefficient), and may miss what is there.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from equipoise.qubo.problem import Problem
from equipoise.qubo.search.total import RankOne

__all__ = ["Structure", "assignment", "find", "is_packing", "rank_one"]

#: problems with more pairs are not looked at for groups or totals: looking would take longer than it saves
MOST_PAIRS = 3_000_000


@dataclass(frozen=True, eq=False)
class Structure:
    """What was found, at most one of them.

    Attributes:
        table: (N, N) variables of an assignment: every row and column has exactly one that is on.
        total: the problem as one running total.
        packing: whether it is an independent set.
    """

    table: npt.NDArray[np.int64] | None = None
    total: RankOne | None = None
    packing: bool = False

    def __str__(self) -> str:
        if self.table is not None:
            return f"an assignment of {len(self.table)} to {len(self.table)}"
        if self.total is not None:
            slack = int(self.total.slack.sum())
            return f"one total of {len(self.total.weights) - slack} items" + (
                f" and {slack} slack bits" if slack else ""
            )
        return "an independent set" if self.packing else "no structure"


def find(problem: Problem) -> Structure:
    """Look for each in turn."""
    if is_packing(problem):
        return Structure(packing=True)
    if problem.num_pairs > MOST_PAIRS:
        return Structure()
    table = assignment(problem)
    if table is not None:
        return Structure(table=table)
    return Structure(total=rank_one(problem))


def is_packing(problem: Problem) -> bool:
    """Whether the best states are the heaviest independent sets of the graph of pairs.

    All weights -a_i are positive, every pair costs at least the lighter of its two: of two neighbours that are both on,
    turning the lighter one off never costs anything.
    """
    weights = -problem.linear
    if problem.num_pairs == 0 or (weights <= 0).any() or problem.linear.dtype.kind != "i":
        return False
    return bool((problem.pairs >= np.minimum(weights[problem.rows], weights[problem.cols])).all())


def assignment(problem: Problem) -> npt.NDArray[np.int64] | None:
    """(N, N) table of an assignment, or None.

    A pair is *exclusive* when it costs at least what its better variable gains. In an assignment the exclusive
    neighbours of a variable fall into two cliques, its row and its column. Groups of one variable are taken as rows as
    long as they are disjoint from the first; the rest must then be the columns.
    """
    n = problem.num_variables
    side = round(n**0.5)
    if side * side != n or side < 3:
        return None
    gain = -np.minimum(problem.linear, 0)
    strong = (problem.pairs > 0) & (problem.pairs >= np.minimum(gain[problem.rows], gain[problem.cols]))
    if int(strong.sum()) != n * (side - 1):
        return None
    rows, cols = problem.rows[strong], problem.cols[strong]
    near: list[list[int]] = [[] for _ in range(n)]
    for i, j in zip(rows.tolist(), cols.tolist()):
        near[i].append(j)
        near[j].append(i)
    if any(len(some) != 2 * (side - 1) for some in near):
        return None
    both = [set(some) for some in near]
    groups = _cliques(0, both, side)
    if groups is None:
        return None
    first_row, first_column = groups
    table = np.full((side, side), -1, np.int64)
    # The members of the first column name the rows; each one's other clique is its row.
    for a, head in enumerate(first_column):
        own = _cliques(head, both, side)
        if own is None:
            return None
        row = own[0] if set(own[1]) == set(first_column) else own[1]
        for c, corner in enumerate(first_row):
            shared = [v for v in row if v == corner or (v in both[corner] and v not in first_row)]
            shared = [v for v in shared if v == corner or head != first_row[0]] if head == 0 else shared
            if len(shared) != 1:
                return None
            table[a, c] = shared[0]
    return table if _is_assignment(table, both) else None


def _cliques(i: int, near: list[set[int]], side: int) -> tuple[list[int], list[int]] | None:
    """The two groups of i, i first in each, or None."""
    left = sorted(near[i])
    first = [left[0], *(v for v in left[1:] if v in near[left[0]])]
    second = [v for v in left if v not in set(first)]
    if len(first) != side - 1 or len(second) != side - 1:
        return None
    return [i, *first], [i, *second]


def _is_assignment(table: npt.NDArray[np.int64], near: list[set[int]]) -> bool:
    """Every variable once, its neighbours just its row and column."""
    if (np.sort(table, axis=None) != np.arange(table.size)).any():
        return False
    for a in range(len(table)):
        for c in range(len(table)):
            i = int(table[a, c])
            if near[i] != (set(table[a].tolist()) | set(table[:, c].tolist())) - {i}:
                return False
    return True


def rank_one(problem: Problem) -> RankOne | None:
    """The problem as P (u . x - c)^2 + b . x, or None. Whole numbers and complete graphs only."""
    n = problem.num_variables
    if n < 3 or problem.linear.dtype.kind != "i" or problem.num_pairs != n * (n - 1) // 2:
        return None
    pairs = np.zeros((n, n), np.int64)
    pairs[problem.rows, problem.cols] = problem.pairs
    pairs[problem.cols, problem.rows] = problem.pairs
    # u_0 : u_k = J_01 : J_1k, so J_0k u_0 / u_k is one number; exact in Python's whole numbers.
    row = [int(v) for v in pairs[0]]
    weights = _weights(row, int(pairs[1, 2]))
    if weights is None:
        return None
    u = np.array(weights, dtype=object)
    scale, left = divmod(int(pairs[0, 1]), weights[0] * weights[1])
    if left or scale <= 0 or scale % 2:
        return None
    product = np.outer(u, u) * scale
    np.fill_diagonal(product, 0)
    if (product != pairs.astype(object)).any():
        return None
    price = scale // 2
    # a_i = b_i + P u_i^2 - 2 P c u_i
    rest = [int(a) - price * w * w for a, w in zip(problem.linear.tolist(), weights)]
    return _with_capacity(price, weights, rest)


def _weights(row: list[int], between: int) -> list[int] | None:
    """u up to a common factor, from J_0k (k > 0) and J_12: smallest whole numbers with u_i u_j proportional to J_ij."""
    if not all(row[1:]) or not between:
        return None
    # u_k = J_0k / (s u_0) and u_1 u_2 = J_12 / s  =>  u_0^2 = J_01 J_02 / (J_12 s). With u_0 = r, u_k = J_0k t.
    common = math.gcd(*row[1:])
    others = [v // common for v in row[1:]]
    top, bottom = row[1] * others[1], between  # u_0 : u_1 = J_02 : J_12
    first, left = divmod(top, bottom)
    if left:
        factor = bottom // math.gcd(top, bottom)
        others = [v * factor for v in others]
        first = top * factor // bottom
    weights = [first, *others]
    divisor = math.gcd(*weights)
    sign = 1 if sum(weights) > 0 else -1
    weights = [sign * w // divisor for w in weights]
    return weights if all(abs(w) < 2**31 for w in weights) else None


def _with_capacity(price: int, weights: list[int], rest: list[int]) -> RankOne | None:
    """Find c: all bits without a value of their own agree on it."""
    wanted = [Fraction(-r, 2 * price * w) for r, w in zip(rest, weights)]
    most = (2**31 - 1) // max(abs(w) for w in weights)
    votes = {c: v for c, v in Counter(wanted).items() if c.denominator <= most and (v > 1 or len(weights) < 3)}
    if not votes:
        return None
    # The values of things worth taking are negative and only raise what they ask for: of equals, the least is meant.
    capacity = min(votes, key=lambda c: (-votes[c], c))
    factor = capacity.denominator  # for whole numbers c and u are multiplied, the price is divided by the square
    u = np.array([w * factor for w in weights], np.int64)
    values = np.array([float(r + 2 * price * capacity * w) for r, w in zip(rest, weights)])
    free = values == 0
    slack = np.zeros(len(weights), bool)
    if not free.all() and (u > 0).all():
        slack = free & _fills(u, free, int(capacity * factor))
    return RankOne(price / factor**2, u, int(capacity * factor), values, slack)


def _fills(u: npt.NDArray[np.int64], free: npt.NDArray[np.bool_], capacity: int) -> bool:
    """Whether the free bits can make every number from 0 to the capacity, taking the largest that fits each time."""
    reach = 0
    for w in np.sort(u[free]).tolist():
        if w > reach + 1:
            return False
        reach += w
    return reach >= capacity
