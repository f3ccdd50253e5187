"""Energy and time of every machine of a comparison, with ranges, on logarithmic axes."""

from __future__ import annotations

from typing import Any

from equipoise.report.figures.style import MUTED, PALETTE, figure
from equipoise.report.formats import quantity

__all__ = ["compared"]

#: kind of machine -> marker: shape tells what colour tells
MARKS = {"chip": "o", "analog": "D", "processor": "s", "card": "^"}


def compared(comparison: Any, what: str, unit: str) -> Any:
    """``what`` (energy or time) of every machine; hollow where the quality was not reached. None without a figure."""
    rows = [row for row in comparison.rows if getattr(row, what).value]
    if not rows:
        return None
    with figure(1.1 + 0.34 * len(rows)) as (drawing, axes):
        for place, row in enumerate(rows):
            found = getattr(row, what)
            colour = PALETTE[list(MARKS).index(row.kind)]
            low = max(found.low, found.value / 1e6)
            axes.plot([low, found.high], [place, place], color=colour, linewidth=4, alpha=0.4, solid_capstyle="round")
            axes.plot(found.value, place, MARKS[row.kind], color=colour, markersize=6, linestyle="none",
                      markerfacecolor=colour if row.reached else "none")  # fmt: skip
            axes.annotate(quantity(found.value, unit), (found.high, place), xytext=(6, 0), va="center",
                          textcoords="offset points", fontsize=7.5, color=MUTED)  # fmt: skip
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_yticks(range(len(rows)), [row.machine for row in rows])
        axes.invert_yaxis()
        axes.margins(x=0.2)
        axes.grid(visible=False, axis="y")
        name = "joules" if unit == "J" else "seconds"
        axes.set_xlabel(f"{name} per {comparison.unit}, logarithmic; hollow: not reached")
    return drawing
