"""``equipoise export``: what runs here, in the form other programs read."""

from __future__ import annotations

from pathlib import Path

import click

from equipoise.cli._common import claim, console, emit_json, force_option
from hw_profiles.errors import InputError

__all__ = ["command"]

_FILE = click.Path(path_type=Path, dir_okay=False)


class _Usual(click.Group):
    """A group whose usual command is ``lava``: what follows is a file unless it is a command's name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["lava", *args]
        return super().parse_args(ctx, args)


@click.group(name="export", cls=_Usual)
def command() -> None:
    """Write a program in the form of another tool.

    ``equipoise export PROGRAM --out script.py`` is ``equipoise export lava PROGRAM --out script.py``.
    """


@command.command("lava")
@click.argument("program", type=_FILE)
@click.option("--out", type=_FILE, required=True, help="Script to write, such as network.py.")
@click.option(
    "--input", "input_", type=_FILE, metavar="FILE.npy",
    help="Networks: integers (steps, shape). Trained ones: their input values. [default: one half]",
)  # fmt: skip
@click.option("--bias", type=_FILE, metavar="FILE.npy", help="Networks: bias of LIF input neurons, an image.")
@click.option("--steps", type=int, help="Time steps of a network, steps of the annealer. [default: the usual ones]")
@click.option("--layers", type=int, help="Networks: the first so many layers of the file only.")
@click.option("--graded-input", is_flag=True, help="Networks: the values of the input count; else each is a spike.")
@click.option("--record-all", "everything", is_flag=True, help="Networks: record every layer, not only the last.")
@click.option("--scheme", default="two-phase", show_default=True, help="QUBO: two-phase, refractory, nebm or eviction.")
@click.option("--seed", default=0, show_default=True, help="QUBO: of the random numbers.")
@click.option("--temperature", metavar="HIGH,LOW", help="QUBO: in units of the cost. [default: the problem's own]")
@click.option("--label", type=int, help="Trained networks: run the nudged phases towards this class, too.")
@force_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def lava(
    program: Path, out: Path, input_: Path | None, bias: Path | None, temperature: str | None, force: bool,
    as_json: bool, **options: object,
) -> int:  # fmt: skip
    """Write PROGRAM as a Python script in plain Lava that runs without Equipoise, to the same integers.

    PROGRAM is a network of lava-dl (HDF5), a QUBO in any format that ``equipoise qubo solve`` reads, or a checkpoint of
    ``equipoise train`` on loihi2-sim. The script needs lava-nc 0.10; neurons that Lava does not have are written in.
    """
    from equipoise.cli.run import read_array
    from equipoise.lava_export import export_lava

    claim({"--out": out}, force=force, inputs={"PROGRAM": program, "--input": input_, "--bias": bias})
    report = export_lava(
        program, out, force=force, inputs=read_array(input_), bias=read_array(bias),
        temperature=_temperatures(temperature), **options,
    )  # fmt: skip
    if as_json:
        emit_json(report)
        return 0
    size = sum(report["populations"].values())
    text = f"{out}: {report['kind']}, {size:,} neurons, {report['steps']:,} steps, {report['bytes']:,} bytes"
    if report["not_on_chip"]:
        text += f"; for Lava's CPU models only: {report['not_on_chip'][0]}"
    console().print(text, markup=False, highlight=False)
    return 0


def _temperatures(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        high, low = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"temperatures {text!r}: expected HIGH,LOW, two numbers joined by a comma") from None
    if not 0 <= low <= high < float("inf"):
        raise InputError(f"temperatures {text}: expected HIGH,LOW with 0 <= LOW <= HIGH")
    return high, low


@command.command("spice")
@click.argument("program", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Netlist to write, such as net.cir.")
@click.option("--form", default="behavioural", show_default=True, help="Relaxation networks: behavioural or op-amps.")
@click.option("--input", "values", default="", metavar="V,V,...", help="Input values. [default: all one half]")
@click.option("--transient", is_flag=True, help="Resistive networks: with the capacitances of the nodes.")
@click.option("--run", "execute", is_flag=True, help="Run ngspice and compare its operating point with ours.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def spice(
    program: Path, out: Path, form: str, values: str, transient: bool, execute: bool, as_json: bool
) -> int:  # fmt: skip
    """Write PROGRAM as a SPICE netlist, with the mismatches of its chip instance.

    PROGRAM is a checkpoint of ``equipoise train`` (target ideal or analog), or a TOML file that describes a network:
    ``kind`` (resistive or relaxation), ``layers``, ``seed``, ``instance``, and a table ``[chip]`` with chip parameters;
    resistive ones take ``gains``, ``input_gain``, ``saturation_a``, ``unit_s``, relaxation networks
    ``activation``, ``angle``.
    """
    from equipoise.spice_program import export_spice
    from hw_profiles.output import check_outputs

    check_outputs({"--out": out}, inputs={"PROGRAM": program})
    report = export_spice(program, out, form=form, values=values, transient=transient, execute=execute)
    if as_json:
        emit_json(report)
    else:
        text = f"{out}: {report['kind']} network {report['layers']}, {report['elements']} elements"
        if execute:
            text += f"; ngspice agrees within {report['largest_difference']:.3g} V"
        console().print(text, markup=False, highlight=False, soft_wrap=True)
    return 0
