"""What the commands share: JSON on standard output, progress on a terminal only, output paths checked early."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equipoise.cli._named import NamedOption
from equipoise.targets import Work, able
from hw_profiles.output import check_outputs
from hw_profiles.texts import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = [
    "FORCE_HELP",
    "TargetOption",
    "claim",
    "console",
    "emit_json",
    "force_option",
    "note",
    "progress",
    "target_option",
]


def emit_json(data: Any) -> None:
    """Print exactly one JSON object on standard output. NaN and infinity become null, NumPy becomes Python."""
    json.dump(_plain(data), sys.stdout, allow_nan=False)
    sys.stdout.write("\n")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value


def console(*, quiet: bool = False) -> Console:
    """A console on standard error: tables and notes never mix with data."""
    from rich.console import Console

    return Console(stderr=True, quiet=quiet)


@contextmanager
def progress(*, enabled: bool = True) -> Iterator[Progress]:
    """A progress display on standard error, shown only on a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    on = enabled and sys.stderr.isatty()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(),
        disable=not on,
        transient=True,
    ) as display:
        yield display


FORCE_HELP = "Replace outputs that are there; says which."
force_option = click.option("--force", is_flag=True, help=FORCE_HELP)


def note(text: str) -> None:
    """One line for the user on standard error."""
    click.echo(f"equipoise: note: {one_line(text, 280)}", err=True)


def claim(
    outputs: Mapping[str, Path | str | None],
    *,
    force: bool = False,
    inputs: Mapping[str, Path | str | None] | None = None,
    goes_on: tuple[str, ...] = (),
) -> None:
    """Make sure, before any work, that every output can be written, and say aloud what --force will replace.

    Arguments and errors: see `hw_profiles.output.check_outputs`.
    """
    for path in check_outputs(outputs, force=force, inputs=inputs, goes_on=goes_on):
        note(f"{path} is there and will be replaced (--force)")


class TargetOption(NamedOption):
    """A target's name; the help lists those that can do the command's work."""

    def __init__(self, *args: Any, work: Work, **kwargs: Any) -> None:
        super().__init__(*args, kind="target", also=("auto",), **kwargs)
        self._work = work

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = click.Option.get_help_record(self, ctx)
        names = ", ".join(["auto", *(target.name for target in able(self._work))])
        return record and (record[0], f"{names}. {record[1]}")


def target_option(work: Work, default: str) -> Callable[[Any], Any]:
    """``--target``: auto, or a target that can do ``work``."""
    return click.option("--target", cls=TargetOption, work=work, default=default, show_default=True, help="")
