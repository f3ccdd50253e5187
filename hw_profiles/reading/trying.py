"""The side of a probe that may die: do the work within limits, and say in one text what came of it."""

from __future__ import annotations

import faulthandler
import gc
import importlib
import os
import signal
from pathlib import Path

from hw_profiles.errors import InputError
from hw_profiles.reading.limits import human, read_limit

__all__ = ["alone", "limit_process", "try_work"]


def alone() -> None:
    """Make a process that was just forked stand for itself: it says nothing and is ended by the usual signals."""
    gc.disable()
    faulthandler.disable()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)  # a crashing library's last words
    os.close(silence)


def try_work(work: str, given: str | bytes, name: str = "") -> str:
    """``ok``, or what is wrong. A text is the path of a file; with a name, its content is what is worked on."""
    module, function = work.split(":")
    path = name or str(given)
    try:
        content = given if isinstance(given, bytes) else Path(given).read_bytes() if name else Path(given)
        getattr(importlib.import_module(module), function)(content)
        return "ok"
    except InputError as error:
        return f"no {error}"
    except BaseException as error:
        if isinstance(error, MemoryError) or "memory allocation failed" in str(error):
            return f"no {path} needs more memory than the limit of {human(read_limit())}; is it damaged?"
        return f"no {path} cannot be read ({type(error).__name__}: {str(error)[:160]}); is it damaged?"


def limit_process(cpu: float) -> None:
    """Bound this process's processor time and memory from here on; a later call sets new bounds."""
    try:
        import resource
    except ImportError:  # not on this system: the clock on the wall bounds it still
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    end = int(used.ru_utime + used.ru_stime + cpu) + 1
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (end if most == resource.RLIM_INFINITY else min(end, most), most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        room = pages * resource.getpagesize() + read_limit() + (64 << 20)
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (room if hard == resource.RLIM_INFINITY else min(room, hard), hard))
    except (OSError, ValueError):  # no /proc, or a stricter limit already
        pass
