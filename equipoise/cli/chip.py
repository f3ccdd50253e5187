"""``equipoise chip``: what works on a board, and what does not."""

from __future__ import annotations

import json
from pathlib import Path

import click

from equipoise.cli._common import claim, console, emit_json, force_option

__all__ = ["command"]


@click.group(name="chip")
def command() -> None:
    """Check a Loihi 2 board."""


@command.command("check")
@click.option("--cases", default=1, show_default=True, help="Random programs per model.")
@click.option("--seed", default=0, show_default=True, help="Of the random programs.")
@click.option("--model", "models", multiple=True, metavar="NAME", help="Compare this model only (may be repeated).")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds after which one program counts as hung.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.json", help="Keep everything, to be sent in.")
@force_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def check(
    cases: int, seed: int, models: tuple[str, ...], timeout: float, out: Path | None, force: bool, as_json: bool
) -> int:  # fmt: skip
    """Say what works on this board: extension, host, one neuron, delays, probes, and every model by itself.

    The exit code is 0 when everything that can run does, 1 when something fails, 2 when there is no chip to check.
    """
    from equipoise.chip_check import check_chip_here
    from hw_profiles.output import write_output

    claim({"--out": out}, force=force)
    screen = console()
    found = check_chip_here(
        cases=cases, seed=seed, models=models or None, timeout_s=timeout,
        progress=lambda name: None if as_json else screen.print(f"{name} ...", markup=False, highlight=False),
    )  # fmt: skip
    if out is not None:
        write_output(out, (json.dumps(found, indent=1) + "\n").encode(), force=force)
    if as_json:
        emit_json(found)
    else:
        for step in found["steps"]:
            screen.print(f"{step['outcome']:8} {step['name']}: {step['text']}", markup=False, highlight=False)
    return 0 if found["works"] else 1
