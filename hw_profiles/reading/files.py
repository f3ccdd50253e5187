"""Opening what is read: bounded bytes of a plain file or pipe, and the one place where failures become `InputError`."""

from __future__ import annotations

import gzip
import io
import os
import select
import stat
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hw_profiles.errors import InputError
from hw_profiles.reading.limits import check_size, human, read_limit
from hw_profiles.texts import one_line

__all__ = ["check_file", "gunzip", "read_bytes", "reading"]

SILENCE = 30.0  #: seconds without a byte after which a pipe is given up


@contextmanager
def reading(name: str | Path, what: str, fix: str) -> Iterator[None]:
    """Whatever goes wrong inside is the file's fault: it becomes an `InputError` with file, reason and fix.

    Put only the reading of untrusted content inside, never work whose errors are our own.

    Args:
        name: the file, for the message.
        what: what it should have been: ``record``, ``.npz file``.
        fix: what people usually do about it.

    Raises:
        InputError: whatever went wrong.
    """
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"no {what} {name}: there is no file of that name") from None
    except (MemoryError, RecursionError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else "does not fit into memory"
        raise InputError(f"{name} is not a readable {what}: it {reason}; {fix}") from None
    except OSError as error:
        text = one_line(error.strerror or str(error), 160)
        raise InputError(f"{name} is not a readable {what} ({text}); {fix}") from error
    except Exception as error:
        text = one_line(f"{type(error).__name__}: {error}", 160)
        raise InputError(f"{name} is not a readable {what} ({text}); {fix}") from error


def check_file(path: Path, what: str, fix: str) -> os.stat_result:
    """Make sure ``path`` is a plain file whose size is within the limit, and say what it is.

    Raises:
        InputError: it is not there, a folder, a device or pipe, or too large.
    """
    with reading(path, what, fix):
        try:
            found = os.stat(path)
        except ValueError:  # a NUL in the name
            raise InputError(f"no {what} {path}: the name of a file holds no NUL") from None
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f"{path} is a folder; expected a {what}")
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{path} is a device or pipe; expected a {what} in a plain file")
        check_size(found.st_size, str(path), "its content")
        return found


def read_bytes(path: str | Path, what: str, fix: str, *, most: int | None = None) -> bytes:
    """The whole content of a file or pipe.

    Args:
        most: bytes; default the limit on memory (`read_limit`).

    Raises:
        InputError: not there, not readable, a folder, a device, a silent pipe, or longer than ``most``.
    """
    limit = read_limit() if most is None else min(most, read_limit())
    with reading(path, what, fix):
        try:
            number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except ValueError:
            raise InputError(f"no {what} {path}: the name of a file holds no NUL") from None
        mode = os.fstat(number).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            os.close(number)
            raise InputError(f"{path} is a {'folder' if stat.S_ISDIR(mode) else 'device'}; expected a {what}")
        with open(number, "rb", buffering=0) as file:
            if stat.S_ISREG(mode) and os.fstat(number).st_size > limit:
                raise _too_long(path, what, os.fstat(number).st_size, limit)
            data = file.read() if stat.S_ISREG(mode) else _pipe(file, path, limit)
    if len(data) > limit:
        raise _too_long(path, what, len(data), limit)
    return data


def _too_long(path: str | Path, what: str, size: int, limit: int) -> InputError:
    at_least = human(size)
    return InputError(
        f"{path} holds {at_least}, a {what} may have {human(limit)}; is it another kind of file? "
        "EQUIPOISE_READ_LIMIT raises the limit on memory"
    )


def _pipe(file: io.FileIO, path: str | Path, limit: int) -> bytes:
    """Read a pipe until its writer closes it; one that nobody writes to is given up."""
    parts: list[bytes] = []
    size, last = 0, time.monotonic()
    while size <= limit:
        ready = select.select([file], [], [], 1.0)[0]
        part = file.read(1 << 20) if ready else None
        if part == b"":
            return b"".join(parts)
        if part:
            parts.append(part)
            size, last = size + len(part), time.monotonic()
        elif time.monotonic() - last > SILENCE:
            raise InputError(f"nothing came through the pipe {path} for {SILENCE:g} s")
    return b"".join(parts)


def gunzip(data: bytes, name: str, fix: str = "download it again") -> bytes:
    """Decompress, at most to the limit on memory.

    Raises:
        InputError: damaged, cut off, or longer than the limit.
    """
    limit = read_limit()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name} is a damaged or cut off gzip file ({one_line(str(error), 80)}); {fix}") from None
    except MemoryError:
        raise InputError(f"{name} does not fit into this machine's memory when decompressed") from None
    if len(content) > limit:
        check_size(len(content), name, "its content, decompressed,")
    return content
