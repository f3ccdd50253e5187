"""Try untrusted content in a process of its own first: what hangs, crashes or floods inside a C library can be ended.

No Python code can stop a C library that loops, and a signal handler never runs while it does. A forked child has the
time and memory it is given and nothing else; its death is an answer. A fork costs some milliseconds; many
files share one with `one_worker`. Where there is no fork, the child is started afresh.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import OrderedDict
from pathlib import Path

from hw_profiles.errors import InputError
from hw_profiles.reading.limits import read_limit
from hw_profiles.reading.trying import alone, limit_process, try_work
from hw_profiles.reading.worker import through_worker

__all__ = ["identity", "probe", "probe_bytes", "sound"]

CPU_SECONDS = 1.0  #: processor time of a probe, plus one second for each SECOND_FOR bytes of the file
SECOND_FOR = 32 << 20
WALL_SECONDS = 60.0  #: time by the clock on the wall, for a file system that does not answer; scales as well
_KNOWN: OrderedDict[tuple[object, ...], str] = OrderedDict()  #: (work, identity) -> what is wrong, empty for nothing
_MOST_KNOWN = 4096

Identity = tuple[int, int, int, int, int]


def identity(path: str | Path) -> Identity:
    """What changes when a file's content changes: device, inode, size, and both times (nobody can set the second)."""
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def sound(work: str, path: str | Path) -> None:
    """Note that this very process has just written ``path`` whole: it needs no probe until it changes."""
    _remember((work, *identity(path), read_limit()), "")


def probe(work: str, path: str | Path, *, fork: bool | None = None) -> None:
    """Do ``work`` on ``path`` in a process of its own; return when it went well. Done once for each content.

    Args:
        work: ``module:function``, a function of one path that raises what is wrong.
        fork: by a fork; default: where the system has it and it is safe (Linux).

    Raises:
        InputError: the work failed, took too much time or memory, or crashed the process.
    """
    size = os.stat(path).st_size
    key = (work, *identity(path), read_limit())
    if key not in _KNOWN:
        cpu = CPU_SECONDS + size / SECOND_FOR
        wall = WALL_SECONDS + 4 * size / SECOND_FOR
        forks = sys.platform.startswith("linux") if fork is None else fork
        answer = (_forked if forks else _started)(work, str(path), cpu, wall, "")
        _remember(key, answer)
    if _KNOWN[key]:
        raise InputError(_KNOWN[key])


def probe_bytes(work: str, data: bytes, name: str, *, fork: bool | None = None) -> None:
    """The same for content that is in memory: ``work`` names a function of bytes.

    Args:
        name: what the content is called in messages.

    Raises:
        InputError: the work failed, took too much time or memory, or crashed the process.
    """
    key = (work, hashlib.blake2b(data, digest_size=16).digest(), read_limit())
    if key not in _KNOWN:
        cpu, wall = CPU_SECONDS + len(data) / SECOND_FOR, WALL_SECONDS + 4 * len(data) / SECOND_FOR
        if sys.platform.startswith("linux") if fork is None else fork:
            answer = _forked(work, data, cpu, wall, name)
        else:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "content"
                path.write_bytes(data)
                answer = _started(work, str(path), cpu, wall, name)
        _remember(key, answer)
    if _KNOWN[key]:
        raise InputError(_KNOWN[key])


def _remember(key: tuple[object, ...], answer: str) -> None:
    _KNOWN[key] = answer
    while len(_KNOWN) > _MOST_KNOWN:
        _KNOWN.popitem(last=False)


def _forked(work: str, given: str | bytes, cpu: float, wall: float, name: str) -> str:
    shared = through_worker(work, given, cpu, wall, name)
    if shared is not None:
        return _verdict(shared[0].encode(), name or str(given), _ended(shared[1]))
    importlib.import_module(work.split(":")[0])  # in the parent: once for all probes
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 and later warn of forks beside threads: the child starts none
        child = os.fork()
    if child == 0:
        _child(work, given, cpu, writer, name)
    os.close(writer)
    answer, status = b"", 0
    try:
        answer = _answer(reader, time.monotonic() + wall)
    finally:
        os.close(reader)
        status = _end(child, kill=not answer)
    return _verdict(answer, name or str(given), _ended(status))


def _ended(status: int) -> int:
    """A process's exit code, or its signal below zero."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _answer(reader: int, end: float) -> bytes:
    parts = []
    while (left := end - time.monotonic()) > 0:
        if select.select([reader], [], [], left)[0]:
            part = os.read(reader, 1 << 16)
            if not part:
                break
            parts.append(part)
    return b"".join(parts)


def _end(child: int, *, kill: bool) -> int:
    """Wait for the child's end; kill it where it has not answered and does not end by itself at once."""
    if kill:
        for _ in range(20):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return status
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _child(work: str, given: str | bytes, cpu: float, writer: int, name: str) -> None:
    """The child's whole life. It never returns into the parent's code, and runs none of the parent's finalizers."""
    try:
        alone()
        limit_process(cpu)
        os.write(writer, try_work(work, given, name).encode()[:4096])
    finally:
        os._exit(0)


def _started(work: str, path: str, cpu: float, wall: float, name: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-m", "hw_profiles.reading._child", work, path, str(cpu), name]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, env=environment, timeout=wall, check=False
        )
    except subprocess.TimeoutExpired:
        return _verdict(b"", name or path, -9)
    return _verdict(done.stdout, name or path, done.returncode)


def _verdict(answer: bytes, path: str, status: int) -> str:
    text = answer.decode("utf-8", "replace")
    if text == "ok":
        return ""
    if text.startswith("no "):
        return text[3:]
    slow = (-signal.SIGKILL, -getattr(signal, "SIGXCPU", 24))
    what = "does not come to an end" if status in slow else f"crashes (signal {-status})" if status < 0 else "fails"
    return f"{path} is damaged: reading it {what}, which was tried in a process of its own; get the file again"
