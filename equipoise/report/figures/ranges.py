"""Energy and latency on every profile that can price a run: best value, range, and grade in words and shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from equipoise.report.figures.style import MUTED, PALETTE, figure, words
from equipoise.report.formats import quantity
from equipoise.report.runs import Run

__all__ = ["GRADE_MARKS", "energy_ranges", "latency_ranges"]

#: grade -> marker, so that colour is never the only difference
GRADE_MARKS = {
    "measured": "o",
    "fitted": "s",
    "simulated": "D",
    "projected": "^",
    "vendor": "v",
    "inherited": "P",
    "assumed": "X",
}


def energy_ranges(runs: Sequence[Run]) -> Any:
    """Energy of every run on every profile, on a logarithmic axis."""
    return _ranges(runs, "energy", "J", "Energy on each profile")


def latency_ranges(runs: Sequence[Run]) -> Any:
    """Latency of every run on every profile, on a logarithmic axis."""
    return _ranges(runs, "latency", "s", "Time on each profile")


def _ranges(runs: Sequence[Run], what: str, unit: str, title: str) -> Any:
    rows = []
    for index, run in enumerate(runs):
        for name, cost in run.costs.items():
            estimate = getattr(cost, what)
            if estimate.value:
                rows.append((index, run.name, name, name == run.own, estimate))
    if not rows:
        return None
    rows.sort(key=lambda row: (row[0], row[4].value))
    with figure(1.0 + 0.24 * len(rows)) as (drawing, axes):
        for place, (index, _, _, own, estimate) in enumerate(rows):
            colour = PALETTE[index % len(PALETTE)]
            low = max(estimate.low, estimate.value / 1e6)
            axes.plot([low, estimate.high], [place, place], color=colour, linewidth=5 if own else 3, alpha=0.45,
                      solid_capstyle="round")  # fmt: skip
            mark = GRADE_MARKS[estimate.grade.value] if estimate.grade else "."
            axes.plot(estimate.value, place, mark, color=colour, markersize=6 if own else 5, linestyle="none")
            axes.annotate(quantity(estimate.value, unit), (estimate.high, place), xytext=(6, 0), va="center",
                          textcoords="offset points", fontsize=7.5, color=MUTED)  # fmt: skip
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_yticks(range(len(rows)), [f"{words(profile)}{' ◂' if own else ''}" for _, _, profile, own, _ in rows])
        axes.invert_yaxis()
        axes.margins(x=0.16)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"{'joules' if unit == 'J' else 'seconds'}, logarithmic; ◂ the run's own machine")
        drawing.suptitle(title, x=0.01, ha="left", fontsize=10, weight="bold")
        handles = [
            axes.plot([], [], color=PALETTE[i % len(PALETTE)], linewidth=4, label=words(name))[0]
            for i, name in dict.fromkeys((row[0], row[1]) for row in rows)
        ]
        drawing.legend(handles=handles, loc="outside lower left", ncols=2)
    return drawing
