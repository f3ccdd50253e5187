"""An append-only file of JSON lines: what was committed before a kill or a loss of power can always be read back.

A line is ``CHECKSUM JSON``: the CRC-32 of the JSON's bytes in eight hexadecimal digits, a blank, the JSON, a newline.
It is on the disk when `Journal.write` returns. A killed writer can leave one unfinished last line, which reading leaves
out and the next writer cuts off; a damaged line costs itself only. Lines of earlier versions have no checksum.

One writer at a time: the lock is taken before anything is read, and lasts as long as the process.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hw_profiles.errors import InputError
from hw_profiles.interrupts import held
from hw_profiles.output import lock, write_output
from hw_profiles.reading import read_bytes

__all__ = ["Journal", "Lines"]


@dataclass(frozen=True)
class Lines:
    """What a journal holds.

    Attributes:
        entries: of every sound line.
        dropped: one sentence for everything that was left out, with its place.
        sound: bytes up to the end of the last whole line.
    """

    entries: list[dict[str, Any]]
    dropped: list[str]
    sound: int

    @classmethod
    def read(cls, path: Path) -> Lines:
        """The lines of ``path``; none when it is not there.

        Raises:
            InputError: the file is there and not one line of it is a journal's.
        """
        if not path.exists():
            return cls([], [], 0)
        content = read_bytes(path, "journal of a study", "move it away")
        *lines, tail = content.split(b"\n")
        entries: list[dict[str, Any]] = []
        dropped: list[str] = []
        start = 0
        for number, line in enumerate(lines, 1):
            entry = _parse(line)
            if entry is None:
                place = f"line {number} (bytes {start} to {start + len(line)})"
                dropped.append(f"{path.name}: {place} is damaged and was left out")
            else:
                entries.append(entry)
            start += len(line) + 1
        if tail:
            dropped.append(f"{path.name}: the last line (from byte {start}) is unfinished and was left out")
        if content and not entries:
            raise InputError(f"{path} holds no line of a journal; it is damaged or something else: move it away")
        return cls(entries, dropped, start)


class Journal:
    """The writing side.

    Args:
        path: created, with ``header`` as its first line, when it is not there.

    Attributes:
        lines: what was there already.
        created: whether nothing was.

    Raises:
        InputError: another process writes it, or it is something else.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self.path, self.created = path, False
        while True:
            try:
                self._file = open(path, "rb+", buffering=0)  # noqa: SIM115 - closed by close()
            except FileNotFoundError:
                self._create(header)
                continue
            if not lock(self._file.fileno()):
                self._file.close()
                raise InputError(f"another process is writing {path.name}; wait for it, or choose another file")
            # The one who held the lock before may have removed the file since it was opened here.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(self._file.fileno()), os.stat(path)):
                    break
            self._file.close()
        try:
            self.lines = Lines.read(path)
        except BaseException:
            self.close()
            raise
        self._end = self.lines.sound

    def _create(self, header: dict[str, Any]) -> None:
        try:
            write_output(self.path, _line(header), durable=True)
            self.created = True
        except InputError:
            if not self.path.exists():  # else another process was faster, and holds it or not
                raise

    def write(self, entry: dict[str, Any]) -> None:
        """Commit one entry: it survives a kill and a loss of power from here on.

        Raises:
            OSError: the disk is full, or fails; the entry is not in the journal, all before it are.
        """
        line, number = _line(entry), self._file.fileno()
        with held():
            try:
                os.ftruncate(number, self._end)  # what a killed or a failed writing left
                place, rest = self._end, memoryview(line)
                while rest:
                    written = os.pwrite(number, rest, place)
                    place, rest = place + written, rest[written:]
                os.fsync(number)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(number, self._end)
                raise
            self._end += len(line)

    def remove(self) -> None:
        """Everything is elsewhere: remove the file. Others look again once they have the lock."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Stop writing, and let others."""
        self._file.close()


def _line(entry: dict[str, Any]) -> bytes:
    text = json.dumps(entry, default=_encode, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _parse(line: bytes) -> dict[str, Any] | None:
    """The entry of a line; None when it is damaged."""
    text = line
    if not line.startswith(b"{"):
        checksum, _, text = line.partition(b" ")
        if checksum != b"%08x" % zlib.crc32(text):
            return None
    try:
        entry = json.loads(text, object_hook=_decode)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


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


def check_recordable(value: Any) -> None:
    """Refuse what no journal can hold.

    Raises:
        TypeError: names the kind of it.
    """
    json.dumps(value, default=lambda one: None if isinstance(one, np.ndarray) else _encode(one))


def _decode(entry: dict[str, Any]) -> Any:
    if entry.keys() == {"__array__"}:
        from hw_profiles.reading import parse_npy

        return parse_npy(base64.b64decode(entry["__array__"]), "an array of a journal")
    return entry
