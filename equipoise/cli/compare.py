"""``equipoise compare``: one workload on every machine named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from equipoise.cli._common import claim, console, emit_json, force_option

__all__ = ["command"]

_DEFAULTS = ("cpu", "loihi2", "crossbar", "gpu-h100")


def _shared(function: Any) -> Any:
    """Options of every kind of comparison."""
    options = (
        click.option("--on", "machines", multiple=True, metavar="MACHINE",
                     help=f"cpu (this processor, measured), a profile, a device, a file of either; the first is the "
                          f"reference. Default: {', '.join(_DEFAULTS)}."),
        click.option("--quality", type=float, help="Cost or accuracy (0 to 1) to reach. Default: found by the run."),
        click.option("--boundary", type=click.Choice(["silicon", "board", "system"]),
                     help="What power includes, on machines that have it."),
        click.option("--seed", type=int, default=0, show_default=True),
        click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write a page (.html)."),
        force_option,
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


@click.group()
def command() -> None:
    """Run one workload on every machine named, each with the program made for it.

    Loihi-like chips run on the bit-accurate engine and analog chips on their machine model, and their counts are
    priced; this processor runs its own best program and is timed; named cards and processors get a roofline of
    their program. The time of simulating a chip is never anybody's cost.
    """


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--equal", type=click.Choice(["quality", "time"]), default="quality", show_default=True)
@click.option(
    "--seconds", type=float, default=1.0, show_default=True, help="Of the processor's search, or of each machine."
)
@click.option("--reads", type=int, default=5, show_default=True, help="Attempts on every machine.")
@click.option("--steps", type=int, help="Most steps of a chip's attempt. Default: ten times the usual.")
@_shared
def qubo(file: Path, machines: tuple[str, ...], out: Path | None, force: bool, as_json: bool, **settings: Any) -> None:
    """Energy and time to solve the QUBO in FILE once, or what is reached in equal time."""
    from equipoise.qubo.formats import read

    _run(read(file), machines, out, force, as_json, settings)


def _network(kind: str) -> Any:
    @click.option("--dataset", default="digits", show_default=True)
    @click.option("--epochs", type=int, help="Of training. Default: the data set's usual.")
    @_shared
    def run(
        dataset: str, epochs: int | None, machines: tuple[str, ...], out: Path | None, force: bool, as_json: bool,
        **settings: Any,
    ) -> None:  # fmt: skip
        from equipoise.training.config import TrainConfig

        config = TrainConfig(dataset=dataset, target="ideal", seed=settings["seed"], epochs=epochs or 0)
        _run(config, machines, out, force, as_json, {**settings, "kind": kind})

    return run


inference = command.command("inference", help="Classify the test samples of a data set with one trained network.")(
    click.option("--samples", type=int, default=360, show_default=True, help="Test samples.")(_network("inference"))
)
training = command.command("training", help="Train the same network on every machine, to the same accuracy.")(
    _network("training")
)


def _run(
    work: Any, machines: tuple[str, ...], out: Path | None, force: bool, as_json: bool, settings: dict[str, Any]
) -> None:
    from equipoise.comparison import compare

    claim({"--out": out}, force=force)
    say = None if as_json else (lambda text: click.echo(f"equipoise: {text}", err=True))
    found = compare(work, machines or _DEFAULTS, progress=say, **settings)
    if out is not None:
        from equipoise.report.comparison_page import write_comparison_page

        write_comparison_page(found, out, force=force)
    if as_json:
        emit_json({**found.as_dict(), "page": out})
        return
    _show(found)
    if out is not None:
        console().print(f"wrote {out}", markup=False, highlight=False)


def _show(found: Any) -> None:
    from rich.table import Table

    from equipoise.report.comparison_page import quality_text, ratio_text
    from equipoise.report.formats import quantity, range_text

    out = console()
    out.print(f"[bold]{found.headline()}[/]", soft_wrap=True)
    table = Table("machine", found.quality_name, f"energy per {found.unit}", "range", "time", "energy ratio",
                  box=None, pad_edge=False)  # fmt: skip
    ratios = {ratio.machine: ratio for ratio in found.ratios()}
    for row in found.rows:
        ratio = ratios.get(row.machine)
        reached = "" if row.reached else " (not reached)"
        energy = "; ".join(row.energy.missing) or quantity(row.energy.value, "J")
        table.add_row(row.machine, quality_text(found, row.quality) + reached, energy, range_text(row.energy, "J"),
                      quantity(row.time.value, "s"), ratio_text(ratio.energy) if ratio else "")  # fmt: skip
    out.print(table)
    for row in found.rows:
        out.print(f"[dim]{row.machine}: {row.how}. {row.note}[/]", soft_wrap=True)
    for sentence in found.warnings():
        out.print(sentence, soft_wrap=True)
