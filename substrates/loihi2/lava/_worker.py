"""The worker side of the watchdog: ``python -m substrates.loihi2.lava._worker FD``. See ``watchdog.py``.

Two threads beside the main one: the lifeline (end the group when the caller is gone) and, during a call, the warden
(look at Lava's child processes; report the first that died or raised).
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from hw_profiles.errors import InputError
from hw_profiles.registry import module_of_file

__all__: list[str] = []

_LOOK_EVERY_S = 0.1
#: an actor that raised gets this long to be reported by Lava itself before we report it
_SETTLE_S = 1.0


class _Answer:
    """The one answer of a call; whoever comes first gives it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self.given = threading.Event()

    def give(self, status: str, value: Any) -> None:
        with self._lock:
            if not self.given.is_set():
                try:
                    payload = pickle.dumps((status, value))
                except Exception as error:
                    payload = pickle.dumps(("failed", f"the result cannot be sent back: {error!r}"))
                self._connection.send_bytes(payload)
                self.given.set()


def main() -> None:
    threading.Thread(target=_lifeline, daemon=True).start()
    children = _record_children()
    connection = Connection(int(sys.argv[1]))
    while True:
        try:
            request = connection.recv_bytes()
        except EOFError:
            return
        answer = _Answer(connection)
        children.clear()
        threading.Thread(target=_warden, args=(answer, children), daemon=True).start()
        try:
            files, call = pickle.loads(request)
            for path in files:
                with suppress(Exception):  # a file that was broken since; a call that needs it says so by itself
                    module_of_file(path)
            function, args, named = pickle.loads(call)
            answer.give("done", function(*args, **named))
        except InputError as error:
            answer.give("input", str(error))
        except BaseException as error:
            reasons = _reasons_of_actors(children)
            text = "; ".join(reasons) or f"{type(error).__name__}: {error}"
            traceback.print_exc()
            answer.give("failed", text)


def _lifeline() -> None:
    """Wait until the caller's end of our standard input closes, then end the whole group."""
    while os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGTERM)


class _Outcome:
    """The receiving end of a Lava process's outcome, safe for two threads.

    Lava's join and its `exception` both ask whether something has come and then receive it. When join and the warden
    both see the one message, the slower of the two would wait for ever; here it gets the same message again.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._value: Any = None

    def poll(self, *timeout: float) -> bool:
        """Whether something has come that nobody has received yet."""
        return bool(self._connection.poll(*timeout))

    def recv(self) -> Any:
        """What has come, now or before; None if nothing has."""
        with self._lock:
            if self._connection.poll(0):
                self._value = self._connection.recv()
            return self._value

    def close(self) -> None:
        """Close the pipe."""
        with self._lock:
            self._connection.close()


def _record_children() -> list[Any]:
    """A list that every child process started from now on is added to (Python's own list forgets the dead)."""
    children: list[Any] = []
    process = multiprocessing.process.BaseProcess
    start = process.start

    def start_and_record(child: Any) -> None:
        start(child)
        if hasattr(child, "_pconn"):
            child._pconn = _Outcome(child._pconn)
        children.append(child)

    process.start = start_and_record  # type: ignore[assignment,method-assign]
    return children


def _warden(answer: _Answer, children: list[Any]) -> None:
    """Report a Lava process that ended badly while the call is still going on."""
    raised_at: float | None = None
    while not answer.given.wait(_LOOK_EVERY_S):
        ended = _ended(list(children))
        died = [child for child in ended if _exit_code(child) not in (0, None)]
        if died:
            codes = ", ".join(f"{child.name} (exit code {_exit_code(child)})" for child in died)
            answer.give("failed", f"a Lava process died: {codes}")
            return
        reasons = _reasons_of_actors(ended)
        if reasons:
            raised_at = raised_at or time.monotonic()
            if time.monotonic() - raised_at > _SETTLE_S:
                answer.give("failed", "; ".join(reasons))
                return


def _ended(children: list[Any]) -> list[Any]:
    ended = []
    for child in children:
        try:
            if multiprocessing.connection.wait([child.sentinel], timeout=0):
                ended.append(child)
        except (OSError, ValueError):  # closed: Lava joined it, so it ended well
            continue
    return ended


def _exit_code(child: Any) -> int | None:
    """How a child that ended did end. Looked at without reaping it: Lava's join does that in another thread, and of two
    threads that wait for one process the slower finds none, takes it for running still, and fails to close it.
    """
    try:
        if hasattr(os, "waitid"):
            found = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None:
                return None
            return int(found.si_status if found.si_code == os.CLD_EXITED else -found.si_status)
        code: int | None = child.exitcode
    except ChildProcessError:  # Lava's join has it already
        return getattr(getattr(child, "_popen", None), "returncode", None)
    except ValueError:  # closed: Lava joined it, so it ended well
        return 0
    return code


def _reasons_of_actors(children: list[Any]) -> list[str]:
    """What Lava's own processes raised, last line of each traceback."""
    reasons = []
    for child in children:
        try:
            raised = child.exception
        except (AttributeError, OSError, ValueError, EOFError):
            continue
        if raised:
            lines = str(raised[1]).strip().splitlines()
            reasons.append(f"{type(raised[0]).__name__}: {raised[0]} [{' <- '.join(x.strip() for x in lines[-3:-1])}]")
    return reasons


if __name__ == "__main__":
    main()
