"""The picture of a workload's record, drawn by the workload itself on axes in the house style."""

from __future__ import annotations

from typing import Any

from equipoise.registry import registry
from equipoise.report.figures.style import figure
from equipoise.report.runs import Run

__all__ = ["workload_picture"]


def workload_picture(run: Run) -> tuple[str, Any] | None:
    """(what can be seen, the figure); None where it is no workload, or one that has no name here.

    A record may name a workload by a file: that is code of others, and is not run.
    """
    name = str(run.config.get("workload"))
    table = registry("workload")
    if run.kind != "workload" or name not in list(table) or not run.tables.get("scores"):
        return None
    workload = table.find(name)
    with figure(3.4, 4.6 * workload.panels) as (drawing, axes):
        if workload.panels > 1:
            drawing.clear()
            axes = drawing.subplots(1, workload.panels)
        words = workload.picture(axes, run.tables)
    return words, drawing
