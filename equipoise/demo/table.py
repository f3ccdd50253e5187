"""What the demonstration prints: one table that fits 80 columns, and where the page is."""

from __future__ import annotations

from equipoise.cli._common import console
from equipoise.demo.runs import DemoResult

__all__ = ["show_table"]


def show_table(result: DemoResult) -> None:
    """Print the runs, their prices with grade and range, and the page's place, to standard error."""
    from rich.table import Table

    table = Table(title=f"Equipoise, {result.wall_s:.0f} s in all", show_lines=True)
    table.add_column("task")
    table.add_column("target")
    table.add_column("result", justify="right", no_wrap=True)
    table.add_column("energy, time on the machine", no_wrap=True)
    for row in result.rows:
        energy, latency = row.run.energy.text("J"), row.run.latency.text("s")
        table.add_row(f"{row.task}\n{row.method}", row.run.target.resolved, row.result, f"{energy}\n{latency}")
    out = console()
    out.print(table)
    chosen = next((row.run.target for row in result.rows if row.run.target.requested == "auto"), None)
    if chosen is not None:
        out.print(f"The target auto is {chosen.resolved} here: {chosen.reason}.", highlight=False)
    out.print(f"records  {result.page.parent}\npage     {result.page}", highlight=False, soft_wrap=True)
