"""Run Lava where it cannot hurt: in a process group of its own, with a deadline.

Lava starts one operating-system process per Lava process and waits on semaphores. When one of them dies, the others
and their parent wait for ever and leave orphans. Here every run happens in a fresh worker interpreter that leads its
own process group:

- no answer in time: the whole group is ended and a `LavaWorkerError` says so;
- a Lava process dies or raises: the worker notices within a fraction of a second and reports which one, and why;
- the caller dies: the worker sees its lifeline close and ends its group.

So nothing hangs and nothing is left over, shared memory included (the resource tracker outlives the rest to clean up).
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from hw_profiles.errors import InputError, TargetUnavailableError
from hw_profiles.registry import files_of_plugins

__all__ = ["DEFAULT_TIMEOUT_S", "LavaSession", "LavaWorkerError", "call"]

T = TypeVar("T")
DEFAULT_TIMEOUT_S = 300.0
_GRACE_S = 2.0


class LavaWorkerError(TargetUnavailableError):
    """A Lava run died, raised, or did not answer in time. Nothing of it is left running."""


class LavaSession:
    """A worker process that runs functions with Lava, one after another.

    Use it as a context manager; starting costs about half a second (Lava's import), each further call nothing.

    >>> with LavaSession() as session:                            # doctest: +SKIP
    ...     session.call(run_program, program, 100, timeout_s=60)
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._log: Any = None

    def __enter__(self) -> LavaSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def call(self, function: Callable[..., T], *args: Any, timeout_s: float = DEFAULT_TIMEOUT_S, **named: Any) -> T:
        """Return ``function(*args, **named)``, computed in the worker.

        Args:
            function: a module-level function (it is sent by name, its arguments by pickle).
            timeout_s: seconds until the run is ended and reported as hung.

        Raises:
            LavaWorkerError: the worker or a Lava process died, or no answer came in time.
            InputError: the function raised it.
        """
        if not timeout_s > 0:
            raise InputError(f"the time limit must be above zero seconds, got {timeout_s}")
        # Classes from path.py:Name are found again in the worker once it has run the same files.
        request = pickle.dumps((files_of_plugins(), pickle.dumps((function, args, named))))
        self._start()
        assert self._connection is not None
        try:
            self._connection.send_bytes(request)
            status, value = self._receive(time.monotonic() + timeout_s, timeout_s)
        except BaseException:
            self.close()
            raise
        if status == "done":
            return value
        if status == "input":
            raise InputError(value)
        self.close()
        raise LavaWorkerError(f"a Lava run failed: {value}")

    def close(self) -> None:
        """End the worker and everything it started."""
        process, self._process = self._process, None
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if process is not None:
            _end_group(process)
        if self._log is not None:
            self._log.close()
            self._log = None

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        ours, theirs = socket.socketpair()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the session)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "substrates.loihi2.lava._worker", str(theirs.fileno())],
                stdin=subprocess.PIPE,  # the lifeline: it closes when we end, however we end
                stdout=self._log,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        self._connection = Connection(ours.detach())

    def _receive(self, deadline: float, timeout_s: float) -> tuple[str, Any]:
        assert self._connection is not None
        assert self._process is not None
        while True:
            try:
                if self._connection.poll(min(0.2, max(0.0, deadline - time.monotonic()))):
                    return self._connection.recv()
            except (EOFError, OSError):
                raise LavaWorkerError(
                    f"the Lava worker died (exit code {self._process.wait()}){self._tail()}"
                ) from None
            if self._process.poll() is not None and not self._connection.poll(0):
                raise LavaWorkerError(f"the Lava worker died (exit code {self._process.returncode}){self._tail()}")
            if time.monotonic() >= deadline:
                raise LavaWorkerError(
                    f"a Lava run gave no answer in {timeout_s:g} s and was ended; "
                    f"allow it more time or run fewer steps{self._tail()}"
                )

    def _tail(self) -> str:
        """The last lines that the worker printed, for the error message."""
        with contextlib.suppress(OSError, ValueError):
            self._log.seek(0, os.SEEK_END)
            self._log.seek(max(0, self._log.tell() - 600))
            lines = self._log.read().decode(errors="replace").strip().splitlines()
            if lines:
                return f"; it printed last: {' | '.join(lines[-3:])}"
        return ""


def call(function: Callable[..., T], *args: Any, timeout_s: float = DEFAULT_TIMEOUT_S, **named: Any) -> T:
    """Run ``function`` once in a worker of its own; see `LavaSession.call`."""
    with LavaSession() as session:
        return session.call(function, *args, timeout_s=timeout_s, **named)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a worker's process group: ask, wait, force.

    SIGTERM ends everything but multiprocessing's resource tracker, which ignores it, unlinks what shared memory is
    left, and then ends by itself; so memory is not leaked even by a killed run.
    """
    if process.stdin is not None:
        process.stdin.close()
    group = process.pid
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_S
    while time.monotonic() < deadline:
        process.poll()
        if not _group_runs(group):
            break
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    process.wait()


def _group_runs(group: int) -> bool:
    """Whether a process of the group still runs. Dead ones that nobody has collected yet do not count: the group's last
    are left to process 1, which in a container may look for them once a second, or never.
    """
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    found = list(Path("/proc").glob("[0-9]*/stat"))
    return not found or any(_runs_in(stat, group) for stat in found)


def _runs_in(stat: Path, group: int) -> bool:
    """Whether the process of this /proc entry belongs to the group and is not dead."""
    try:  # the fields after the name, which stands in brackets: state, parent, group
        state, _, of = stat.read_text().rpartition(")")[2].split()[:3]
    except (OSError, ValueError):  # it ended meanwhile
        return False
    return int(of) == group and state not in "ZX"
