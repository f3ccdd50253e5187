"""What the demonstration prints: one table, and where the page is."""

from __future__ import annotations

from typing import Any

from equipoise.cli._common import console
from equipoise.demo.runs import DemoResult

__all__ = ["show_table"]


def show_table(result: DemoResult) -> None:
    """Print the runs, their prices with grade and range, and the page's place, to standard error."""
    from rich.table import Table

    table = Table(title=f"Equipoise, {result.seconds:.0f} s in all")
    for title, justify in (
        ("task", "left"), ("target", "left"), ("method", "left"), ("result", "right"),
        ("energy", "right"), ("time on the machine", "right"), ("grade", "left"), ("time here", "right"),
    ):  # fmt: skip
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    for run in result.runs:
        table.add_row(
            run.task,
            run.target["resolved"],
            run.method,
            run.result,
            quantity(run.energy_j, "J"),
            quantity(run.latency_s, "s"),
            str(run.energy_j["grade"] or ""),
            f"{run.seconds:.1f} s",
        )
    out = console()
    out.print(table)
    for run in result.runs:
        if run.target["requested"] == "auto":
            out.print(f"target auto is {run.target['resolved']} here: {run.target['reason']}", highlight=False)
            break
    out.print(f"records: {result.page.parent}", highlight=False)
    out.print(f"page:    {result.page}", highlight=False)


_PREFIXES = ((1e-12, "p"), (1e-9, "n"), (1e-6, "µ"), (1e-3, "m"), (1.0, ""), (1e3, "k"))


def quantity(estimate: dict[str, Any], unit: str) -> str:
    """``1.2 mJ (0.8 to 2.1)``, or the events that had no price."""
    if estimate["value"] is None:
        return "no price for " + ", ".join(estimate["missing"])
    value, low, high = (float(estimate[key]) for key in ("value", "low", "high"))
    scale, prefix = max(((s, p) for s, p in _PREFIXES if s <= max(abs(value), 1e-12)), key=lambda sp: sp[0])
    return f"{value / scale:.3g} {prefix}{unit} ({low / scale:.3g} to {high / scale:.3g})"
