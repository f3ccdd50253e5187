"""The top of the command line: the list of commands, and what happens when one fails."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import click

from equipoise._version import __version__
from hw_profiles.errors import InputError
from hw_profiles.extras import needed
from hw_profiles.interrupts import interruptible
from hw_profiles.texts import one_line

__all__ = ["app", "run"]

LONGEST = 280  #: characters of a message
#: command -> (module under equipoise.cli that has it as `command`, one line for --help)
COMMANDS = {
    "demo": ("demo", "See it work: a QUBO solved, two networks trained, one page with what it cost."),
    "qubo": ("qubo", "Generate and solve QUBO problems."),
    "train": ("train", "Train a network by equilibrium propagation."),
    "run": ("run", "Run a network made with another tool, such as lava-dl, on Loihi 2."),
    "compare": ("compare", "Run one workload on every machine named: energy and time, as ranges."),
    "targets": ("targets", "List every target, available or not, and what is missing."),
    "extensions": ("extensions", "List everything that can be named, plug-ins included."),
    "profiles": ("profiles", "List, show and check hardware profiles."),
    "devices": ("devices", "List, show, check, plot and fit analog devices."),
    "validate": ("validate", "Hold the profiles against published measurements, misses included."),
    "price": ("price", "Price a record's counts on another hardware profile."),
    "report": ("report", "Make one self-contained HTML page out of records."),
    "records": ("records", "List, show and export records."),
    "watch": ("watch", "Follow records and studies while runs go on, in a browser or in the terminal."),
    "sweep": ("sweep", "Run a study: a grid of runs, resumable, on many processes."),
    "workload": ("workload", "Run uses with a known truth: quality, time and energy beside classical methods."),
    "fleet": ("fleet", "Run a trained network on many chips: yield, spread, worst chip."),
    "export": ("export", "Write a program in the form of another tool, such as a SPICE netlist."),
    "chip": ("chip", "Check a Loihi 2 board: what works, what does not, one file to send in."),
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
    """Run one command and return its exit code.

    0: done. 1: done, and something differs or failed, or the machine failed (a full disk, no memory). 2: bad input.
    130: interrupted. 70: an error of ours. All but 0 come with one line on standard error.
    """
    _streams()
    try:
        if any("\0" in argument for argument in arguments):
            raise InputError("an argument holds a NUL byte; no name and no text may")
        with _notes(), interruptible():
            result = app.main(args=list(arguments), standalone_mode=False, prog_name="equipoise")
            sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except _NoArguments as error:
        click.echo(error.format_message(), err=True)
        return 2
    except (InputError, click.UsageError) as error:
        text = error.format_message() if isinstance(error, click.UsageError) else str(error)
        if isinstance(error, click.MissingParameter) and error.ctx is not None:
            text = f"{text.rstrip('.')}; see {error.ctx.command_path} --help"
        return _fail(text)
    except click.ClickException as error:
        return _fail(error.format_message())
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted; what was done is kept")
        return 130
    except BrokenPipeError:  # whoever reads our output has enough
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail_of_the_system(error)
    except MemoryError:
        return _fail("this machine's memory does not suffice; give a smaller problem, or fewer samples or reads", 1)
    except Exception as error:
        missing = needed(error) if isinstance(error, ModuleNotFoundError) else ""
        if missing:
            return _fail(missing)
        if os.environ.get("EQUIPOISE_TRACEBACK"):
            raise
        text = f"an error in equipoise itself: {type(error).__name__}: {error}"
        return _fail(f"{text}; EQUIPOISE_TRACEBACK=1 shows where, please report it", 70)


def _streams() -> None:
    """Started without standard output or error: write them nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - for as long as the process


@contextmanager
def _notes() -> Iterator[None]:
    """Our warnings to the user are one line each on standard error, and said once."""
    said: set[str] = set()

    def note(message: Warning | str, category: type[Warning], *where: Any) -> None:
        if not issubclass(category, UserWarning):
            usual(message, category, *where)
        elif str(message) not in said:
            said.add(str(message))
            click.echo(f"equipoise: note: {one_line(str(message), LONGEST)}", err=True)

    with warnings.catch_warnings():
        usual = warnings.showwarning
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = note  # type: ignore[assignment]
        yield


#: what no input can help: the disk is full, over its quota, fails, is read-only; too many open files; no memory
_MACHINE = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
}  # fmt: skip


def _fail_of_the_system(error: OSError) -> int:
    name = f" {error.filename!r}" if error.filename else ""
    text = (error.strerror or str(error)).lower()
    if error.errno in _MACHINE:
        return _fail(f"cannot write{name}: {text}; what was done before is kept", 1)
    return _fail(f"cannot open{name}: {text}")


def _fail(text: str, code: int = 2) -> int:
    _say(text)
    return code


def _say(text: str) -> None:
    with suppress(OSError, ValueError):  # standard error may be closed or on a full disk, too
        print(f"equipoise: {one_line(text, LONGEST)}", file=sys.stderr)
