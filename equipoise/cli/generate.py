"""``equipoise qubo generate``: a command per generator of the registry, with the options its function asks for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from equipoise.cli._common import FORCE_HELP, claim, emit_json
from equipoise.cli._named import NamedOption
from equipoise.cli._signature import options_of
from equipoise.qubo.generators.registry import GENERATORS
from equipoise.qubo.generators.registry import generate as make
from hw_profiles.errors import InputError
from hw_profiles.registry import is_reference

__all__ = ["generate"]


class _Families(click.Group):
    """A command for every generator there is, made when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(GENERATORS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in GENERATORS and not is_reference(cmd_name):
            return None
        return _command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Problems, or FILE.py:NAME"):
            formatter.write_dl(list(GENERATORS.texts().items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-"):
            GENERATORS.check(args[0])
        return super().resolve_command(ctx, args)


@click.group(cls=_Families)
def generate() -> None:
    """Write a well-known problem as a QUBO file."""


def _command(name: str) -> click.Command:
    function = GENERATORS.find(name)
    shared = [
        click.Option(["--seed"], type=int, default=0, show_default=True),
        click.Option(["--out"], required=True, type=click.Path(path_type=Path), help="File to write (.gz compresses)."),
        NamedOption(["--format", "to"], kind="format", help="Default: from the suffix."),
        click.Option(["--force"], is_flag=True, help=FORCE_HELP),
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object on standard output."),
    ]
    help_ = GENERATORS.texts().get(name) or (function.__doc__ or "").strip().split("\n\n")[0]
    options: list[click.Parameter] = [*options_of(function, without=("seed",)), *shared]
    return click.Command(name, params=options, callback=partial(_write, name), help=help_)


def _write(name: str, out: Path, to: str | None, force: bool, as_json: bool, seed: int, **arguments: Any) -> None:
    from equipoise.qubo.formats import write

    claim({"--out": out}, force=force)
    if seed < 0:
        raise InputError(f"the seed must be zero or more, got {seed}")
    problem = make(name, seed=seed, **arguments).problem
    write(problem, out, to, overwrite=force)
    told = {
        "file": str(out),
        "name": problem.name,
        "num_variables": problem.num_variables,
        "num_pairs": problem.num_pairs,
        "cost_means": problem.convention,
        "seed": seed,
    }
    if as_json:
        emit_json(told)
    else:
        click.echo(f"{out}: {problem.num_variables} variables, {problem.num_pairs} pairs", err=True)
