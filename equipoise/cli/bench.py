"""``equipoise bench``: measure speed and quality against peers on this machine, in one run."""

from __future__ import annotations

import importlib

import click

__all__ = ["command"]

#: name -> module under equipoise.bench that has it as `command`
BENCHES = {
    "engine": "The Loihi 2 engine against Lava's own fixed-point CPU models.",
    "qubo": "The annealer against dwave-samplers and OpenJij, on equal terms.",
    "ep": "Relaxation and equilibrium propagation against plain torch and the core's matrix-product peak.",
}


class _Benches(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(BENCHES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in BENCHES:
            return None
        command: click.Command = importlib.import_module(f"equipoise.bench.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(BENCHES.items()))


@click.group(cls=_Benches)
def command() -> None:
    """Measure speed and quality against peers on this machine, in one run.

    Every figure in the documentation comes from one of these commands or from a script in bench/.
    """
