"""Which runs no other run beats in everything, and how much of the space they dominate.

All objectives are minimised here; callers turn a quality around.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["hypervolume", "pareto_front"]


def pareto_front(points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """True for each row of ``points`` (n, objectives) that no other row beats: as low in all, lower in one."""
    p = np.asarray(points, float)
    if p.ndim != 2 or not len(p):
        return np.zeros(len(p), bool)
    no_worse = (p[:, None, :] <= p[None, :, :]).all(axis=2)
    better = (p[:, None, :] < p[None, :, :]).any(axis=2)
    return ~(no_worse & better).any(axis=0)


def hypervolume(points: npt.ArrayLike, reference: Sequence[float]) -> float:
    """Volume dominated by ``points`` and bounded by ``reference``, exactly, by slicing along the last objective.

    Args:
        points: (n, objectives), minimised.
        reference: the worst corner; points beyond it in any objective add nothing.
    """
    p, r = np.asarray(points, float), np.asarray(reference, float)
    p = p.reshape(-1, len(r))
    p = p[(p < r).all(axis=1)]
    return _volume(p, r)


def _volume(p: npt.NDArray[np.float64], r: npt.NDArray[np.float64]) -> float:
    if not len(p):
        return 0.0
    if len(r) == 1:
        return float(r[0] - p[:, 0].min())
    order = np.argsort(p[:, -1], kind="stable")
    p = p[order]
    heights = np.append(p[:, -1], r[-1])
    return sum(
        float(heights[i + 1] - heights[i]) * _volume(p[: i + 1, :-1], r[:-1])
        for i in range(len(p))
        if heights[i + 1] > heights[i]
    )
