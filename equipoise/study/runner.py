"""Running a study: on local processes, or on a Dask cluster; resumable, failures kept and retried.

A run depends on its parameters alone, so the number of workers, their order and an interruption change nothing.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from equipoise.study.spec import Item, Study
from equipoise.study.store import Entry, Store, StudyData, journal_of, read_study
from equipoise.study.tasks import find_task
from hw_profiles.errors import InputError

__all__ = ["run_item", "run_study"]

#: called with (runs done, runs in all, failures) after each run
Progress = Callable[[int, int, int], None]
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def run_study(
    study: Study,
    out: str | Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    retries: int = 1,
    progress: Progress | None = None,
) -> StudyData:
    """Do every run of ``study`` that ``out`` does not hold yet, and return all of them.

    Args:
        out: the study's file; a file of the same study is continued, complete runs are not repeated.
        workers: local processes, one thread each.
        scheduler: address of a Dask scheduler to use instead of local processes.
        retries: times a failed run is tried again in this call.

    Raises:
        InputError: ``out`` belongs to another study, is being written by another sweep, or its folder is missing.
    """
    out = Path(out)
    if workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
    if retries < 0:
        raise InputError(f"retries must be zero or more, got {retries}")
    if not out.parent.is_dir():
        raise InputError(f"cannot write {out}: the folder {out.parent} does not exist; make it first")
    if out.exists() and not journal_of(out).exists():
        read_study(out)  # refuse a file that is something else before making a journal beside it
    store = Store(out, study.name, study.text)
    known = {item.key: item for item in study.items}
    store.entries = {k: _placed(e, known[k]) for k, e in store.entries.items() if k in known}
    todo = [i for i in study.items if i.key not in store.entries or store.entries[i.key].status != "complete"]
    done, failed = len(study.items) - len(todo), 0
    execute = _on_cluster(todo, scheduler, retries) if scheduler else _locally(todo, workers, retries)
    try:
        for entry in execute:
            store.add(entry)
            done += 1
            failed += entry.status != "complete"
            if progress:
                progress(done, len(study.items), failed)
    finally:
        execute.close()
        store.write()
    store.close()
    return read_study(out)


def _placed(entry: Entry, item: Item) -> Entry:
    entry.index = item.index  # the study's file may have gained runs since
    return entry


def run_item(item: Item, attempt: int = 1) -> Entry:
    """One run; an exception becomes a failed entry with its traceback."""
    entry = Entry(item.index, item.key, item.task, item.parameters, "failed", attempt)
    began = time.perf_counter()
    try:
        # Whoever made the study allowed its tasks.
        entry.fill(find_task(item.task, allow=True)(**item.parameters))
        entry.status = "complete"
    except Exception as error:
        entry.error = "".join(traceback.format_exception_only(type(error), error)).strip() + "\n" + _tail()
    entry.seconds = time.perf_counter() - began
    return entry


def _tail() -> str:
    return "\n".join(traceback.format_exc().strip().splitlines()[-6:])


def _locally(todo: list[Item], workers: int, retries: int) -> Generator[Entry, None, None]:
    """Entries as they are done. When a worker dies the pool is made anew and what was running starts again; that is
    counted apart from failures, because nobody can tell which of the runs killed it."""
    queue = [(item, 1, 0) for item in reversed(todo)]
    while queue:
        with _single_threads():
            pool = _pool(min(workers, len(queue)))
        running: dict[Future[Entry], tuple[Item, int, int]] = {}
        try:
            while queue or running:
                # Two per worker: none waits, and few are lost with a worker.
                while queue and len(running) < 2 * workers:
                    item, attempt, deaths = queue.pop()
                    running[pool.submit(run_item, item, attempt)] = (item, attempt, deaths)
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    entry = future.result()
                    item, attempt, deaths = running.pop(future)
                    if entry.status != "complete" and attempt <= retries:
                        queue.append((item, attempt + 1, deaths))
                    else:
                        yield entry
        except BrokenProcessPool:
            for future, (item, attempt, deaths) in running.items():
                if future.done() and future.exception() is None and future.result().status == "complete":
                    yield future.result()
                elif deaths > retries + 2:
                    text = f"its worker died {deaths + 1} times"
                    yield Entry(item.index, item.key, item.task, item.parameters, "failed", attempt, error=text)
                else:
                    queue.append((item, attempt, deaths + 1))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _pool(workers: int) -> ProcessPoolExecutor:
    import multiprocessing

    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_follow_parent)


def _follow_parent() -> None:
    """A worker ends when the process that started it is gone, even by a kill; interruptions are the parent's care."""
    import multiprocessing
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def _single_threads() -> Iterator[None]:
    """Workers inherit one thread each; this process keeps its own setting."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _on_cluster(todo: list[Item], address: str, retries: int) -> Generator[Entry, None, None]:
    """The same on a Dask cluster that is already there."""
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise InputError("--scheduler needs Dask: pip install 'equipoise[cluster]'") from None
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(f"no Dask scheduler answers at {address} ({error})") from None
    with client:
        futures = {client.submit(run_item, item, 1, pure=False): (item, 1) for item in todo}
        completed = as_completed(list(futures))
        for future in completed:
            item, attempt = futures.pop(future)
            entry: Any
            try:
                entry = future.result()
            except Exception as error:
                entry = Entry(item.index, item.key, item.task, item.parameters, "failed", attempt, error=repr(error))
            if entry.status != "complete" and attempt <= retries:
                again = client.submit(run_item, item, attempt + 1, pure=False)
                futures[again] = (item, attempt + 1)
                completed.add(again)
            else:
                yield entry
