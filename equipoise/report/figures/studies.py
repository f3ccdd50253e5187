"""Pictures of a study: by size of the problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from equipoise.report.figures.style import MUTED, PALETTE, figure, words
from equipoise.study.findings import PUBLISHED, energy_ratios, gaps, medians

if TYPE_CHECKING:
    from equipoise.study import StudyData

__all__ = ["gap_by_size", "ratio_by_size"]


def ratio_by_size(data: StudyData) -> Any:
    """Power ratio of each CPU solver over Loihi 2, median and range, against the number of variables."""
    ratios = energy_ratios(data)
    if not ratios:
        return None
    with figure(3.0) as (drawing, axes):
        for index, name in enumerate(dict.fromkeys(ratio.solver for ratio in ratios)):
            sizes = sorted({ratio.nodes for ratio in ratios if ratio.solver == name})
            triples = [medians([r.power for r in ratios if r.solver == name and r.nodes == n]) for n in sizes]
            value, low, high = zip(*triples)
            axes.fill_between(sizes, low, high, color=PALETTE[index], alpha=0.14, linewidth=0)
            style = ("-o", "--s", "-.^")[index % 3]
            axes.plot(sizes, value, style, color=PALETTE[index], markersize=4, label=f"{words(name)} over Loihi 2")
        for bound in PUBLISHED:
            axes.axhline(bound, color=MUTED, linestyle=(0, (4, 3)), linewidth=1)
        axes.annotate(
            f"published {PUBLISHED[0]} to {PUBLISHED[1]}",
            (1, PUBLISHED[1]),
            xycoords=("axes fraction", "data"),
            xytext=(-4, 4),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=MUTED,
        )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.set_xlabel("variables (logarithmic)")
        axes.set_ylabel("energy ratio at equal time")
        axes.set_title("Processor over Loihi 2")
        axes.legend(loc="upper left")
    return drawing


def gap_by_size(data: StudyData) -> Any:
    """Mean gap of each solver against the number of variables."""
    found = gaps(data)
    if not found:
        return None
    with figure(3.0) as (drawing, axes):
        for index, name in enumerate(dict.fromkeys(solver for solver, _ in found)):
            points = sorted((n, sum(v) / len(v)) for (solver, n), v in found.items() if solver == name)
            style = ("-o", "--s", "-.^", ":D")[index % 4]
            axes.plot(*zip(*points), style, color=PALETTE[index % len(PALETTE)], markersize=4, label=words(name))
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_xlabel("variables (logarithmic)")
        axes.set_ylabel("gap, %; lower is better")
        axes.set_title("Quality")
        axes.legend(loc="upper left")
    return drawing
