"""What the commands share: JSON on standard output, progress on a terminal only, output paths checked early."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equipoise.cli._named import NamedOption
from equipoise.targets import Work, able
from hw_profiles.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["check_output", "console", "emit_json", "progress", "target_option"]


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


def console() -> Console:
    """A console on standard error: tables and notes never mix with data."""
    from rich.console import Console

    return Console(stderr=True)


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


def check_output(path: Path | str | None, *, overwrite: bool = False) -> Path | None:
    """Make sure ``path`` can be written, before any work: its folder exists, it is not there yet.

    Raises:
        InputError: the folder is missing or not writable, or the file exists.
    """
    if path is None:
        return None
    path = Path(path)
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"cannot write {path}: the folder {folder} does not exist; make it first")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; give a file name")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already and nothing is overwritten; choose another name or remove it")
    if not os.access(folder, os.W_OK):
        raise InputError(f"cannot write {path}: no permission to write in {folder}")
    return path


class _TargetOption(NamedOption):
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
    return click.option("--target", cls=_TargetOption, work=work, default=default, show_default=True, help="")
