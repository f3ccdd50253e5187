"""Where the energy goes, and what its uncertainty comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from equipoise.report.figures.style import INK, MUTED, PALETTE, figure, words
from equipoise.report.formats import quantity
from equipoise.report.runs import Run

__all__ = ["energy_split", "phase_split", "shares_of_uncertainty", "uncertainty"]


def energy_split(runs: Sequence[Run]) -> Any:
    """Share of each component, dynamic and static, one bar per run, on the run's own profile."""
    return _stacked(runs, "component", "Energy by component")


def phase_split(runs: Sequence[Run]) -> Any:
    """Share of each phase in the dynamic energy."""
    return _stacked(runs, "phase", "Dynamic energy by phase")


def _stacked(runs: Sequence[Run], field: str, title: str) -> Any:
    rows = []
    for run in runs:
        cost = run.cost
        if cost is None:
            continue
        parts = {name or "not told apart": part.value or 0.0 for name, part in cost.by(field).items()}
        if field == "component" and cost.static.value:
            parts["static"] = cost.static.value
        if sum(parts.values()) > 0:
            rows.append((run.name, parts))
    names = list(dict.fromkeys(name for _, parts in rows for name in parts))
    if not rows or (field == "phase" and names == ["not told apart"]):
        return None
    with figure(1.15 + 0.38 * len(rows) + 0.18 * ((len(names) + 2) // 3)) as (drawing, axes):
        for place, (_, parts) in enumerate(rows):
            total, left = sum(parts.values()), 0.0
            for index, name in enumerate(names):
                share = 100 * parts.get(name, 0.0) / total
                colour = PALETTE[7] if name == "static" else PALETTE[index % (8 if field == "phase" else 7)]
                axes.barh(place, share, left=left, color=colour, height=0.62, label=words(name) if place == 0 else None)
                left += share
            axes.text(101, place, quantity(total, "J"), va="center", fontsize=8, color=MUTED, clip_on=False)
        axes.set_yticks(range(len(rows)), [words(name) for name, _ in rows])
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_xlabel("share, %")
        axes.grid(visible=False, axis="y")
        drawing.suptitle(title, x=0.01, ha="left", fontsize=10, weight="bold")
        drawing.legend(loc="outside lower left", ncols=min(4, len(names)))
    return drawing


def shares_of_uncertainty(run: Run) -> list[tuple[str, float]]:
    """Which prices make the range of a run's energy, largest first: shares of it on a logarithmic scale."""
    return [(swing.price, swing.share) for swing in run.swings if swing.share >= 0.005]


def uncertainty(run: Run) -> Any:
    """A tornado: the total with each price at its low and at its high end, the others at their values."""
    swings = [swing for swing in run.swings if swing.share >= 0.005][:8]
    if not swings or run.cost is None or not run.cost.energy.value:
        return None
    total = run.cost.energy.value
    with figure(1.1 + 0.32 * len(swings)) as (drawing, axes):
        for place, swing in enumerate(swings):
            ends = sorted((swing.low, swing.high))
            axes.barh(place, ends[1] - ends[0], left=ends[0], color=PALETTE[0], height=0.6)
            axes.annotate(f"{100 * swing.share:.0f} %", (ends[1], place), xytext=(4, 0), textcoords="offset points",
                          va="center", fontsize=8, color=MUTED)  # fmt: skip
        axes.axvline(total, color=INK, linewidth=1.0)
        axes.set_xscale("log")
        axes.set_yticks(range(len(swings)), [words(swing.price) for swing in swings])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.12)
        axes.set_xlabel("energy of the run, J, one price at its low and at its high end")
        drawing.suptitle(f"{words(run.name)}: what its range comes from", x=0.01, ha="left", fontsize=10, weight="bold")
    return drawing
