"""What the demonstration prints: one table that fits 80 columns, and where the page is."""

from __future__ import annotations

from typing import Any

from equipoise.cli._common import console
from equipoise.demo.runs import DemoResult

__all__ = ["quantity", "show_table"]


def show_table(result: DemoResult) -> None:
    """Print the runs, their prices with grade and range, and the page's place, to standard error."""
    from rich.table import Table

    table = Table(title=f"Equipoise, {result.seconds:.0f} s in all", show_lines=True)
    table.add_column("task")
    table.add_column("target")
    table.add_column("result", justify="right", no_wrap=True)
    table.add_column("energy, time on the machine", no_wrap=True)
    for run in result.runs:
        energy, latency = quantity(run.energy_j, "J"), quantity(run.latency_s, "s")
        table.add_row(f"{run.task}\n{run.method}", run.target["resolved"], run.result, f"{energy}\n{latency}")
    out = console()
    out.print(table)
    for run in result.runs:
        if run.target["requested"] == "auto":
            out.print(f"The target auto is {run.target['resolved']} here: {run.target['reason']}.", highlight=False)
            break
    out.print(f"records  {result.page.parent}\npage     {result.page}", highlight=False, soft_wrap=True)


_PREFIXES = ((1e-12, "p"), (1e-9, "n"), (1e-6, "µ"), (1e-3, "m"), (1.0, ""), (1e3, "k"))


def quantity(estimate: dict[str, Any], unit: str) -> str:
    """``1.2 mJ (0.8 to 2.1, assumed)``, or the events that had no price."""
    if estimate["value"] is None:
        return "no price for " + ", ".join(estimate["missing"])
    value, low, high = (float(estimate[key]) for key in ("value", "low", "high"))
    scale, prefix = max(((s, p) for s, p in _PREFIXES if s <= max(abs(value), 1e-12)), key=lambda sp: sp[0])
    return f"{value / scale:.3g} {prefix}{unit} ({_short(low / scale)} to {_short(high / scale)}, {estimate['grade']})"


def _short(number: float) -> str:
    """Three digits, without an exponent where a person would write none."""
    return f"{number:.0f}" if number >= 100 else f"{number:.2g}"
