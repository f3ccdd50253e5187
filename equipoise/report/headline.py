"""The first sentences of a page: what was reached, what it cost, and which run needs how much more of it.

A ratio of two runs is said with its range: over all prices within theirs. Runs on the same profile share their prices,
so a price that is higher for one is higher for both. Where a range holds one, the sentence says that the runs cannot be
told apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from equipoise.report.formats import quantity
from equipoise.report.runs import Run
from equipoise.report.what_if import what_if
from hw_profiles.grades import Estimate
from hw_profiles.texts import times

__all__ = ["headline", "ratio_range"]

MOST = 6  #: sentences


def headline(runs: Sequence[Run]) -> list[str]:
    """One sentence for each of the first runs, then one for each comparison within a task."""
    said = [sentence for run in runs if (sentence := _reached(run))]
    if len(runs) > 3:
        said = []
    for task in dict.fromkeys(run.task for run in runs):
        alike = [run for run in runs if run.task == task and run.cost is not None and not run.cost.energy.missing]
        if len(alike) > 1:
            least = min(alike, key=lambda run: run.cost.energy.value or 0.0)  # type: ignore[union-attr]
            said += [_compared(run, least) for run in alike if run is not least]
    return said[:MOST]


def _reached(run: Run) -> str:
    where = run.target.get("resolved", "an unnamed machine")
    if run.quality is None or run.cost is None or run.cost.energy.missing:
        return ""
    energy, time = run.cost.energy, run.cost.latency
    return (
        f"{run.name} reached {run.quality.name} {run.quality.text} on {where}, for {_with_range(energy, 'J')} and "
        f"{_with_range(time, 's')} of machine time (profile {run.own}, boundary {run.cost.boundary.value})."
    )


def _with_range(estimate: Estimate, unit: str) -> str:
    if estimate.low == estimate.high:
        return quantity(estimate.value, unit)
    return f"{quantity(estimate.value, unit)} ({quantity(estimate.low, unit)} to {quantity(estimate.high, unit)})"


def _compared(run: Run, least: Run) -> str:
    low, high = ratio_range(_parts(run), _parts(least), shared=run.own == least.own)
    quality = ""
    if run.quality is not None and least.quality is not None:
        quality = f", with {run.quality.name} {run.quality.text} against {least.quality.text}"
    if low < 1 < high:
        return (
            f"{run.name} and {least.name} cannot be told apart by energy within their ranges "
            f"(ratio {times(low)} to {times(high)}){quality}."
        )
    between = times(low) if f"{low:.2g}" == f"{high:.2g}" else f"{times(low)} to {times(high)}"
    return f"{run.name} needs {between} times the energy of {least.name}{quality}."


Parts = dict[str, tuple[float, float]]  #: what a total is the sum of -> (low, high)


def _parts(run: Run) -> Parts:
    data = what_if(run)
    if data is not None and data["boundary"] in data["parts"]:
        return {name: (low, high) for name, _, low, high in data["parts"][data["boundary"]]}
    assert run.cost is not None
    return {run.own: (run.cost.energy.low or 0.0, run.cost.energy.high or 0.0)}


def ratio_range(one: Parts, other: Parts, *, shared: bool) -> tuple[float, float]:
    """Smallest and largest ratio of two sums while every price moves within its range.

    A part of the same name has the same price in both sums where they are ``shared`` and their ranges are alike; all
    other parts move by themselves. A ratio of sums is largest where every price stands at one of its ends: at the
    upper one if that lifts ``one - ratio * other``. The ratio is found by Dinkelbach's iteration.
    """
    high = _largest(one, other, shared)
    turned = _largest(other, one, shared)
    return (1 / turned if turned > 0 else 0.0), high


def _largest(one: Parts, other: Parts, shared: bool) -> float:
    common = {
        name
        for name in one.keys() & other.keys()
        if shared and math.isclose(one[name][1] * other[name][0], one[name][0] * other[name][1], rel_tol=0.01)
    }
    top = sum(high for name, (_, high) in one.items() if name not in common)
    bottom = sum(low for name, (low, _) in other.items() if name not in common)
    ratio = 0.0
    for _ in range(60):
        ends = [max((0, 1), key=lambda e, n=name: one[n][e] - ratio * other[n][e]) for name in common]  # type: ignore[misc]
        above = top + sum(one[name][end] for name, end in zip(common, ends, strict=True))
        below = bottom + sum(other[name][end] for name, end in zip(common, ends, strict=True))
        if below <= 0:
            return math.inf
        if above / below <= ratio * (1 + 1e-12):
            break
        ratio = above / below
    return ratio
