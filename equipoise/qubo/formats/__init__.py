"""QUBO files: one module per format, one table of them. To add a format, write its module and list it here."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from equipoise.qubo.formats import bqp, coo, maxcut, npz, qbsolv, triplet
from equipoise.qubo.formats._base import Format, Source
from equipoise.qubo.formats.detect import detect
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError

__all__ = ["FORMATS", "Format", "read", "write"]

FORMATS: dict[str, Format] = {module.FORMAT.name: module.FORMAT for module in (bqp, qbsolv, coo, triplet, maxcut, npz)}
_SUFFIXES = {suffix: f.name for f in FORMATS.values() for suffix in f.suffixes}


def read(path: str | Path, format: str = "auto") -> Problem:
    """Read a problem; files compressed with gzip are read as they are.

    Args:
        format: one of `FORMATS`, or ``auto``: decided from the content, refused where two formats fit.

    Raises:
        InputError: one sentence that names the file, the line and what was expected.
    """
    if format != "auto" and format not in FORMATS:
        raise InputError(f"no format {format!r}; there are auto, {', '.join(FORMATS)}")
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected a problem file")
    if not path.exists():
        raise InputError(f"no file {path}")
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise InputError(f"{path.name} is a damaged or cut off gzip file") from None
    if not data.strip():
        raise InputError(f"{path.name} is empty; expected a problem")
    source = Source(data, path.name)
    name = detect(source, _SUFFIXES) if format == "auto" else format
    if name == "npz" and data[:2] != b"PK":
        raise InputError(f"{path.name} is not an .npz file")
    try:
        return FORMATS[name].read(source)
    except MemoryError:
        raise InputError(f"{path.name}: the problem does not fit into this machine's memory") from None


def write(problem: Problem, path: str | Path, format: str | None = None, *, overwrite: bool = False) -> Path:
    """Write ``problem``; the format follows from the suffix (``.gz`` compresses) unless given.

    The file appears whole or not at all.

    Raises:
        InputError: no format for the suffix, the file exists, or the format cannot hold the problem.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already and nothing is overwritten; choose another name or remove it")
    bare = Path(path.name.removesuffix(".gz"))
    name = format or _SUFFIXES.get(bare.suffix.lower(), "triplet" if bare.suffix in ("", ".txt") else "")
    if name not in FORMATS:
        raise InputError(
            f"no format for the suffix {bare.suffix!r} of {path.name}; use {', '.join(sorted(_SUFFIXES))} or .txt "
            f"(triplet), or give a format: {', '.join(FORMATS)}"
        )
    data = FORMATS[name].write(problem)
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
