"""The ladder of ``equipoise bench qubo``, and what is read off it."""

from __future__ import annotations

import math
from statistics import mean, median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equipoise.bench.qubo_solvers import Case, Solver

__all__ = ["ALLOWANCE", "LIMITS", "climb", "complete", "summary"]

TINY, SHORT = 1e-4, 3e-2  #: seconds of sampling
QUICK = 0.2  #: seconds of a whole call
LIMITS = (1e-3, 1e-2, 1e-1, 1.0)  #: seconds of sampling at which gaps are reported
#: seconds of whole calls, per second of budget and read, after which a ladder ends
ALLOWANCE = 8.0


def climb(
    solver: Solver, case: Case, budget: float, reads: int, first_seed: int, allowance: float = math.inf
) -> list[dict[str, Any]]:
    """The rungs of one solver on one case: work, median times, costs of all reads. Short calls are repeated more often.

    The ladder ends when sampling takes as long as ``budget``, or before a rung whose whole calls would bring the
    ladder's to more than ``allowance`` seconds: solvers that spend seconds around milliseconds of sampling would
    otherwise take hours. What was not run is not reported.
    """
    warm = solver.run(case, solver.first, first_seed)  # loads and compiles what is loaded and compiled once
    rungs: list[dict[str, Any]] = []
    work, spent, factor = solver.first, 0.0, 1.0
    while True:
        whole, sampling = (rungs[-1]["whole_s"], rungs[-1]["sampling_s"]) if rungs else (warm.whole_s, 0.0)
        short = sampling < SHORT and whole < QUICK
        number = 3 * reads if short else reads
        if rungs and spent + factor * number * rungs[-1]["whole_s"] > allowance:
            return rungs
        calls = [solver.run(case, work, first_seed + read) for read in range(number)]
        spent += sum(c.whole_s for c in calls)
        sampling = median(c.sampling_s for c in calls)
        rungs.append(
            {
                "work": work,
                "sampling_s": sampling,
                "whole_s": median(c.whole_s for c in calls),
                "costs": [c.cost for c in calls],
            }
        )
        if complete(rungs, budget):
            return rungs
        # Small steps where times to target lie, large ones where rungs are long or next to nothing.
        factor = 4.0 if sampling < TINY else 1.5 if sampling < SHORT else 2.0
        work = max(round(work * factor), work + 1)


def complete(rungs: list[dict[str, Any]], budget: float) -> bool:
    """Whether the ladder reached the budget: the next rung would be longer."""
    return bool(rungs[-1]["sampling_s"] > budget / 1.7)


def summary(rungs: list[dict[str, Any]], case: Case, budget: float) -> dict[str, Any]:
    """Gaps in per cent to the target and to the best known cost at each limit, and the time to target.

    A ladder that ended early has no gap at limits that it was nowhere near.
    """
    gaps: dict[str, Any] = {}
    done = complete(rungs, budget)
    for limit in (x for x in LIMITS if x <= budget * 1.001):
        fitting = [r for r in rungs if r["sampling_s"] <= limit]
        if fitting and (done or len(fitting) < len(rungs) or fitting[-1]["sampling_s"] > limit / 2):
            cost = mean(fitting[-1]["costs"])
            gaps[f"{limit:g}"] = {
                "mean_cost": cost,
                "best_cost": min(fitting[-1]["costs"]),
                "gap_percent": 100 * (cost - case.target) / abs(case.target),
                "gap_best_known_percent": 100 * (cost - case.best_known) / abs(case.best_known),
                "whole_s": fitting[-1]["whole_s"],
            }
    hit = _first_hit(rungs, case.target)
    return {
        "gaps": gaps,
        "time_to_target_sampling_s": hit and hit["sampling_s"],
        "time_to_target_whole_s": hit and hit["whole_s"],
        "longest_sampling_s": rungs[-1]["sampling_s"],
        "longest_whole_s": rungs[-1]["whole_s"],
        "complete": done,
        "best_cost": min(min(r["costs"]) for r in rungs),
    }


def _first_hit(rungs: list[dict[str, Any]], target: float) -> dict[str, Any] | None:
    """The first rung on which half of the reads reach the target, and half of its and the next rung's together.

    A ladder has many rungs of few reads: without the second condition a lucky pair of reads would count.
    """
    hits = [sum(c <= target for c in r["costs"]) for r in rungs] + [0]
    reads = [len(r["costs"]) for r in rungs] + [0]
    for k, rung in enumerate(rungs):
        if 2 * hits[k] >= reads[k] and 2 * (hits[k] + hits[k + 1]) >= reads[k] + reads[k + 1]:
            return rung
    return None
