"""``equipoise devices``: chips and their cells: list, show, check, plot, fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from equipoise.cli._common import force_option

__all__ = ["command"]

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")


@click.group()
def command() -> None:
    """List, show, check, plot and fit analog devices.

    A chip file holds device, array, neurons, converters and timing; from the same numbers follow the faults that
    the machine model applies and the prices of its counts. Wherever a command takes --chip NAME or --profile
    NAME, it also takes the path of your own file (docs/energy.md).
    """


@command.command("list")
@JSON
def list_(as_json: bool) -> None:
    """Every device, how its cells are written, and the weakest grade of its figures."""
    from equipoise.cli._common import console, emit_json
    from hw_profiles.chip_file import list_chips, load_chip
    from hw_profiles.grades import weakest

    rows = []
    for name in list_chips():
        chip = load_chip(name)
        grade = weakest(figure.grade for figure in chip.figures.values())
        written = "by pulses" if chip.switches.get("open_loop") else "and verified"
        row = {"name": name, "title": chip.title, "written": written, "priced": not chip.missing_for_prices()}
        rows.append({**row, "weakest_grade": grade.value if grade else None})
    if as_json:
        emit_json({"devices": rows})
        return
    from rich.table import Table

    table = Table("device", "what", "cells are written", "weakest grade", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(str(row[key]) for key in ("name", "title", "written", "weakest_grade")))
    console().print(table)


@command.command()
@click.argument("name")
@JSON
def show(name: str, as_json: bool) -> None:
    """Every number of NAME (or of a file), the faults it makes and the prices it makes."""
    from equipoise.cli._common import console, emit_json
    from equipoise.report.formats import quantity, range_text
    from hw_profiles.chip_file import QUANTITIES, load_chip
    from hw_profiles.chip_prices import chip_quantities

    chip = load_chip(name)
    missing = chip.missing_for_prices()
    prices = {} if missing else chip_quantities(chip)
    if as_json:
        emit_json({
            "name": chip.name, "title": chip.title, "switches": chip.switches, "faults": chip.faults(),
            "figures": {key: figure.model_dump(mode="json") for key, figure in chip.figures.items()},
            "prices": {key: estimate.as_dict() for key, estimate in prices.items()}, "missing_for_prices": missing,
        })  # fmt: skip
        return
    from rich.markup import escape
    from rich.table import Table

    out = console()
    out.print(f"[bold]{escape(chip.title)}[/]  ({chip.name})\n{escape(chip.description)}\n")
    table = Table("number", "value", "range", "grade", "makes", box=None, pad_edge=False)
    for key, figure in chip.figures.items():
        span = "" if figure.low == figure.high else f"{figure.low:g} to {figure.high:g}"
        makes = QUANTITIES[key].fault or "prices"
        table.add_row(key.replace("_", " "), f"{figure.value:g} {figure.unit}", span, figure.grade.value, makes)
    out.print(table)
    faults = ", ".join(f"{key} {value:.4g}" for key, value in chip.faults().items())
    out.print(f"\n[bold]faults:[/] {faults or 'none'}", soft_wrap=True)
    if missing:
        out.print(f"[yellow]no prices:[/] the file says no {', '.join(missing)}", soft_wrap=True)
    for key, estimate in prices.items():
        unit = "W" if key == "static power" else "s" if key.endswith("time") else "J"
        out.print(f"{key}: {quantity(estimate.value, unit)} ({range_text(estimate, unit)})")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--weights", type=float, help="Largest weight (network units) that it has to hold.")
def check(file: Path, weights: float | None) -> None:
    """Say everything that is wrong with a chip FILE at once; exit code 2 if anything is."""
    from equipoise.cli._common import console
    from hw_profiles.chip_file import check_chip, load_chip
    from hw_profiles.errors import InputError

    if not file.is_file():
        raise InputError(f"no device file {file}")
    problems = check_chip(file)
    out = console()
    for problem in problems:
        out.print(f"  {problem}", markup=False, highlight=False, soft_wrap=True)
    if problems:
        raise InputError(f"{file.name}: {len(problems)} thing{'s' * (len(problems) != 1)} wrong, listed above")
    if weights is not None:
        load_chip(file).check_weights(weights)
    missing = load_chip(file).missing_for_prices()
    note = f"; it gives faults only: no {', '.join(missing)}" if missing else ""
    out.print(f"{file.name} is a sound device{note}", markup=False, soft_wrap=True)


@command.command()
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A .png, .svg or .pdf file."
)
@force_option
def plot(name: str, out: Path, force: bool) -> None:
    """Draw how pulses move the cells of NAME (or of a file)."""
    from equipoise.cli._common import console
    from equipoise.report.figures.device import device_pulses
    from hw_profiles.chip_file import load_chip
    from hw_profiles.errors import InputError

    form = _picture(out, force)
    drawing = device_pulses(load_chip(name))
    if drawing is None:
        raise InputError(f"the device {name} is written and verified, or has no levels: there are no pulses to draw")
    _draw(drawing, out, form, force)
    console().print(f"wrote {out}", markup=False, highlight=False)


@command.command()
@click.argument("pulses", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The chip file to write (.toml)."
)
@click.option("--plot", "picture", type=click.Path(path_type=Path, dir_okay=False), help="Picture of fit and residual.")
@click.option("--name", help="Name of the device. Default: that of the file.")
@click.option("--extends", default="generic", show_default=True, help="Chip that gives what pulses do not say.")
@force_option
@JSON
def fit(
    pulses: Path, out: Path, picture: Path | None, name: str | None, extends: str, force: bool, as_json: bool
) -> None:
    """Make a device from measured potentiation and depression PULSES.

    PULSES is a CSV file with a header and one row per pulse, in the order they were given:

    \b
      direction    up or down (or 1, -1): what the pulse was to do
      conductance  in siemens, read after the pulse
      cycle        optional: number of the sweep

    At least 20 steps of each direction are needed. The device holds for the conductances that were measured and for
    these pulses; voltages, times and converters are those of --extends until you give yours in the file.
    """
    from equipoise.cli._common import claim, console, emit_json
    from hw_profiles.chip_file import check_chip, load_chip
    from hw_profiles.device_fit import fit_pulses, read_pulses
    from hw_profiles.errors import InputError
    from hw_profiles.output import Output

    if out.suffix != ".toml":
        raise InputError(f"cannot write {out}: a chip file ends in .toml")
    claim({"--out": out}, force=force, inputs={"PULSES": pulses})
    form = _picture(picture, force) if picture is not None else ""
    load_chip(extends)
    measured = read_pulses(pulses)
    found = fit_pulses(measured)
    Output(out, force=force).put(found.as_toml(name or out.stem, pulses.name, extends).encode())
    problems = check_chip(out)
    if problems:
        raise InputError(f"the fitted device is not usable: {'; '.join(problems)}")
    if picture is not None:
        from equipoise.report.figures.device import device_fit

        _draw(device_fit(measured, found, name or out.stem), picture, form, force)
    bent = max(found.up.curvature, found.down.curvature)
    if as_json:
        emit_json({"device": out, "picture": picture, "levels": found.levels, "write_asymmetry": found.write_asymmetry,
                   "write_noise": found.write_noise, "conductance": [found.low, found.high],
                   "up": found.up.__dict__, "down": found.down.__dict__})  # fmt: skip
        return
    say: Any = console()
    what = f"{found.levels} levels, asymmetry {found.write_asymmetry:.3g}, noise of a pulse {found.write_noise:.3g}"
    say.print(f"{out}: {what}, {found.low:.4g} to {found.high:.4g} S", markup=False, highlight=False, soft_wrap=True)
    say.print(found.simplification(), highlight=False, soft_wrap=True)
    if bent > 0.1:
        text = f"a parabola explains {100 * bent:.0f} % of what is left; look at the picture"
        say.print(f"[yellow]steps are not linear in the state:[/] {text}", soft_wrap=True)


def _picture(path: Path, force: bool) -> str:
    from equipoise.cli._common import claim
    from hw_profiles.errors import InputError

    form = path.suffix.removeprefix(".")
    if form not in ("png", "svg", "pdf"):
        raise InputError(f"cannot write {path}: a picture is a .png, .svg or .pdf file")
    claim({"picture": path}, force=force)
    return form


def _draw(drawing: Any, path: Path, form: str, force: bool) -> None:
    from equipoise.report.figures.style import rendered
    from hw_profiles.output import Output

    Output(path, force=force).put(rendered(drawing, form))
