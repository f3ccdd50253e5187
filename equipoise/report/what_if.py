"""What the page needs to price a run again while its reader moves prices within their ranges.

Energy is a sum: counts times prices, power at work, and static power times time. Each part is given with its ends; the
page adds them up. The time stays what the profile says, so prices of time are not moved.
"""

from __future__ import annotations

from typing import Any

from equipoise.report.runs import Run
from hw_profiles.boundaries import boundaries_of
from hw_profiles.errors import InputError
from hw_profiles.grades import Estimate
from hw_profiles.pricing import Cost, price

__all__ = ["what_if"]

STATIC = "static power times time"


def what_if(run: Run) -> dict[str, Any] | None:
    """The parts of a run's energy on its own machine, at every boundary that the machine has; None without a price.

    Every part is ``[name, value, low, high]`` in joules, the largest first; the static one is called `STATIC`.
    """
    if run.cost is None or run.machine is None or run.cost.energy.missing:
        return None
    parts: dict[str, list[list[Any]]] = {}
    for boundary in boundaries_of(run.machine):
        try:
            cost = price(run.ledger, run.machine, boundary=boundary)
        except InputError:  # counts outside the range of a fitted profile's data, at this boundary
            continue
        parts[boundary.value] = _parts(cost)
    if not any(value for rows in parts.values() for _, value, _, _ in rows):
        return None
    return {"name": run.name, "task": run.task, "profile": run.own, "boundary": run.cost.boundary.value, "parts": parts}


def _parts(cost: Cost) -> list[list[Any]]:
    sums: dict[str, Estimate] = {}
    for line in cost.lines:
        if not line.energy.missing and not line.within and line.energy.value:
            name = f"energy of {line.event.value.replace('_', ' ')} ({line.component})"
            sums[name] = sums[name] + line.energy if name in sums else line.energy
    if cost.active.value:
        sums["power at work times time"] = cost.active
    rows: list[list[Any]] = [[name, part.value, part.low, part.high] for name, part in sums.items()]
    rows.sort(key=lambda row: -float(row[3] or 0.0))
    return [*rows, [STATIC, cost.static.value, cost.static.low, cost.static.high]]
