"""``equipoise export``: what runs here, in the form other programs read."""

from __future__ import annotations

from pathlib import Path

import click

from equipoise.cli._common import console, emit_json

__all__ = ["command"]


@click.group(name="export")
def command() -> None:
    """Write a program in the form of another tool."""


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
        console().print(text)
    return 0
