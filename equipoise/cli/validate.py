"""``equipoise validate``: published figures beside ours, misses included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from equipoise.cli._common import force_option

__all__ = ["command"]


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--machine", help="Only this machine or profile.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write a page: .md or .html.")
@force_option
def command(files: tuple[Path, ...], machine: str | None, as_json: bool, out: Path | None, force: bool) -> None:
    """Hold the profiles against published measurements.

    Every publication is one TOML file: its workload as counts, its boundary, its figures. With FILES, those are read
    instead of the ones that ship: measure your own board, write one, and see where the profile stands
    (docs/validation.md).

    A figure that set a price cannot check it: setters are shown apart and enter none of the numbers at the top.
    """
    from equipoise.cli._common import claim, console, emit_json
    from hw_profiles.errors import InputError
    from hw_profiles.validation.checking import compare_all, summarise

    if out is not None and out.suffix not in (".md", ".html"):
        raise InputError(f"cannot write {out}: a validation page is a .md or a .html file")
    claim({"--out": out}, force=force)
    rows = compare_all(machine, files)
    summary = summarise(rows)
    if out is not None:
        from equipoise.report.validation_page import write_validation_page

        write_validation_page(rows, out, title=f"Validation: {machine}" if machine else "Validation", force=force)
    if as_json:
        emit_json({"summary": summary.as_dict(), "figures": [row.as_dict() for row in rows], "page": out})
        return
    _show(console(), rows, summary)
    if out is not None:
        console().print(f"wrote {out}", markup=False, highlight=False)


def _show(out: Any, rows: list[Any], summary: Any) -> None:
    from rich.table import Table

    from equipoise.report.formats import quantity, range_text
    from equipoise.report.validation_page import headline, unit_of

    table = Table("", "machine", "run", "figure", "published", "ours", "range", "ours/publ.", box=None, pad_edge=False)
    for row in sorted(rows, key=lambda r: (r.role, r.machine, r.run)):
        unit = unit_of(row)
        mark = "sets" if row.role == "sets" else "in" if row.inside else "[bold red]OUT[/]"
        factor = "" if row.factor is None else f"{row.factor:.2g}"
        most = "at most " if row.at_most else ""
        table.add_row(mark, row.machine, row.run, row.quantity + (f" per {row.each}" if row.each else ""),
                      most + quantity(row.published, unit), quantity(row.ours.value, unit),
                      "; ".join(row.ours.missing) or range_text(row.ours, unit), factor)  # fmt: skip
    out.print(table)
    for sentence in headline(summary):
        out.print(sentence, markup=False, highlight=False, soft_wrap=True)
