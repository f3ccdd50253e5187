"""Pictures of a study: by size of the problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from equipoise.report.figures.style import MUTED, PALETTE, figure, words
from equipoise.study.effects import are_numbers, curves, swept
from equipoise.study.findings import PUBLISHED, energy_ratios, gaps, medians

if TYPE_CHECKING:
    from equipoise.study import StudyData

__all__ = ["effect_of", "gap_by_size", "ratio_by_size"]


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


#: more lines than this hide each other: the parameter is then pooled
MOST_LINES = 5
_STYLES = ("-o", "--s", "-.^", ":D", "-v")


def effect_of(data: StudyData, result: str, parameter: str) -> Any:
    """Mean of a result against a swept parameter, with its interval over seeds; a line for each value of another."""
    values = swept(data)
    other = next((name for name, some in values.items() if name != parameter and len(some) <= MOST_LINES), None)
    found = curves(data, result, parameter, other)
    numbers = are_numbers(values[parameter])
    places = {str(v): v if numbers else k for k, v in enumerate(values[parameter])}
    with figure(3.0) as (drawing, axes):
        for index, (name, points) in enumerate(found.items()):
            x = [places[str(p.value)] for p in points]
            ends = [[p.mean - p.low for p in points], [p.high - p.mean for p in points]]
            several = all(e == e for end in ends for e in end)
            axes.errorbar(x, [p.mean for p in points], yerr=ends if several else None, capsize=2, markersize=4,
                          fmt=_STYLES[index % len(_STYLES)], color=PALETTE[index % len(PALETTE)],
                          label=words(name) or None)  # fmt: skip
        if not numbers:
            axes.set_xticks(list(places.values()), [words(text) for text in places])
        elif min(places.values()) > 0 and max(places.values()) > 20 * min(places.values()):
            axes.set_xscale("log")
            axes.minorticks_off()
        means = [p.mean for points in found.values() for p in points]
        if min(means) > 0 and max(means) > 20 * min(means):
            axes.set_yscale("log")
            axes.minorticks_off()
        axes.set_xlabel(words(parameter))
        axes.set_ylabel(words(result))
        if other:
            axes.legend()
    return drawing
