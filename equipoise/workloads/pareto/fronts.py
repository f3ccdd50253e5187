"""Several costs at once: exact fronts by enumeration, and what a front is worth.

An instance holds M integer matrices Q_m, upper triangular; the costs of x are x^T Q_m x, all minimised. Costs are
scaled to 0 at the exact front's ideal point and 1 at its nadir before they are measured:

- hypervolume up to the corner 1.1, over that of the exact front;
- R2 = (1 / (|V| sqrt(M))) sum over v in V of min over s of max_m v_m |s_m|, V the simplex grid, less that of the exact
  front (Hansen and Jaszkiewicz 1998; Brockhoff et al., GECCO 2012);
- diversity: the mean Hamming distance between two states of the front, over n.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from equipoise.report.pareto import hypervolume

__all__ = [
    "Scale",
    "States",
    "Triangles",
    "costs",
    "diversity",
    "enumerate_front",
    "not_dominated",
    "r2",
    "simplex",
    "volume",
]

States = npt.NDArray[np.uint8]  #: (k, n) zeros and ones
Triangles = npt.NDArray[np.int64]  #: (M, n, n), upper triangular
Points = npt.NDArray[np.float64]  #: (k, M)
CORNER = 1.1


def costs(matrices: Triangles, states: States) -> npt.NDArray[np.int64]:
    """(k, M) costs of (k, n) states."""
    x = states.astype(np.int64)
    return np.stack([((x @ q) * x).sum(axis=1) for q in matrices], axis=1)


def not_dominated(points: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rows of ``points`` (k, M) that no other beats, by rising first cost; of equal ones the first.

    Repeatedly the row of the smallest sum is kept (nothing can beat it) and all that it beats or equals are dropped.
    """
    alive = np.arange(len(points))
    kept = []
    sums = points.sum(axis=1)
    while len(alive):
        best = alive[sums[alive].argmin()]
        kept.append(int(best))
        alive = alive[(points[alive] < points[best]).any(axis=1)]
    return np.array(sorted(kept, key=lambda i: tuple(points[i])), np.int64)


def enumerate_front(matrices: Triangles) -> States:
    """(k, n) a state of every point of the exact front, among all 2^n states.

    The state is cut into a left and a right half, whose costs add up with one matrix product between them. For every
    left half only what its own right halves do not beat goes on.
    """
    n = matrices.shape[1]
    left = n // 2
    a, b = _all_states(left), _all_states(n - left)
    of_a, of_b = costs(matrices[:, :left, :left], a), costs(matrices[:, left:, left:], b)
    between = np.stack([q[:left, left:] @ b.T.astype(np.int64) for q in matrices], axis=2)  # (left, right states, M)
    rows, points = [], []
    for i, x in enumerate(a):
        total = of_a[i] + of_b + between[x.astype(bool)].sum(axis=0)
        keep = not_dominated(total)
        rows.append(np.concatenate([np.repeat(x[None], len(keep), 0), b[keep]], axis=1))
        points.append(total[keep])
    states = np.concatenate(rows)
    return np.asarray(states[not_dominated(np.concatenate(points))], np.uint8)


def _all_states(n: int) -> States:
    return ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.uint8)


@dataclass(frozen=True)
class Scale:
    """Ideal and nadir of the exact front."""

    ideal: npt.NDArray[np.float64]
    span: npt.NDArray[np.float64]

    @classmethod
    def of(cls, points: npt.NDArray[np.int64]) -> Scale:
        low, high = points.min(axis=0), points.max(axis=0)
        return cls(low.astype(np.float64), np.maximum(high - low, 1).astype(np.float64))

    def __call__(self, points: npt.NDArray[np.int64]) -> Points:
        return np.asarray((points - self.ideal) / self.span)


def volume(points: Points) -> float:
    """Hypervolume up to the corner (1.1, 1.1, ...)."""
    return hypervolume(points, (CORNER,) * points.shape[1])


def simplex(objectives: int, parts: int) -> Points:
    """Every vector of shares k / parts that add up to one.

    >>> simplex(2, 2).tolist()
    [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
    """
    bars = combinations(range(parts + objectives - 1), objectives - 1)
    edges = np.array([(-1, *b, parts + objectives - 1) for b in bars])
    return (np.diff(edges, axis=1) - 1) / parts


def r2(points: Points, weights: Points) -> float:
    """R2 of scaled points, whose ideal is zero."""
    worst = np.array([(w * np.abs(points)).max(axis=1).min() for w in weights])
    return float(worst.sum() / (len(weights) * np.sqrt(points.shape[1])))


def diversity(states: States) -> float:
    """Mean Hamming distance between two different states, over n; 0 of fewer than two."""
    k, n = states.shape
    if k < 2:
        return 0.0
    ones = states.sum(axis=0, dtype=np.int64)
    return float(2 * (ones * (k - ones)).sum() / (k * (k - 1) * n))
