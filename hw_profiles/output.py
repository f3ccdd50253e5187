"""The one way to write a file: nothing is replaced that this very run did not write.

A file appears by a link, which fails where a name is taken, so two programs cannot both create it. It is replaced
whole, by a rename, and only while it still is the file this run put there. Meanwhile the new content stands beside
it, locked, as ``.NAME.equipoise-tmp``: what a killed program left is not locked and goes with the next open.

    output = Output("run.h5")        # refused when the name is taken; nothing is written yet
    output.put(content)              # creates it
    output.put(more)                 # replaces it
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from hw_profiles.errors import InputError
from hw_profiles.interrupts import held

try:
    import fcntl
except ImportError:  # not on this system: two programs that write one file at once are then the user's care
    fcntl = None  # type: ignore[assignment]

__all__ = ["Output", "check_outputs", "lock", "remove_leftover", "write_output"]

#: hash or name of the file's own, in bytes, that still leaves room for what is put around it
LONGEST_NAME = 230


class _Identity(NamedTuple):
    """What tells one file from another, and its content from a later one's."""

    device: int
    number: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> _Identity:
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


class Output:
    """A file that this run writes, once or again and again.

    Args:
        path: where; a symbolic link is followed.
        force: replace what is there now.
        mine: says whether the file that is there was written by this very run before it was stopped, from its content;
            it may then be replaced.

    Raises:
        InputError: the name cannot be used, its folder is missing or read-only, or something else is there.
    """

    def __init__(self, path: str | Path, *, force: bool = False, mine: Callable[[Path], bool] | None = None) -> None:
        self.path = _usable(path)
        self._there = _look(self.path)
        self._written = False
        if self._there is not None and not (force or (mine is not None and mine(self.path))):
            raise InputError(_taken(self.path))
        remove_leftover(self.path)

    def put(self, content: bytes | memoryview, *, durable: bool = False) -> Path:
        """Make ``content`` the file's, in one step: a reader sees the old file, the new one, never a part.

        When something else has taken the file's place since this run wrote it, that stays and the content goes to a
        free name beside it, with a warning: nothing computed is lost, either.

        Args:
            durable: also wait for the disk, against a loss of power.

        Returns:
            Where it is now.

        Raises:
            InputError: the name was taken between the check and the first writing, or another program writes it now.
            OSError: the disk is full, or fails. What was there before is untouched.
        """
        target = Path(os.path.realpath(self.path))
        with held():
            with _beside(target, content, durable) as (part, written):
                self._place(part, target)
                self._there, self._written = written, True
            if durable:
                _sync_folder(target.parent)
        return self.path

    def _place(self, part: Path, target: Path) -> None:
        if self._there is not None and _look(target) == self._there:
            os.replace(part, target)
            return
        try:
            _create(part, target)
        except FileExistsError:
            if not self._written:
                raise InputError(_taken(self.path)) from None
            self._place_elsewhere(part, target)

    def _place_elsewhere(self, part: Path, target: Path) -> None:
        for number in range(2, 1000):
            other = target.with_name(f"{target.stem}-{number}{target.suffix}")
            with contextlib.suppress(FileExistsError):
                _create(part, other)
                text = f"{self.path} was replaced by something else while this run wrote it; the run goes on in {other}"
                warnings.warn(text, stacklevel=4)
                self.path = other
                return
        raise InputError(_taken(self.path))


def write_output(path: str | Path, content: bytes, *, force: bool = False, durable: bool = False) -> Path:
    """Write a whole file once; see `Output`."""
    return Output(path, force=force).put(content, durable=durable)


def check_outputs(
    outputs: Mapping[str, str | Path | None],
    *,
    force: bool = False,
    inputs: Mapping[str, str | Path | None] | None = None,
    goes_on: tuple[str, ...] = (),
) -> list[Path]:
    """Make sure, before any work, that every output of a command can be written and no two are one file.

    Args:
        outputs: option to path, such as ``{"--out": out, "--report": report}``; None is skipped.
        force: what is there may be replaced.
        inputs: files that the command reads, by option or argument; no output may be one of them, force or not.
        goes_on: options whose file may be there, because the command checks that it is its own and goes on with it.

    Returns:
        What is there and will be replaced, to be said aloud.

    Raises:
        InputError: see `Output`; two options name one file.
    """
    seen = {os.path.realpath(_spelled(path)): name for name, path in (inputs or {}).items() if path is not None}
    replaced = []
    for name, given in outputs.items():
        if given is None:
            continue
        path = _usable(given)
        real = os.path.realpath(path)
        if real in seen:
            raise InputError(f"{seen[real]} and {name} are both {path}; give {name} another name")
        seen[real] = name
        if _look(path) is not None and name not in goes_on:
            if not force:
                raise InputError(_taken(path))
            replaced.append(path)
    return replaced


