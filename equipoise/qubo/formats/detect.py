"""Which format a file is in, from its content; the name only settles what the content leaves open."""

from __future__ import annotations

from pathlib import PurePath

from equipoise.qubo.formats._base import Source, text_of
from hw_profiles.errors import InputError

__all__ = ["detect"]


def detect(source: Source, suffixes: dict[str, str]) -> str:
    """Name the format of ``source``.

    Args:
        suffixes: file suffix -> format, to tell bqp from maxcut.

    Raises:
        InputError: no format fits, or more than one does; the text says how to choose.
    """
    if source.data[:4] == b"PK\x03\x04":
        return "npz"
    lines = text_of(source)
    body = [line.split() for line in lines[:200] if line.strip()]
    if any(f[:2] == ["p", "qubo"] for f in body):
        return "qubo"
    if body[0][0].startswith("#"):
        return "coo"
    width = len(body[0])
    if width == 3:
        return "coo"
    if width == 1 and len(body) > 1 and len(body[1]) == 2:
        return "bqp"  # an OR-Library collection: its reader says what to do
    if width == 1 and (len(body) == 1 or len(body[1]) == 3):
        return "triplet"
    if width == 2 and (len(body) == 1 or len(body[1]) in (2, 3)):
        return _bqp_or_maxcut(source, lines, suffixes)
    raise InputError(
        f"{source.name}: no known format starts with {lines[0].strip()[:40]!r}; "
        "give --format bqp, qubo, coo, triplet, maxcut or npz"
    )


def _bqp_or_maxcut(source: Source, lines: list[str], suffixes: dict[str, str]) -> str:
    """Both start with ``n m`` and list ``i j w`` from 1; only bqp has i = i, only maxcut leaves w out."""
    if len(lines) > 1 and len(lines[1].split()) == 2:
        return "maxcut"
    name = PurePath(source.name.lower().removesuffix(".gz"))
    if suffixes.get(name.suffix) in ("bqp", "maxcut"):
        return suffixes[name.suffix]
    if any(f[0] == f[1] for f in (line.split(None, 2) for line in lines[1:]) if len(f) >= 2):
        return "bqp"
    raise InputError(
        f"{source.name} could be bqp (maximise x^T Q x) or maxcut (maximise the cut): both list 'i j w' from 1 and "
        "nothing here tells them apart; give --format bqp or --format maxcut"
    )
