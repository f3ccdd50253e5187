"""``equipoise price``: what a record's counts cost on another machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

__all__ = ["command"]


@click.command()
@click.argument("record", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--profile", required=True, help="Profile name (equipoise profiles lists them), or the path of a .toml file."
)
@click.option("--chips", type=int, help="Chips powered. Default: as many as the run needs.")
@click.option("--boundary", type=click.Choice(["silicon", "board", "system"]), help="What every power includes.")
@click.option(
    "--drive",
    type=click.Choice(["barrier", "lava", "probe", "host"]),
    help="What drives a step and carries the host's values.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(
    record: Path, profile: str, chips: int | None, boundary: str | None, drive: str | None, as_json: bool
) -> None:
    """Price the counts of RECORD on a hardware profile.

    Dynamic and static energy stay apart; the range is the widest honest one; the grade is the weakest of all parts.
    A boundary (the chip's rails, a board, a share of a system) is one for everything: they are never mixed. What makes
    the range is said price by price.
    While a counted event has no price, the total is refused and the event named.
    """
    from equipoise.cli._common import console, emit_json
    from hw_profiles.measured import timed_ledger
    from hw_profiles.pricing import price
    from hw_profiles.profile import load_profile
    from hw_profiles.record import Record
    from hw_profiles.sensitivity import sensitivity

    prices = load_profile(profile)
    ledger = timed_ledger(Record.open(record))
    cost = price(ledger, prices, chips, boundary=boundary, drive=drive)
    swings = sensitivity(ledger, prices, chips, boundary=boundary, drive=drive)
    if as_json:
        plain = cost.as_dict()
        makes = {name: [swing.as_dict() for swing in some] for name, some in swings.items()}
        emit_json(
            {
                "record": record,
                "energy_j": plain["energy"],
                "latency_s": plain["latency"],
                "sensitivity": makes,
                **plain,
            }
        )
        return
    _show(console(), cost, swings)


def _show(out: Any, cost: Any, swings: Any) -> None:
    from rich.markup import escape
    from rich.table import Table

    from equipoise.report.formats import number, quantity, range_text

    def row(estimate: Any, unit: str) -> tuple[str, str, str]:
        if estimate.missing:
            return "refused", f"no price for {', '.join(estimate.missing)}", ""
        return (
            quantity(estimate.value, unit),
            range_text(estimate, unit),
            estimate.grade.value if estimate.grade else "",
        )

    driven = f", steps driven by {cost.drive}" if cost.drive else ""
    chips = f"{cost.chips} chip{'s' * (cost.chips != 1)}"
    out.print(f"[bold]{escape(cost.title)}[/], {chips}, boundary: {cost.boundary.value}{driven}")
    table = Table("", "best", "range", "grade", box=None, pad_edge=False)
    for name, estimate, unit in (
        ("energy", cost.energy, "J"),
        ("  dynamic", cost.dynamic, "J"),
        ("  static", cost.static, "J"),
        ("time", cost.latency, "s"),
    ):
        table.add_row(name, *row(estimate, unit))
    out.print(table)
    parts = Table("counted", "count", "energy", "note", box=None, pad_edge=False)
    counts: dict[str, int] = {}
    for line in cost.lines:
        counts[line.event.value] = counts.get(line.event.value, 0) + line.count
    split = cost.by("event")
    notes = {line.event.value: line.within for line in cost.lines}
    for event, count in counts.items():
        energy = quantity(split[event].value, "J") if event in split else ""
        parts.add_row(event.replace("_", " "), number(count), energy, escape(notes[event]))
    out.print(parts)
    for name, some in swings.items():
        shares = ", ".join(f"{swing.price} {100 * swing.share:.0f} %" for swing in some[:4] if swing.share >= 0.005)
        if shares:
            out.print(
                f"the range of the {name.replace('latency', 'time')} is made by: {escape(shares)}", soft_wrap=True
            )
    for text in (*cost.assumptions, *(f"not counted: {what}" for what in cost.not_counted)):
        out.print(f"[dim]{escape(text)}[/]")
