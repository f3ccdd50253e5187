"""Threads of the relaxation: rows of a batch are independent, so any number of threads gives the same bits.

The compiled loop lets go of the interpreter; every thread has a part of the rows. One thread unless `using_threads`
says more: a library that starts threads by itself is no good guest.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["available", "in_use", "over_rows", "using_threads"]

#: rows below which a part is not worth a thread
_FEWEST = 16
_pool: ContextVar[tuple[int, ThreadPoolExecutor] | None] = ContextVar("equipoise threads", default=None)


def available() -> int:
    """Processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def in_use() -> int:
    """Threads that a relaxation would take now."""
    held = _pool.get()
    return 1 if held is None else held[0]


@contextmanager
def using_threads(count: int) -> Iterator[None]:
    """Relax with ``count`` threads meanwhile; 0 takes all there are."""
    count = count or available()
    if count == 1:
        token = _pool.set(None)
        try:
            yield
        finally:
            _pool.reset(token)
        return
    with ThreadPoolExecutor(count - 1, thread_name_prefix="relaxation") as pool:
        token = _pool.set((count, pool))
        try:
            yield
        finally:
            _pool.reset(token)


def over_rows(rows: int, work: Callable[[int, int], None]) -> None:
    """Call ``work(begin, end)`` for parts that make up ``rows``, at the same time where threads are in use."""
    held = _pool.get()
    parts = 1 if held is None else max(1, min(held[0], rows // _FEWEST))
    if held is None or parts == 1:
        work(0, rows)
        return
    ends = [rows * k // parts for k in range(parts + 1)]
    others = [held[1].submit(work, a, b) for a, b in itertools.pairwise(ends[1:])]
    work(ends[0], ends[1])
    for other in others:
        other.result()
