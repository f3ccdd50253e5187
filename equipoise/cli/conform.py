"""``equipoise conform``: our engine against Lava, or against the chip, integer by integer."""

from __future__ import annotations

from typing import Any

import click

from equipoise.cli._common import console, emit_json, progress

__all__ = ["command"]


@click.command()
@click.option("--against", default="lava-sim", show_default=True, help="The other side: lava-sim or loihi2.")
@click.option("--cases", default=200, show_default=True, help="Random programs to run, all models in turn.")
@click.option("--seed", default=0, show_default=True, help="Of the random programs.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME|FILE.py:NAME",
    help="Compare this model or neuron only (may be repeated).",
)
@click.option("--timeout", default=120.0, show_default=True, help="Seconds after which one program counts as hung.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(against: str, cases: int, seed: int, models: tuple[str, ...], timeout: float, as_json: bool) -> int:
    """Run the same random programs on our engine and on Lava, and compare every integer of every step.

    The exit code is 0 when nothing differs, 1 otherwise. On a machine with a Loihi 2, --against loihi2 proves or
    disproves the same promise there.
    """
    from equipoise.conformance import conform

    with progress(enabled=not as_json) as display:
        task = display.add_task(f"comparing with {against}", total=cases)
        report = conform(
            against, cases=cases, seed=seed, models=models or None, timeout_s=timeout,
            progress=lambda: display.advance(task),
        )  # fmt: skip
    data = report.as_dict()
    if as_json:
        emit_json(data)
    else:
        _show(data)
    return 1 if report.mismatches else 0


def _show(data: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("model", "cases", "steps", "mismatches", "the other side follows", title=f"against {data['against']}")
    for name, row in data["by_model"].items():
        mark = "green" if row["mismatches"] == 0 else "red"
        counts = str(row["cases"]), f"{row['steps']:,}", f"[{mark}]{row['mismatches']:,}[/]"
        table.add_row(name, *counts, row["rule"])
    table.caption = (
        f"{data['cases']} cases, {data['steps']:,} steps, {data['compared']:,} integers compared, "
        f"{data['mismatches']:,} differ; {data['seconds']:.1f} s"
    )
    screen = console()
    screen.print(table)
    for failure in data["failures"]:
        screen.print(f"[red]case {failure['case']} ({failure['model']})[/]: {'; '.join(failure['first'])}")
    for skip in data["skipped"]:
        screen.print(f"[yellow]skipped {skip['model']}[/]: {skip['reason']}")
