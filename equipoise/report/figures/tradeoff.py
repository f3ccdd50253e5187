"""Quality against energy and latency: which runs no other run of the task beats, and the hypervolume they span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.report.figures.style import INK, MUTED, PALETTE, figure, words
from equipoise.report.formats import quantity
from equipoise.report.pareto import hypervolume, pareto_front
from equipoise.report.runs import Run

__all__ = ["Front", "fronts", "tradeoff"]


@dataclass(frozen=True)
class Front:
    """The runs of one task on their own profiles.

    Attributes:
        best: which of ``runs`` are on the front of quality, energy and latency.
        volume: hypervolume in the unit cube of (quality, log energy, log latency), each scaled from the best to the
            worst run of the task plus a tenth; between 0 and 1, more is better. Comparable within one page only.
    """

    task: str
    quality: str
    higher_is_better: bool
    runs: tuple[Run, ...]
    best: tuple[bool, ...]
    volume: float


def fronts(runs: Sequence[Run]) -> list[Front]:
    """One front per task with at least two runs that have a quality, an energy and a latency."""
    tasks: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.quality and run.cost and run.cost.energy.value and run.cost.latency.value:
            tasks.setdefault((run.task, run.quality.name), []).append(run)
    found = []
    for (task, name), group in tasks.items():
        if len(group) < 2:
            continue
        points = np.array([_point(run) for run in group])
        low, span = points.min(axis=0), np.ptp(points, axis=0)
        scaled = (points - low) / (1.1 * np.where(span > 0, span, 1.0))
        up = group[0].quality is not None and group[0].quality.higher_is_better
        best = tuple(bool(b) for b in pareto_front(points))
        found.append(Front(task, name, up, tuple(group), best, hypervolume(scaled, (1.0, 1.0, 1.0))))
    return found


def _point(run: Run) -> tuple[float, float, float]:
    assert run.quality is not None
    assert run.cost is not None
    sign = -1.0 if run.quality.higher_is_better else 1.0
    energy, latency = run.cost.energy.value or 0.0, run.cost.latency.value or 0.0
    return sign * run.quality.value, float(np.log10(energy)), float(np.log10(latency))


def tradeoff(front: Front) -> Any:
    """Energy (logarithmic, with its range) against quality; the latency beside each name; the front ringed."""
    with figure(3.2) as (drawing, axes):
        for index, (run, best) in enumerate(zip(front.runs, front.best, strict=True)):
            assert run.cost is not None
            assert run.quality is not None
            energy = run.cost.energy
            colour = PALETTE[index % len(PALETTE)]
            y = run.quality.value * (100 if "accuracy" in front.quality else 1)
            axes.plot([max(energy.low or 0, (energy.value or 0) / 1e4), energy.high], [y, y], color=colour, alpha=0.4,
                      linewidth=4, solid_capstyle="round")  # fmt: skip
            axes.plot(energy.value, y, "o", color=colour, markersize=7)
            if best:
                axes.plot(energy.value, y, "o", markersize=12, markerfacecolor="none", markeredgecolor=INK)
            label = f"{words(run.name)}, {quantity(run.cost.latency.value, 's')}"
            axes.annotate(label, (energy.value, y), xytext=(0, 10),
                          textcoords="offset points", ha="center", fontsize=8, color=MUTED)  # fmt: skip
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.margins(x=0.2, y=0.25)
        if not front.higher_is_better:
            axes.invert_yaxis()
        axes.set_xlabel("energy in joules, logarithmic; lower is better")
        unit = ", %" if "accuracy" in front.quality else ""
        axes.set_ylabel(f"{front.quality}{unit} (better is up)")
        axes.set_title(f"{words(front.task)}: quality and energy")
    return drawing
