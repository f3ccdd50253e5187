"""``equipoise profiles``: list, show and check the prices of machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

__all__ = ["command"]


@click.group()
def command() -> None:
    """List, show and check hardware profiles.

    A profile is a TOML file: what one counted event costs on one machine, with unit, range, grade and citation.
    Wherever a command takes --profile NAME, it also takes the path of your own file (docs/energy.md).
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def list_(as_json: bool) -> None:
    """Every profile that ships, with its kind and weakest grade."""
    from equipoise.cli._common import console, emit_json
    from hw_profiles.grades import weakest
    from hw_profiles.profile import list_profiles, load_profile

    rows = []
    for name in list_profiles():
        profile = load_profile(name)
        grade = weakest(figure.grade for _, figure in profile.figures())
        rows.append({"name": name, "title": profile.title, "kind": profile.kind, "prices": len(profile.price),
                     "weakest_grade": grade.value if grade else None})  # fmt: skip
    if as_json:
        emit_json({"profiles": rows})
        return
    from rich.table import Table

    table = Table("profile", "machine", "kind", "prices", "weakest grade", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(str(row[key]) for key in ("name", "title", "kind", "prices", "weakest_grade")))
    console().print(table)


@command.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def show(name: str, as_json: bool) -> None:
    """Every price of NAME (or of a file), with range, grade and source."""
    from equipoise.cli._common import console, emit_json
    from hw_profiles.citations import cite, references
    from hw_profiles.profile import load_profile

    profile = load_profile(name)
    if as_json:
        emit_json(profile.model_dump(mode="json"))
        return
    from rich.markup import escape
    from rich.table import Table

    out = console()
    out.print(f"[bold]{escape(profile.title)}[/]  ({profile.name}, {profile.kind})\n{escape(profile.description)}\n")
    table = Table("what", "value", "range", "unit", "grade", "source", box=None, pad_edge=False)
    for place, figure in profile.figures():
        span = "" if figure.low == figure.high else f"{figure.low:g} to {figure.high:g}"
        table.add_row(place.removeprefix("price ").replace("_", " "), f"{figure.value:g}", span, figure.unit,
                      figure.grade.value, ", ".join(figure.cite) or "our bound")  # fmt: skip
    out.print(table)
    _lists(out, profile)
    keys = dict.fromkeys(key for _, figure in profile.figures() for key in figure.cite)
    for key in keys:
        out.print(f"[dim]\\[{key}][/] {escape(cite(key)) if key in references() else 'not in our references'}")


def _lists(out: Any, profile: Any) -> None:
    from rich.markup import escape

    for entry in profile.covered:
        out.print(f"[dim]covered:[/] {', '.join(e.value for e in entry.events)}: {escape(entry.by)}")
    for entry in profile.unpublished:
        out.print(f"[yellow]unpublished:[/] {', '.join(e.value for e in entry.events)}: {escape(entry.reason)}")
    for text in profile.not_counted:
        out.print(f"[dim]not counted:[/] {escape(text)}")
    for rule in profile.validity:
        out.print(f"[dim]holds for:[/] {rule.metric} from {rule.low:g} to {rule.high:g}")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def check(file: Path) -> None:
    """Say everything that is wrong with a profile FILE at once; exit code 2 if anything is."""
    from equipoise.cli._common import console
    from hw_profiles.errors import InputError
    from hw_profiles.profile import check_profile

    if not file.is_file():
        raise InputError(f"no profile file {file}")
    problems = check_profile(file)
    out = console()
    for problem in problems:
        out.print(f"  {problem}", markup=False, highlight=False, soft_wrap=True)
    if problems:
        raise InputError(f"{file.name}: {len(problems)} thing{'s' * (len(problems) != 1)} wrong, listed above")
    out.print(f"{file.name} is a sound profile", markup=False)
