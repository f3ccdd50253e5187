"""How runs went: learning and convergence per epoch, best cost per step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from equipoise.report.figures.style import MUTED, PALETTE, figure, words
from equipoise.report.runs import Run

__all__ = ["CURVES", "learning_curves", "search_traces"]

#: column of the table of epochs -> (title, unit of the axis)
CURVES = {
    "test_accuracy": ("Test accuracy", "%"),
    "train_loss": ("Training loss", "loss"),
    "converged_fraction": ("Settled equilibria", "%"),
    "gradient_cosine": ("Gradient against the exact one", "cosine"),
    "symmetry": ("Symmetry of forward and backward weights", "cosine"),
}


def learning_curves(runs: Sequence[Run], column: str) -> Any:
    """One column of every training run, per epoch. A column with one value per layer shows their mean."""
    title, unit = CURVES[column]
    lines = []
    for run in runs:
        rows = [(row.get("epoch", i + 1), _mean(row.get(column))) for i, row in enumerate(run.tables.get("epochs", []))]
        rows = [(x, y * (100 if unit == "%" else 1)) for x, y in rows if y is not None]
        if rows:
            lines.append((run.name, rows))
    if not lines:
        return None
    with figure(2.9) as (drawing, axes):
        for place, (name, rows) in enumerate(lines):
            x, y = zip(*rows)
            style = ("-", "--", "-.", ":")[place // len(PALETTE) % 4]
            axes.plot(x, y, style, label=words(name), marker="o" if len(x) < 25 else "", markersize=3)
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.set_ylabel(unit)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)  # one epoch is one tick
        axes.legend(loc="best")
    return drawing


def _mean(value: Any) -> float | None:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        numbers = [_mean(part) for part in value]
        known = [number for number in numbers if number is not None]
        return sum(known) / len(known) if known else None
    return float(value) if isinstance(value, (int, float)) and value == value else None


def search_traces(runs: Sequence[Run]) -> Any:
    """Best cost so far against the step, of every annealing run (its first read, when there are several)."""
    lines = []
    for run in runs:
        rows = [row for row in run.tables.get("improvements", []) if row.get("read", 0) == 0]
        if rows:
            ends = [row["steps"] for row in run.tables.get("reads", []) if row.get("read", 0) == 0]
            lines.append((run.name, rows, ends))
    if not lines:
        return None
    with figure(2.9) as (drawing, axes):
        for name, rows, ends in lines:
            steps = [max(row["step"], 1) for row in rows]
            costs = [row["cost"] for row in rows]
            if ends and ends[0] > steps[-1]:
                steps.append(ends[0])
                costs.append(costs[-1])
            axes.step(steps, costs, where="post", label=words(name))
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_title("Best cost found")
        axes.set_xlabel("step (logarithmic)")
        axes.set_ylabel("cost, lower is better")
        axes.legend(loc="upper right", labelcolor=MUTED)
    return drawing
