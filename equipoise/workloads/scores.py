"""Intervals of 95 % for scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Imports inside functions are late: what studies conclude is listed without scipy.
import numpy as np
import numpy.typing as npt

from substrates.seeds import stream

__all__ = ["bootstrap", "mean_interval", "share"]


def share(hits: int, trials: int) -> tuple[float, float, float]:
    """(value, low, high) of a probability: Wilson's interval.

    >>> tuple(round(x, 3) for x in share(5, 100))
    (0.05, 0.022, 0.112)
    """
    from scipy import stats

    if trials == 0:
        return math.nan, 0.0, 1.0
    interval = stats.binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    return hits / trials, float(interval.low), float(interval.high)


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """(mean, low, high) by Student's t; the mean alone has no interval, so low and high are NaN."""
    from scipy import stats

    array = np.asarray(values, np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return mean, math.nan, math.nan
    half = float(stats.t.ppf(0.975, len(array) - 1) * array.std(ddof=1) / math.sqrt(len(array)))
    return mean, mean - half, mean + half


def bootstrap(
    rows: npt.NDArray[np.float64], statistic: str = "mean", draws: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """(value, low, high) of the mean of (n,) rows, or of the ratio of the sums of the two columns of (n, 2) rows.

    Percentile bootstrap over rows.
    """
    rows = np.asarray(rows, np.float64)
    rng = stream(seed, "bootstrap of a score")
    weights = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), draws)

    def value(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        if statistic == "mean":
            return sums / len(rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(sums[..., 0] / sums[..., 1])

    found = value(weights @ rows)
    found = found[~np.isnan(found)]
    if len(found) == 0:
        return math.nan, math.nan, math.nan
    low, high = np.quantile(found, (0.025, 0.975), method="nearest")
    return float(value(rows.sum(axis=0))), float(low), float(high)
