"""What netlists share: numbers with all their digits, names SPICE takes, a head that says what this is."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hw_profiles.errors import InputError

__all__ = ["check_name", "head", "number"]

_NAME = re.compile(r"^[A-Za-z0-9_]+$")


def number(value: float) -> str:
    """All the digits a double has, in SPICE's notation."""
    return f"{float(value):.15g}"


def check_name(name: str) -> str:
    """Raise unless every SPICE reads ``name`` as one word."""
    if not _NAME.match(name):
        raise InputError(f"the node name {name!r} is no SPICE name; expected letters, digits and underscores")
    return name


def head(title: str, notes: Iterable[str]) -> list[str]:
    """The title line, which SPICE reads as such, and comments."""
    clean = " ".join(title.split()) or "circuit"
    return [f"* {clean}", *(f"* {' '.join(note.split())}" for note in notes), ""]
