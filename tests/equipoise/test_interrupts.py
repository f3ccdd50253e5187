"""Interrupts: they wait for a write to end, none is lost, and at whatever line one comes the files are whole."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import h5py
import pytest
import torch

from equipoise.run import Run
from equipoise.training import TrainConfig, train
from hw_profiles._journal import Journal, Lines
from hw_profiles.interrupts import held, interruptible
from hw_profiles.output import Output
from hw_profiles.record import Record

SMALL = TrainConfig(layers=(64, 8, 10), free_steps=40, nudge_steps=20, train_samples=80, test_samples=20)
SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def handlers_are_put_back():
    """Python's own handlers, which a process that was started in the background lacks; and nothing stays changed."""
    for number, handler in zip(SIGNALS, (signal.default_int_handler, signal.SIG_DFL)):
        signal.signal(number, handler)
    before = [signal.getsignal(number) for number in SIGNALS], sys.unraisablehook
    yield
    assert ([signal.getsignal(number) for number in SIGNALS], sys.unraisablehook) == before


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupt_waits_for_the_block(number: signal.Signals) -> None:
    done = []

    def work() -> None:
        with held():
            signal.raise_signal(number)
            done.append("inside")
            with held():
                signal.raise_signal(number)
                done.append("further inside")
            done.append("still inside")

    with interruptible():
        with pytest.raises(KeyboardInterrupt):
            work()
        with held():
            pass  # nothing is left to raise
    assert done == ["inside", "further inside", "still inside"]


def test_release_raises_what_came() -> None:
    with held() as waiting:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            waiting.release()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_sigterm_without_a_handler_is_left_alone() -> None:
    with held():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_other_threads_hold_nothing() -> None:
    seen = []

    def work() -> None:
        with interruptible(), held():
            seen.extend(signal.getsignal(number) for number in SIGNALS)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(number) for number in SIGNALS]


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupt_that_a_callback_drops_comes_again(number: signal.Signals, capsys) -> None:
    class Thing:
        pass

    def callback(reference: Any) -> None:
        signal.raise_signal(number)

    things = [Thing()]
    reference = weakref.ref(things[0], callback)

    def work() -> None:
        things.clear()
        assert reference() is None
        time.sleep(5)

    with pytest.raises(KeyboardInterrupt), interruptible():
        work()
    assert "ignored" not in capsys.readouterr().err


def test_other_errors_that_a_callback_drops_are_reported(monkeypatch) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: reported.append(dropped.exc_type))

    class Thing:
        def __del__(self) -> None:
            raise ValueError

    with interruptible():
        thing = Thing()
        del thing
    assert reported == [ValueError]


def interrupted_at(line: int, files: set[str], work: Callable[[], None]) -> bool | None:
    """Do the work with SIGINT at the ``line``-th line that it runs in ``files``; whether it raised, None: not sent."""
    passed = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal passed
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            passed += 1
            if passed == line:
                sys.settrace(None)
                signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
        return False if passed >= line else None
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)


def files_of(*names: str) -> set[str]:
    return {str(sys.modules[name].__file__) for name in names}


WRITING = ("hw_profiles.record", "hw_profiles.output", "hw_profiles._column", "hw_profiles._journal")


def test_a_run_that_is_interrupted_anywhere_has_no_record_or_a_whole_one(tmp_path: Path) -> None:
    seen = set()

    def work() -> None:
        with Run.prepare("ideal", "network", out=out).recording("train", config={}, seeds={}) as record:
            assert record is not None
            record.append("epochs", {"epoch": 1})
            record.flush()

    work_files = files_of(*WRITING, "equipoise.run")
    for line in range(1, 10_000, 2):
        folder = tmp_path / str(line)
        folder.mkdir()
        out = folder / "r.h5"
        raised = interrupted_at(line, work_files, work)
        if raised is None:
            break
        assert raised, line
        left = {path.name for path in folder.iterdir()}
        assert left <= {"r.h5"}, (line, left)
        status = Record.open(out).status if left else "none"
        seen.add(status)
        assert status in ("none", "interrupted", "complete"), (line, status)
    assert line > 300
    assert seen == {"none", "interrupted", "complete"}


def test_an_output_that_is_interrupted_anywhere_goes_on(tmp_path: Path) -> None:
    output = Output(tmp_path / "a")
    line, raised = 0, True
    while raised:
        line += 1
        raised = bool(interrupted_at(line, files_of(*WRITING), lambda: output.put(b"one")))
        assert output.put(b"two") == tmp_path / "a"
        assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert line > 30


def test_a_journal_that_is_interrupted_anywhere_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "j"
    line, raised = 0, True
    written = 0
    while raised:
        line += 1
        journal = Journal(path, {"header": True})
        raised = bool(interrupted_at(line, files_of(*WRITING), lambda: journal.write({"number": 1})))  # noqa: B023
        journal.write({"number": 2})
        journal.close()
        entries = [entry for entry in Lines.read(path).entries if "number" in entry]
        texts = path.read_text().splitlines()
        assert len(entries) == len(texts) - 1
        assert json.loads(texts[-1].partition(" ")[2]) == {"number": 2}
        written = len(entries)
    assert line > 8
    assert written > line + 2  # the first of the two was committed sometimes, too


def test_records_of_one_name_are_written_at_once(tmp_path: Path) -> None:
    """HDF5 knows a file in memory by its name alone."""
    with h5py.File("r.h5", "w", driver="core", backing_store=False):
        Record.create(tmp_path / "r.h5", kind="train", config={}, seeds={}, target={}).close()
    assert Record.open(tmp_path / "r.h5").status == "complete"


def test_a_training_that_is_interrupted_anywhere_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    config = TrainConfig(
        layers=(64, 8, 10), epochs=2, batch_size=40, free_steps=40, nudge_steps=20, train_samples=80, test_samples=20
    )
    files = files_of(*WRITING, "equipoise.training.trainer", "equipoise.training.checkpoint", "equipoise.run")
    lines = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count if frame.f_code.co_filename in files else None

    before = sys.gettrace()
    sys.settrace(count)
    try:
        whole = train(replace(config, out=tmp_path / "whole.h5"))
    finally:
        sys.settrace(before)
    seen = set()
    for line in range(3, lines, max(1, lines // 8)):
        out = tmp_path / f"{line}.h5"
        interrupted_at(line, files, lambda: train(replace(config, out=out)))  # noqa: B023
        statuses = {Record.open(out).status} if out.exists() else {"none"}
        seen |= statuses
        assert statuses <= {"none", "interrupted", "complete"}, (line, statuses)
        again = train(replace(config, out=out, resume=True))
        for name, weights in whole.network.state_dict().items():
            assert torch.equal(again.network.state_dict()[name], weights), (line, name)
        rows = [row["epoch"] for row in Record.open(out).tables["epochs"]]
        assert rows == [1, 2], (line, rows)
    assert {"none", "interrupted"} <= seen
