"""``equipoise fleet``: one trained network on many imperfect chips."""

from __future__ import annotations

# Imports inside functions are late: the command line starts without torch.
from pathlib import Path

import click

from equipoise.cli._common import console, emit_json, progress

__all__ = ["command"]


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--chips", default=20, show_default=True, help="How many.")
@click.option("--first", default=0, show_default=True, help="Number of the first chip.")
@click.option(
    "--chip", metavar="NAME|FILE", help="Kind of chip: a device or a .toml file. [default: the target analog's]"
)
@click.option("--needed", type=float, help="Accuracy of a good chip, 0 to 1. [default: 2 points below the ideal]")
@click.option("--samples", type=int, help="Use the first so many test samples.")
@click.option("--plot", type=click.Path(path_type=Path), help="Picture to write, such as fleet.png.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(
    checkpoint: Path, chips: int, first: int, chip: str | None, needed: float | None, samples: int | None, plot:
    Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Run the network of CHECKPOINT (from ``equipoise train``) on many chips of one kind."""
    import io

    from equipoise.fleet import fleet_of_checkpoint
    from equipoise.targets import IMPERFECT_CHIP
    from hw_profiles.output import check_outputs, write_output
    from substrates.analog import load_preset

    check_outputs({"--plot": plot}, inputs={"CHECKPOINT": checkpoint})
    kind = dict(IMPERFECT_CHIP) if chip is None else load_preset(chip).as_dict()
    with progress(enabled=not as_json) as display:
        task = display.add_task("chips", total=chips)
        fleet = fleet_of_checkpoint(
            checkpoint, kind, chips=chips, needed=needed, samples=samples, first=first,
            progress=lambda done, _: display.update(task, completed=done),
        )  # fmt: skip
    if plot is not None:
        picture = io.BytesIO()
        fleet.plot().savefig(picture, format=plot.suffix.lstrip(".") or "png", dpi=150)
        write_output(plot, picture.getvalue())
    if as_json:
        emit_json(fleet.as_dict())
    else:
        console().print(fleet.table(), markup=False)
    return 0
