"""The picture of a workload that draws none of its own: every score of every answer, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["draw_curves", "draw_scores"]

MARKS = "osD^vPX*"
DASHES = ("-", "--", ":", "-.")


def draw_scores(axes: Any, scores: Sequence[dict[str, Any]]) -> str:
    """Curves of the headline where it is one, else a point and an interval for each answer."""
    head = scores[0]
    if head["of"]:
        return draw_curves(axes, scores, head["of"])
    rows = [row for row in scores if row["score"] == head["score"]]
    for place, row in enumerate(rows):
        axes.plot([row["low"], row["high"]], [place, place], color="C0", linewidth=4, alpha=0.45)
        axes.plot(row["value"], place, MARKS[place % len(MARKS)], color="C0")
    if head["target"] is not None:
        axes.axvline(head["target"], linestyle="--", linewidth=1, color="C1", label="target")
        axes.legend()
    axes.set_yticks(range(len(rows)), [row["answer"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel(f"{head['score']} ({head['better']} is better)")
    return f"{head['score']}: " + "; ".join(f"{row['answer']} {row['value']:.4g}" for row in rows)


def draw_curves(axes: Any, scores: Sequence[dict[str, Any]], of: str, *, at: str = "", log: bool = False) -> str:
    """One curve for each answer through the points of ``of``, with intervals; returns its words."""
    rows = [row for row in scores if row["of"] == of]
    said = []
    for k, answer in enumerate(dict.fromkeys(row["answer"] for row in rows)):
        points = sorted((r["at"], r["value"], r["low"], r["high"]) for r in rows if r["answer"] == answer)
        x, y, low, high = zip(*points)
        below, above = ([abs(a - b) for a, b in zip(y, side)] for side in (low, high))
        axes.errorbar(
            x, y, yerr=[below, above], marker=MARKS[k % len(MARKS)], linestyle=DASHES[k % len(DASHES)],
            color=f"C{k}", label=answer, markersize=4, capsize=2, linewidth=1.2,
        )  # fmt: skip
        said.append(f"{answer} from {y[0]:.3g} to {y[-1]:.3g}")
    if log:
        axes.set_yscale("log")
    axes.set_xlabel(at)
    axes.set_ylabel(of)
    axes.legend(fontsize=7)
    return f"{of} against {at or 'the size'}: " + "; ".join(said)