def remove_leftover(path: Path) -> bool:
    """Remove what a killed program left beside ``path``, and say whether it was there; the living keep their own."""
    part = _part(Path(os.path.realpath(path)))
    try:
        number = os.open(part, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        if not lock(number):
            return False
        os.unlink(part)
        return True
    except OSError:
        return False
    finally:
        os.close(number)


def _taken(path: Path) -> str:
    return f"{path} exists already and nothing is overwritten; choose another name, remove it, or say --force"


def _spelled(path: str | Path) -> str:
    text = os.fspath(path)
    if "\0" in text:
        raise InputError("a file's name holds a NUL byte; choose another name")
    return text


def _usable(path: str | Path) -> Path:
    """``path``, when a file of that name could be made or replaced."""
    path = Path(_spelled(path))
    target = Path(os.path.realpath(path))
    folder = target.parent
    if len(os.fsencode(target.name)) > LONGEST_NAME:
        raise InputError(f"the file name {path.name[:20]}... has {len(path.name)} characters; choose a shorter one")
    try:
        if not folder.is_dir():
            raise InputError(f"cannot write {path}: the folder {path.parent} does not exist; make it first")
        found = os.stat(target)
    except FileNotFoundError:
        pass
    except OSError as error:  # a path that is too long, a loop of links, no permission to look
        raise InputError(f"cannot write {str(path)[:100]}: {(error.strerror or str(error)).lower()}") from None
    else:
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f"cannot write {path}: it is a folder; give a file name")
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"cannot write {path}: it is no ordinary file; give another name")
    if not os.access(folder, os.W_OK):
        raise InputError(f"cannot write {path}: no permission to write in {path.parent}")
    return path


def _look(path: Path) -> _Identity | None:
    try:
        return _Identity.of(os.stat(path))
    except FileNotFoundError:
        return None


def _part(target: Path) -> Path:
    return target.with_name(f".{target.name}.equipoise-tmp")


@contextlib.contextmanager
def _beside(target: Path, content: bytes | memoryview, durable: bool) -> Iterator[tuple[Path, _Identity]]:
    """``content`` in a locked file beside ``target``, gone when the block ends unless it was moved."""
    part = _part(target)
    number = _open_part(part, target)
    try:
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(number, rest) :]
            if durable:
                os.fsync(number)
            yield part, _Identity.of(os.fstat(number))
        finally:
            with contextlib.suppress(FileNotFoundError):
                if os.fstat(number).st_ino == os.lstat(part).st_ino:
                    os.unlink(part)
    finally:
        os.close(number)


def _open_part(part: Path, target: Path) -> int:
    for _ in range(100):
        try:
            number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
        except FileExistsError:
            if not remove_leftover(target):
                _raise_iflock(part, target)
            continue
        # Between the two calls another program may have taken the file for a leftover.
        if lock(number) and _is_at(number, part):
            return number
        os.close(number)
    raise InputError(f"another program is writing {target}; wait for it, or choose another file")


def _raise_iflock(part: Path, target: Path) -> None:
    try:
        number = os.open(part, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        if not lock(number):
            raise InputError(f"another program is writing {target}; wait for it, or choose another file")
    finally:
        os.close(number)


def lock(number: int) -> bool:
    """Lock an open file until it is closed; False when another program holds it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES)  # a file system without locks counts as held by us
    return True


def _is_at(number: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), os.lstat(path))
    except OSError:
        return False


def _create(part: Path, target: Path) -> None:
    """Put ``part`` at ``target``, atomically and only where nothing is."""
    try:
        os.link(part, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        # A file system without links: the name is taken first, with nothing in it.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        os.replace(part, target)


def _sync_folder(folder: Path) -> None:
    """Make a new name last; not every system can."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
