"""``equipoise targets``: every target, available or not, and the missing piece."""

from __future__ import annotations

import click

from equipoise.cli._common import console, emit_json
from equipoise.targets import TARGETS

__all__ = ["command"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(as_json: bool) -> None:
    """List every target, available or not, and what is missing."""
    found = [target.status() for target in TARGETS.usable().values()]
    if as_json:
        emit_json({"targets": found})
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("target", "available", "what it is", "missing", show_lines=True)
    for status in found:
        mark = "[green]yes[/]" if status["available"] else "[red]no[/]"
        missing = "\n".join(f"- {piece}" for piece in status["missing"])
        what = f"{status['description']} ({', '.join(status['workloads'])})"
        table.add_row(status["name"], mark, what, escape(missing))
    console().print(table)
