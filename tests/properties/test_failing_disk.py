"""Every call that writes fails in turn, as in SQLite's tests: what is left is readable and goes on to the same digest.

A first run counts the calls (write, pwrite, fsync, link, replace, truncate, open for writing). Then, for each of them,
comes a run in which this very call fails: for good with ENOSPC, as on a disk that stays full, or once with EIO. A write
that fails has written half. After that the disk is sound again.
"""

from __future__ import annotations

import errno
import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from equipoise.study import read_study
from equipoise.study.runner import run_item
from equipoise.study.spec import load_study
from equipoise.study.store import Store
from equipoise.training import TrainConfig, train
from hw_profiles.errors import InputError
from hw_profiles.record import Record

CALLS = ("write", "pwrite", "fsync", "link", "replace", "ftruncate", "open")


class Disk:
    """Counts the calls that write into ``folder`` and lets one of them, or all from it on, fail."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = str(folder), 0
        self.fails_at, self.kind, self.lasting = 0, errno.ENOSPC, True
        self.failed = False

    def meets(self, name: str, arguments: tuple[Any, ...]) -> bool:
        """Whether a call concerns the folder, and writes."""
        what = arguments[0]
        if name == "open":
            flags = arguments[1] if len(arguments) > 1 else 0
            return str(what).startswith(self.folder) and bool(flags & os.O_CREAT)
        if isinstance(what, int):
            try:
                return os.readlink(f"/proc/self/fd/{what}").startswith(self.folder)
            except OSError:
                return False
        return str(what).startswith(self.folder)

    def wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **more: Any) -> Any:
            if self.meets(name, arguments):
                self.count += 1
                if self.count == self.fails_at or (self.lasting and 0 < self.fails_at < self.count):
                    self.failed = True
                    if name in ("write", "pwrite") and len(arguments[1]) > 1:
                        call(arguments[0], arguments[1][: len(arguments[1]) // 2], *arguments[2:])
                    raise OSError(self.kind, os.strerror(self.kind))
            return call(*arguments, **more)

        return wrapped

    @contextmanager
    def faulty(self, at: int, kind: int = errno.ENOSPC, lasting: bool = True) -> Iterator[None]:
        self.count, self.fails_at, self.kind, self.lasting, self.failed = 0, at, kind, lasting, False
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, self.wrap(name, getattr(os, name)))
            yield


def every_fault(disk: Disk, work: Callable[[], None], both: bool = False) -> Iterator[str]:
    """Do ``work`` for every call, with one kind of fault or with both; yields after each, on a sound disk again."""
    with disk.faulty(0):
        work()
    calls = disk.count
    assert calls > 3
    yield "none"
    for at in range(1, calls + 1):
        kinds = ((errno.ENOSPC, True), (errno.EIO, False))
        for kind, lasting in kinds if both else (kinds[at % 2],):
            with disk.faulty(at, kind, lasting), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with suppress(OSError, InputError):
                    work()
            if not disk.failed:  # rows are flushed by the clock, so that a quick run has a call or two less
                assert at > calls / 2
                return
            yield f"call {at} of {calls}, {errno.errorcode[kind]}, {'lasting' if lasting else 'once'}"


def clear(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if "tmp" in path.name or "part" in path.name]


def test_a_record(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    path = folder / "r.h5"
    told: list[int] = []

    def work() -> None:
        clear(folder)
        told.clear()
        with Record.create(path, kind="t", config={}, seeds={}, target={}) as record:
            for number in range(3):
                record.append("rows", {"n": number})
                record.flush()
                told.append(number)

    for where in every_fault(Disk(folder), work, both=True):
        if path.exists():
            rows = [row["n"] for row in Record.open(path).tables.get("rows", [])]
            assert rows == list(range(len(rows))), where
            assert len(rows) >= len(told), where
        else:
            assert not told, where
        assert not leftovers(folder), where


SMALL = TrainConfig(layers=(64, 6, 10), epochs=2, train_samples=40, test_samples=20, free_steps=10, nudge_steps=5)


def curve(record: Record) -> str:
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in record.tables["epochs"]]
    return json.dumps(rows) + str(sum(v.sum() for k, v in record.results.items() if k.startswith("weights.")))


@pytest.mark.slow
def test_a_training_with_its_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    config = replace(SMALL, out=folder / "t.h5", resume=True)
    train(config)
    alike = curve(Record.open(folder / "t.h5"))
    told: list[int] = []

    def work() -> None:
        clear(folder)
        told.clear()
        train(config, lambda news: told.append(news["epoch"]) if news.get("done") else None)

    for where in every_fault(Disk(folder), work):
        if (folder / "t.h5").exists():
            rows = Record.open(folder / "t.h5").tables.get("epochs", [])
            assert len(rows) >= len(told), where
        if told:
            assert (folder / "t.h5.checkpoint").exists(), where
        train(config)
        assert curve(Record.open(folder / "t.h5")) == alike, where
        assert not leftovers(folder), where


@pytest.mark.slow
def test_a_study(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    (tmp_path / "s.toml").write_text(
        'name = "s"\ntask = "calibrate"\n[fixed]\nmilliseconds = 0\n[grid]\nseed = [0, 1, 2]\n'
    )
    study, out = load_study(tmp_path / "s.toml"), folder / "s.h5"
    told: list[str] = []

    def sweep() -> None:
        """What `run_study` does, without workers."""
        store = Store(out, study.name, study.text)
        try:
            store.arrange({item.key: item.index for item in study.items})
            for item in study.items:
                if item.key not in store.entries:
                    store.add(run_item(item))
                    told.append(item.key)
                    store.write()
        except BaseException:
            store.abandon()
            raise
        store.close()

    def work() -> None:
        clear(folder)
        told.clear()
        sweep()

    sweep()
    alike = read_study(out).digest()
    for where in every_fault(Disk(folder), work):
        if told:
            assert {entry.key for entry in read_study(out).complete} >= set(told), where
        sweep()
        assert read_study(out).digest() == alike, where
        assert [path.name for path in folder.iterdir()] == ["s.h5"], where
