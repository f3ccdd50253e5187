"""``equipoise extensions``: what can be named, kind by kind, where it comes from, and what is broken."""

from __future__ import annotations

from typing import Any

import click

from equipoise.registry import KINDS, registry

__all__ = ["command"]


@click.command()
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(kind: str | None, as_json: bool) -> None:
    """List everything that can be named, or one KIND of it: ours and what installed packages offer.

    A plug-in that cannot be used is listed with the reason, and harms no other.
    """
    from equipoise.cli._common import console, emit_json

    kinds = [kind] if kind else list(KINDS)
    rows = [row for one in kinds for row in _rows(one)]
    if as_json:
        emit_json({"extensions": rows})
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("kind", "name", "from", "what it is", box=None, pad_edge=False)
    for row in rows:
        what = f"[red]{escape(row['broken'])}[/]" if row["broken"] else escape(row["text"])
        table.add_row(row["kind"], row["name"], row["origin"], what)
    console().print(table)


def _rows(kind: str) -> list[dict[str, Any]]:
    table = registry(kind)
    texts, broken = table.texts(), table.broken()
    return [
        {
            "kind": kind,
            "name": name,
            "origin": entry.origin,
            "group": table.group,
            "text": texts[name],
            "broken": broken.get(name, ""),
        }
        for name, entry in table.entries().items()
    ]
