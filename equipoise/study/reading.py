"""From what a study's file or journal holds to entries, every field checked: the file may come from anywhere."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

from equipoise.study.entry import Entry
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from hw_profiles.texts import shown

__all__ = ["entry_from"]

_FIELDS = {
    "index": int,
    "key": str,
    "task": str,
    "parameters": dict,
    "status": str,
    "attempts": int,
    "seconds": (int, float),
    "error": str,
    "results": dict,
    "measured": dict,
    "counts": list,
    "tables": dict,
}
_NEEDED = ("index", "key", "task", "parameters", "status")


def entry_from(data: Any, name: str) -> Entry:
    """The entry that ``data``, one run of the file ``name``, describes.

    Raises:
        InputError: a field is missing, unknown or of another type.
    """
    if not isinstance(data, dict):
        raise InputError(f"{name}: a run is {shown(data)}; expected its fields by name")
    missing, unknown = set(_NEEDED) - data.keys(), data.keys() - _FIELDS.keys()
    if missing or unknown:
        words = [f"no {', '.join(sorted(missing))}"] * bool(missing)
        words += [f"unknown {shown(sorted(map(str, unknown)))}"] * bool(unknown)
        raise InputError(
            f"{name}: a run has {' and '.join(words)}; expected {', '.join(f.name for f in fields(Entry))}"
        )
    for field, kind in _FIELDS.items():
        value = data.get(field)
        if field in data and (not isinstance(value, kind) or isinstance(value, bool)):  # type: ignore[arg-type]
            raise InputError(f"{name}: {field} of a run is {shown(value)}")
    if not math.isfinite(data.get("seconds", 0.0)) or not -1 <= data["index"] < 2**53:
        raise InputError(f"{name}: run {shown(data['key'])} has index {data['index']}, {data.get('seconds')} s")
    for count in data.get("counts", []):
        _check_count(count, name)
    for table in data.get("tables", {}).values():
        if not isinstance(table, list) or not all(isinstance(row, dict) for row in table):
            raise InputError(f"{name}: a table of run {shown(data['key'])} is no list of rows")
    for what, value in data.get("measured", {}).items():
        if value is not None and not isinstance(value, (int, float)):
            raise InputError(f"{name}: {shown(what)} of run {shown(data['key'])} is {shown(value)}; expected a number")
    return Entry(**data)


def _check_count(count: Any, name: str) -> None:
    """[event, component, layer, core, phase, count]"""
    kinds = (str, str, str, int, str, int)
    good = (
        isinstance(count, list)
        and len(count) == len(kinds)
        and all(isinstance(value, kind) and not isinstance(value, bool) for value, kind in zip(count, kinds))
        and count[0] in {event.value for event in Event}
        and 0 <= count[5] < 2**63
        and -1 <= count[3] < 2**31
    )
    if not good:
        raise InputError(
            f"{name}: a count of a run is {shown(count)}; expected event, component, layer, core, phase, n"
        )
