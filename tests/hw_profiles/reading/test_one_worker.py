"""`one_worker`: many files in one process, and a damaged one decides about no other."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from hw_profiles.errors import InputError
from hw_profiles.reading import one_worker, probe, probe_bytes

_seen = 0


def say_who(path: Path) -> None:
    """Write the process into the file's neighbour."""
    path.with_suffix(".pid").write_text(str(os.getpid()))
    if path.stem.startswith("refused"):
        raise InputError("refused")
    if path.stem.startswith("crash"):
        os.abort()
    if path.stem.startswith("hang"):
        time.sleep(60)


def spoilt(path: Path) -> None:
    """Crash in a process that has seen a file before, as a library does whose memory was damaged."""
    global _seen
    _seen += 1
    if _seen > 1:
        os.abort()


def of_bytes(data: bytes) -> None:
    if data != b"x" * len(data):
        raise InputError("not all x")


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "work_of_a_worker", sys.modules[__name__])


def who(folder: Path, *names: str) -> list[str]:
    """The process that looked at each file."""
    for name in names:
        path = folder / name
        path.write_bytes(b"1")
        try:
            probe("work_of_a_worker:say_who", path)
        except InputError:
            assert not name.startswith("sound")
    return [(folder / name).with_suffix(".pid").read_text() for name in names]


def test_sound_files_share_a_process_and_outside_they_do_not(tmp_path: Path) -> None:
    with one_worker():
        assert len(set(who(tmp_path, "sound1", "sound2", "sound3"))) == 1
    assert len(set(who(tmp_path, "sound4", "sound5"))) == 2


@pytest.mark.parametrize("bad", ["refused", "crash"])
def test_after_a_damaged_file_comes_a_fresh_process(bad: str, tmp_path: Path) -> None:
    with one_worker():
        first, damaged, after = who(tmp_path, "sound1", bad, "sound2")
    assert after != damaged
    assert (first == damaged) == (bad == "refused")  # a crash is tried again in a fresh one


def test_what_a_used_process_cannot_do_a_fresh_one_is_asked(tmp_path: Path) -> None:
    with one_worker():
        for name in ("a", "b", "c"):
            (tmp_path / name).write_bytes(b"1")
            probe("work_of_a_worker:spoilt", tmp_path / name)


def test_a_hang_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hw_profiles.reading.probing.WALL_SECONDS", 0.5)
    (tmp_path / "hang").write_bytes(b"1")
    began = time.monotonic()
    with one_worker(), pytest.raises(InputError, match="come to an end"):
        probe("work_of_a_worker:say_who", tmp_path / "hang")
    assert time.monotonic() - began < 20


def test_bytes_short_and_long(tmp_path: Path) -> None:
    with one_worker():
        probe_bytes("work_of_a_worker:of_bytes", b"x" * 300_000, "short")
        probe_bytes("work_of_a_worker:of_bytes", b"x" * 3_000_000, "long")
        with pytest.raises(InputError, match="not all x"):
            probe_bytes("work_of_a_worker:of_bytes", b"xy", "wrong")


def test_no_process_and_no_descriptor_is_left(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    with one_worker():
        pids = who(tmp_path, "sound1", "refused", "crash", "sound2")
    assert len(os.listdir("/proc/self/fd")) == len(before)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
