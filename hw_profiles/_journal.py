"""An append-only file of JSON lines: what was written before a kill can always be read back.

A line is written by one ``write`` call and ends with a newline; a killed writer can leave at most one
unfinished last line, which reading skips and the next writer cuts off.
"""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Journal", "replace_file"]


class Journal:
    """Append to ``path``; create it when it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open(path, "ab")  # noqa: SIM115 - closed by close()
        self._checked = False

    def write(self, entry: dict[str, Any]) -> None:
        """Append one entry; it survives the end of this process from here on."""
        if not self._checked:  # an unfinished line of a killed writer goes before the first new one
            os.truncate(self.path, _sound_length(self.path))
            self._checked = True
        self._file.write(json.dumps(entry, default=_encode, separators=(",", ":")).encode() + b"\n")
        self._file.flush()

    def fileno(self) -> int:
        """The open file's number, for locking it."""
        return self._file.fileno()

    def close(self) -> None:
        """Stop appending."""
        self._file.close()

    @staticmethod
    def read(path: Path) -> Iterator[dict[str, Any]]:
        """Every complete entry of ``path``; none when it is not there."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return
        for line in content.split(b"\n")[:-1]:
            try:
                yield json.loads(line, object_hook=_decode)
            except (ValueError, RecursionError):  # a line cut by a full disk
                return


def _sound_length(path: Path) -> int:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return 0
    return content.rfind(b"\n") + 1


def _encode(value: Any) -> Any:
    if isinstance(value, np.generic) and value.dtype.kind in "biufUS":
        return value.item()
    if isinstance(value, np.ndarray):
        buffer = io.BytesIO()
        np.save(buffer, value, allow_pickle=False)
        return {"__array__": base64.b64encode(buffer.getvalue()).decode()}
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"cannot record a {type(value).__name__}; give numbers, texts, lists, dicts or arrays")


def _decode(entry: dict[str, Any]) -> Any:
    if entry.keys() == {"__array__"}:
        from hw_profiles.reading import parse_npy

        return parse_npy(base64.b64decode(entry["__array__"]), "an array of a journal")
    return entry


def replace_file(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Put ``content`` at ``path`` in one step: a reader sees the old file or the new one, never a part.

    ``durable`` also waits for the disk, against a loss of power.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
