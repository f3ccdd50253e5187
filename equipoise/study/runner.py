"""Running a study: on local processes, or on a Dask cluster; resumable, failures kept and retried.

A run depends on its parameters alone, so the number of workers, their order and an interruption change nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from equipoise.study._main import call_is_guarded, importing_main
from equipoise.study.spec import Item, Study
from equipoise.study.store import Entry, Store, StudyData, read_study
from equipoise.study.tasks import TASKS, find_task
from hw_profiles._journal import check_recordable
from hw_profiles.arguments import checked
from hw_profiles.errors import InputError

__all__ = ["run_item", "run_study"]

#: called with (runs done, runs in all, failures) after each run
Progress = Callable[[int, int, int], None]
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@checked
def run_study(
    study: Study,
    out: str | Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    retries: int = 1,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> StudyData:
    """Do every run of ``study`` that ``out`` does not hold yet, and return all of them.

    A run that was finished stays in the file, also when the study no longer asks for it: it then stands in ``outside``.
    An interruption is raised when everything is kept; the same call goes on.

    Args:
        out: the study's file; a file of the same study is continued, complete runs are not repeated.
        workers: local processes, one thread each.
        scheduler: address of a Dask scheduler to use instead of local processes.
        retries: times a failed run is tried again in this call.
        progress: called after each run.
        tell: called with a sentence when the grid has changed or something of the journal was damaged. Default: warns.

    Raises:
        InputError: ``out`` belongs to another study, is being written by another sweep, or its folder is missing.
        OSError: the disk is full, or fails; all runs reported before are kept.
    """
    out = Path(out)
    if study.search is not None:
        raise InputError(f"{study.name} searches for parameters: use run_search (equipoise sweep does)")
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise InputError(
            "run_study was called while a worker was importing this script; put the call under "
            "if __name__ == '__main__':"
        )
    if workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
    if retries < 0:
        raise InputError(f"retries must be zero or more, got {retries}")
    store = Store(out, study.name, study.text)
    try:
        todo = _prepare(study, store, tell or _warn)
    except BaseException:
        store.abandon()
        raise
    done, failed = len(study.items) - len(todo), 0
    execute = _on_cluster(todo, scheduler, retries) if scheduler else _locally(todo, workers, retries)
    try:
        for entry in execute:
            store.add(entry)
            done += 1
            failed += entry.status != "complete"
            if progress:
                progress(done, len(study.items), failed)
    except BaseException:
        # The journal holds every run; the file follows if the disk lets it.
        with suppress(OSError):
            store.write()
        store.abandon()
        raise
    finally:
        execute.close()
    store.close()
    return read_study(store.path)


def _prepare(study: Study, store: Store, tell: Callable[[str], None]) -> list[Item]:
    """The runs that are still to do; says what was damaged and how the grid has changed."""
    for text in store.dropped:
        tell(f"{text}; its run is done again")
    outside = {entry.key for entry in store.entries.values() if entry.index < 0}
    known = bool(store.entries)
    left = [
        entry for entry in store.arrange({item.key: item.index for item in study.items}) if entry.key not in outside
    ]
    fresh = [item for item in study.items if item.key not in store.entries]
    todo = [i for i in study.items if i.key not in store.entries or store.entries[i.key].status != "complete"]
    if known and store.earlier_text != study.text and (left or fresh):
        kept = len(study.items) - len(todo)
        tell(
            f"the grid of {study.name} has changed: {kept} finished runs kept, {len(fresh)} new, {len(left)} now "
            f"outside the grid; those stay in {store.path.name}, beside the study"
        )
    return todo


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=4)


def run_item(item: Item, attempt: int = 1) -> Entry:
    """One run; an exception becomes a failed entry with its traceback."""
    entry = Entry(item.index, item.key, item.task, item.parameters, "failed", attempt)
    began = time.perf_counter()
    try:
        # Whoever made the study allowed its tasks.
        entry.fill(find_task(item.task, allow=True)(**item.parameters))
        check_recordable([entry.results, entry.measured, entry.tables])
        entry.status = "complete"
    except Exception as error:
        entry.results, entry.measured, entry.tables, entry.counts = {}, {}, {}, []
        entry.error = "".join(traceback.format_exception_only(type(error), error)).strip() + "\n" + _tail()
    entry.seconds = time.perf_counter() - began
    return entry


def _tail() -> str:
    return "\n".join(traceback.format_exc().strip().splitlines()[-6:])


def _locally(todo: list[Item], workers: int, retries: int) -> Generator[Entry, None, None]:
    """Entries as they are done. When a worker dies the pool is made anew and what was running starts again; that is
    counted apart from failures, because nobody can tell which of the runs killed it."""
    queue = [(item, 1, 0) for item in reversed(todo)]
    guarded = call_is_guarded()
    if not guarded:
        _refuse_tasks_of_main(todo)
    while queue:
        pool = _pool(min(workers, len(queue)))
        running: dict[Future[Entry], tuple[Item, int, int]] = {}
        try:
            while queue or running:
                # Two per worker: none waits, and few are lost with a worker.
                while queue and len(running) < 2 * workers:
                    item, attempt, deaths = queue.pop()
                    with _single_threads(), importing_main(guarded):  # this is where workers are started
                        future = pool.submit(run_item, item, attempt)
                    running[future] = (item, attempt, deaths)
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    entry = future.result()
                    item, attempt, deaths = running.pop(future)
                    if entry.status != "complete" and attempt <= retries:
                        queue.append((item, attempt + 1, deaths))
                    else:
                        yield entry
        except BrokenProcessPool:
            for future, (item, attempt, deaths) in running.items():
                if future.done() and future.exception() is None:  # it came back before the pool broke
                    if future.result().status != "complete" and attempt <= retries:
                        queue.append((item, attempt + 1, deaths))
                    else:
                        yield future.result()
                elif deaths > retries + 2:
                    text = f"its worker died {deaths + 1} times"
                    yield Entry(item.index, item.key, item.task, item.parameters, "failed", attempt, error=text)
                else:
                    queue.append((item, attempt, deaths + 1))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _refuse_tasks_of_main(items: list[Item]) -> None:
    """Workers do not import a script without a guard, so they would not find what it defines."""
    entries = TASKS.entries()
    for task in dict.fromkeys(item.task for item in items):
        if task.startswith("__main__:") or (task in entries and entries[task].origin == "added"):
            raise InputError(
                f"the task {task!r} is defined in the script that calls run_study, and the workers must import it; put "
                "the call under if __name__ == '__main__':"
            )


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_follow_parent)


def _follow_parent() -> None:
    """A worker ends when the process that started it is gone, even by a kill; interruptions are the parent's care."""
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
