"""Published against ours, log-log: bars are our ranges, the diagonal is agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from equipoise.report.figures.style import GRID, MUTED, PALETTE, figure

__all__ = ["published_against_ours"]

#: quantity's last word -> (marker, colour index): shape and colour both tell
KINDS = {"energy": ("o", 0), "time": ("s", 1), "power": ("^", 2)}
NAMES = {"energy": "energy, J", "time": "time, s", "power": "power, W"}


def published_against_ours(rows: Sequence[Any]) -> Any:
    """Every check as a point with its range; hollow where the published figure lies outside. None without a check."""
    shown = [row for row in rows if row.role == "checks" and row.ours.value and row.ours.low]
    if not shown:
        return None
    with figure(5.2) as (drawing, axes):
        ends = [row.published for row in shown] + [row.ours.value for row in shown]
        low, high = min(ends) / 3, max(ends) * 3
        axes.plot([low, high], [low, high], color=GRID, linewidth=1.2, zorder=0)
        for name, (mark, colour) in KINDS.items():
            mine = [row for row in shown if row.quantity.split()[-1] == name]
            for row in mine:
                axes.plot([row.published] * 2, [row.ours.low, row.ours.high], color=PALETTE[colour], linewidth=1.6,
                          alpha=0.35)  # fmt: skip
            for inside in (True, False):
                some = [row for row in mine if row.inside is inside]
                label = f"{NAMES[name]}, {'in' if inside else 'out'}" if some else None
                axes.plot([row.published for row in some], [row.ours.value for row in some], mark, markersize=5,
                          color=PALETTE[colour], markerfacecolor=PALETTE[colour] if inside else "none",
                          linestyle="none", label=label)  # fmt: skip
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(low, high)
        axes.set_xlabel("published, SI units")
        axes.set_ylabel("ours, with range")
        axes.tick_params(colors=MUTED)
        drawing.legend(loc="outside lower left", ncols=3)
    return drawing
