"""The top of the command line: the list of commands, and what happens when one fails."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from equipoise._version import __version__
from hw_profiles.errors import InputError

__all__ = ["app", "run"]

#: command -> (module under equipoise.cli that has it as `command`, one line for --help)
COMMANDS = {
    "demo": ("demo", "See it work: a QUBO solved, two networks trained, one page with what it cost."),
    "qubo": ("qubo", "Generate and solve QUBO problems."),
    "train": ("train", "Train a network by equilibrium propagation."),
    "targets": ("targets", "List every target, available or not, and what is missing."),
    "profiles": ("profiles", "List, show and check hardware profiles."),
    "validate": ("validate", "Hold the profiles against published measurements, misses included."),
    "price": ("price", "Price a record's counts on another hardware profile."),
    "report": ("report", "Make one self-contained HTML page out of records."),
    "records": ("records", "List, show and export records."),
    "sweep": ("sweep", "Run a study: a grid of runs, resumable, on many processes."),
    "export": ("export", "Write a program in the form of another tool, such as a SPICE netlist."),
    "conform": ("conform", "Run the same programs on two targets and compare every integer."),
    "bench": ("bench", "Measure speed and quality against peers on this machine."),
}


#: a group without a command: its whole help is the message. Click before 8.2 prints it by itself.
_NoArguments: type[click.UsageError] = getattr(click.exceptions, "NoArgsIsHelpError", click.BadArgumentUsage)


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"equipoise.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every command has --help. Data goes to standard output, everything else to standard error.",
)
@click.version_option(__version__, prog_name="equipoise", message="%(prog)s %(version)s")
def app() -> None:
    """Algorithms that relax, on neuromorphic and analog hardware.

    Equilibrium propagation, Jacobian homeostasis and the Loihi 2 QUBO annealer, on bit-accurate Loihi 2 and on
    imperfect analog machines, with what each run costs in energy and time.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 0, 2 for bad input (one line on stderr), 130 when interrupted."""
    try:
        with _notes():
            result = app.main(args=list(arguments), standalone_mode=False, prog_name="equipoise")
        return result if isinstance(result, int) else 0
    except _NoArguments as error:
        click.echo(error.format_message(), err=True)
        return 2
    except (InputError, click.UsageError) as error:
        text = error.format_message() if isinstance(error, click.UsageError) else str(error)
        return _fail(text)
    except click.ClickException as error:
        return _fail(error.format_message())
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        name = f" {error.filename!r}" if error.filename else ""
        return _fail(f"cannot open{name}: {(error.strerror or str(error)).lower()}")
    except (KeyboardInterrupt, click.Abort):
        print("equipoise: interrupted; what was done is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0


@contextmanager
def _notes() -> Iterator[None]:
    """Our warnings to the user are one line each on standard error, and said once."""
    said: set[str] = set()

    def note(message: Warning | str, category: type[Warning], *where: Any) -> None:
        if not issubclass(category, UserWarning):
            usual(message, category, *where)
        elif str(message) not in said:
            said.add(str(message))
            click.echo(f"equipoise: note: {message}", err=True)

    with warnings.catch_warnings():
        usual = warnings.showwarning
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = note  # type: ignore[assignment]
        yield


def _fail(text: str) -> int:
    from hw_profiles.texts import one_line

    print(f"equipoise: {one_line(text, 1000)}", file=sys.stderr)
    return 2
