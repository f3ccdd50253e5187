"""Run files: the options of a training run as TOML, one table per group; `equipoise train RUN.toml` runs them.

    [data]
    dataset = "fashion-mnist"
    [network]
    layers = [784, 256, 256, 10]        # or "784-256-256-10", as on the command line
    [rule]
    nudge = "auto"
    [homeostasis]
    homeostasis = 1.0

What a file leaves out has its default. Values are written as on the command line or as TOML's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equipoise.training.config import TrainConfig, parse_channels, parse_layers
from equipoise.training.machine_settings import named_chip
from equipoise.training.options import GROUPS, group_of, options_of
from hw_profiles.errors import InputError
from hw_profiles.reading.settings import read_toml
from hw_profiles.registry import nearest

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["config_from", "read_run_file", "run_file_text"]


def read_run_file(path: str | Path) -> dict[str, Any]:
    """The options of a run file, by name, still as they were written.

    Raises:
        InputError: not readable, not TOML, or a table or option that does not exist or stands in the wrong table.
    """
    _, tables = read_toml(Path(path), "run file", f"give a TOML file with the tables {', '.join(GROUPS)}")
    found: dict[str, Any] = {}
    for table, options in tables.items():
        if not isinstance(options, dict) or table not in GROUPS:
            place = group_of(table)
            if place is not None and not isinstance(options, dict):
                raise InputError(f"{path}: {table} belongs into the table [{place}]")
            raise InputError(f"{path}: no table [{table}]; {nearest(table, GROUPS)}here are {', '.join(GROUPS)}")
        known = [one.name for one in options_of(table)]
        for name in options:
            if name not in known:
                place = group_of(name)
                hint = f"it belongs into [{place}]" if place else f"{nearest(name, known)}here are {', '.join(known)}"
                raise InputError(f"{path}: no option {name} in [{table}]; {hint}")
        found.update(options)
    return found


def config_from(written: Mapping[str, Any]) -> TrainConfig:
    """The configuration of options as people write them: by name, in a run file or on the command line.

    Raises:
        InputError: an option that does not exist, or a value that it cannot have.
    """
    options = dict(written)
    if isinstance(layers := options.get("layers"), str):
        options["layers"] = parse_layers(layers)
    if isinstance(channels := options.get("conv"), str):
        options["conv"] = parse_channels(channels)
    if options.get("nudge") == "auto":
        options |= {"nudge": 0.0, "adaptive": True}
    if isinstance(chip := options.get("chip"), str):
        options = {**options, **named_chip(chip, options.get("target", TrainConfig.target), options.get("profile", ""))}
    return _typed(options)


def _typed(options: dict[str, Any]) -> TrainConfig:
    from pydantic import ValidationError  # late: a tenth of a second

    unknown = [name for name in options if group_of(name) is None]
    if unknown:
        known = [one.name for one in fields(TrainConfig)]
        raise InputError(f"no option {unknown[0]!r}; {nearest(unknown[0], known)}here are {', '.join(known)}")
    try:
        # From JSON, strictly: a text may be a path and a list a tuple, but no text is a number and no number a switch.
        return _checker().validate_json(json.dumps(options, default=str), strict=True)
    except ValidationError as error:
        wrong = error.errors()[0]
        if isinstance(cause := wrong.get("ctx", {}).get("error"), InputError):
            raise cause from None
        name = str(wrong["loc"][0]).replace("_", "-")
        raise InputError(f"{name}: got {wrong['input']!r}, expected: {wrong['msg'].lower()}") from None


@cache
def _checker() -> TypeAdapter[TrainConfig]:
    from pydantic import TypeAdapter  # late: a tenth of a second

    return TypeAdapter(TrainConfig)


def run_file_text(config: TrainConfig) -> str:
    """A run file that `config_from` reads as ``config``, without what belongs to one call (resume, force)."""
    lines: list[str] = []
    for table in GROUPS:
        lines.append(f"[{table}]")
        for one in options_of(table):
            value = getattr(config, one.name)
            if value is not None and not one.metadata.get("moment"):
                lines.append(f"{one.name} = {_toml(value)}")
        lines.append("")
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml(str(k))} = {_toml(v)}" for k, v in value.items() if v is not None) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, (bool, int)):
        return json.dumps(value)
    if isinstance(value, Real):
        return repr(float(value))
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
