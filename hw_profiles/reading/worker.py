"""One process for the probes of many files: a fork for each costs more than most files do.

    with one_worker():
        for path in paths:
            Record.open(path)

The process is used again only while every file was sound. After a refusal, a crash, a hang or `_MOST` files it is
given up, so what a damaged file did to it never decides about another file; a crash or hang of a process that had
seen other files is tried once more in a fresh one.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from hw_profiles.reading.limits import read_limit
from hw_profiles.reading.trying import alone, limit_process, try_work

__all__ = ["Worker", "one_worker", "through_worker"]

_MOST = 500  #: files that one process looks through
LARGEST = 1 << 20  #: bytes of content that go through a pipe; more is forked, which copies nothing
_HEAD = 8  #: bytes of a message's length


class Worker:
    """A forked process that does one piece of work after another."""

    def __init__(self) -> None:
        self.done = 0
        self.owner = os.getpid()
        ask_read, self._ask = os.pipe()
        self._answers, answer_write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 3.12 and later warn of forks beside threads: the child starts none
            self.child = os.fork()
        if self.child == 0:
            os.close(self._ask)
            os.close(self._answers)
            _live(ask_read, answer_write)
        os.close(ask_read)
        os.close(answer_write)

    def ask(self, work: str, given: str | bytes, cpu: float, wall: float, name: str) -> tuple[str, bool]:
        """(what `try_work` said, or empty; whether the process lives on)."""
        self.done += 1
        content = given if isinstance(given, bytes) else b""
        head = json.dumps([work, None if isinstance(given, bytes) else given, cpu, name, read_limit()]).encode()
        end = time.monotonic() + wall
        try:
            _write(self._ask, head)
            _write(self._ask, content)
        except BrokenPipeError:
            return "", False
        answer = _read(self._answers, end)
        return ("", False) if answer is None else (answer.decode("utf-8", "replace"), True)

    def close(self) -> int:
        """End the process and return how it ended, as `os.waitpid` says it."""
        os.close(self._ask)  # it ends by itself at the end of its questions
        status = 0
        if os.getpid() == self.owner:
            for _ in range(40):
                done, status = os.waitpid(self.child, os.WNOHANG)
                if done:
                    break
                time.sleep(0.001)
            else:
                os.kill(self.child, signal.SIGKILL)
                status = os.waitpid(self.child, 0)[1]
        os.close(self._answers)
        return status


def _live(questions: int, answers: int) -> None:
    """The worker's whole life: it never returns into the code of the process that forked it."""
    try:
        alone()
        while (head := _read(questions, None)) is not None:
            content = _read(questions, None)
            work, path, cpu, name, limit = json.loads(head)
            os.environ["EQUIPOISE_READ_LIMIT"] = str(limit)  # it may have changed since the fork
            importlib.import_module(work.split(":")[0])  # the library's own memory is not the file's
            limit_process(cpu)
            answer = try_work(work, (content or b"") if path is None else path, name)
            _write(answers, answer.encode("utf-8", "replace")[:4096])
    finally:
        os._exit(0)


def _write(number: int, content: bytes) -> None:
    rest = memoryview(len(content).to_bytes(_HEAD, "little") + content)
    while rest:
        rest = rest[os.write(number, rest) :]


def _read(number: int, end: float | None) -> bytes | None:
    """One message; None at the end of the pipe, or when the time is up."""
    head = _exactly(number, _HEAD, end)
    return None if head is None else _exactly(number, int.from_bytes(head, "little"), end)


def _exactly(number: int, count: int, end: float | None) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        if end is not None and not select.select([number], [], [], max(0.0, end - time.monotonic()))[0]:
            return None
        part = os.read(number, count - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)


class _Kept:
    """The worker of the block that is running, if one is."""

    def __init__(self, *, after_refusal: bool) -> None:
        self.owner, self.thread = os.getpid(), threading.get_ident()
        self.after_refusal = after_refusal
        self.worker: Worker | None = None

    def drop(self) -> int:
        worker, self.worker = self.worker, None
        return 0 if worker is None else worker.close()


_kept: _Kept | None = None


@contextmanager
def one_worker(*, after_refusal: bool = False) -> Iterator[None]:
    """Inside, probes of this thread share a process; it has ended when the block is left.

    Args:
        after_refusal: keep it also after a file that was refused. For tests of readers only, where most files are
            damaged: what one of them did to the process could decide about the next.
    """
    global _kept
    if _kept is not None and _kept.owner == os.getpid():  # a block inside a block, or of another thread
        yield
        return
    mine = _kept = _Kept(after_refusal=after_refusal)
    try:
        yield
    finally:
        _kept = None
        mine.drop()


def through_worker(work: str, given: str | bytes, cpu: float, wall: float, name: str) -> tuple[str, int] | None:
    """(what `try_work` said or empty, exit status) by the block's process; None where a fresh fork has to answer."""
    kept = _kept
    if kept is None or (kept.owner, kept.thread) != (os.getpid(), threading.get_ident()):
        return None
    if isinstance(given, bytes) and len(given) > LARGEST:
        return None
    if kept.worker is not None and kept.worker.done >= _MOST:
        kept.drop()
    if kept.worker is None:
        importlib.import_module(work.split(":")[0])  # once, in the process that forks
        kept.worker = Worker()
    first = kept.worker.done == 0
    try:
        answer, lives = kept.worker.ask(work, given, cpu, wall, name)
    except BaseException:  # an interrupted question would be answered as the next one's
        kept.drop()
        raise
    if not lives:
        status = kept.drop()
        return ("", status) if first else None
    if answer != "ok" and not kept.after_refusal:
        kept.drop()
    return answer, 0
