"""Faults of the machine at the command line: one line, an exit code, nothing lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import run
from hw_profiles import output
from hw_profiles.record import Record


def command(*arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "equipoise", *arguments], text=True, check=False, **{"stderr": subprocess.PIPE, **how}
    )


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    path = tmp_path / "p.qubo"
    assert run(["qubo", "generate", "mis", "--nodes", "8", "--density", "0.4", "--out", str(path)]) == 0
    return path


@pytest.mark.parametrize("kind", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_a_failing_disk_is_one_line_and_exit_code_1(
    problem: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: int
) -> None:
    puts: list[Path] = []
    put = output.Output.put

    def fail_later(self: output.Output, *arguments: Any, **more: Any) -> Path:
        puts.append(self.path)
        if len(puts) > 1:
            raise OSError(kind, os.strerror(kind))
        return put(self, *arguments, **more)

    monkeypatch.setattr(output.Output, "put", fail_later)
    capsys.readouterr()
    assert (
        run(["qubo", "solve", str(problem), "--target", "loihi2-sim", "--steps", "20", "--out", str(tmp_path / "r.h5")])
        == 1
    )
    error = capsys.readouterr().err
    assert error.startswith("equipoise: cannot write")
    assert error.count("\n") == 1
    assert Record.open(tmp_path / "r.h5").status == "running"


def test_a_full_disk_under_standard_output(problem: Path) -> None:
    with open("/dev/full", "w") as full:
        done = command("qubo", "solve", str(problem), "--target", "loihi2-sim", "--steps", "20", "--json", stdout=full)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "equipoise: cannot write: no space left on device; what was done before is kept"
    ]


def test_a_reader_that_has_enough(tmp_path: Path) -> None:
    for number in range(30):
        with Record.create(tmp_path / f"r{number}.h5", kind="t", config={}, seeds={}, target={}) as record:
            record.result("text", "x" * 5000)
    process = subprocess.Popen(
        [sys.executable, "-m", "equipoise", "records", "export", str(tmp_path), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    error = process.stderr.read()
    assert process.wait() == 0, error
    assert error == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"])
def test_without_a_terminal_and_without_streams(problem: Path, tmp_path: Path, closed: str) -> None:
    line = f'exec "{sys.executable}" -m equipoise qubo solve "{problem}" --steps 20 --out "{tmp_path}/r.h5" {closed}'
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert Record.open(tmp_path / "r.h5").status == "complete"


def test_an_error_of_ours_is_one_line_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **more: Any) -> None:
        raise ZeroDivisionError("x" * 1000)

    monkeypatch.setattr("hw_profiles.profile.list_profiles", broken)
    assert run(["profiles", "list"]) == 70
    error = capsys.readouterr().err
    assert error.startswith("equipoise: an error in equipoise itself: ZeroDivisionError")
    assert len(error) <= 301
    monkeypatch.setenv("EQUIPOISE_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run(["profiles", "list"])


def test_no_memory_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **more: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("hw_profiles.profile.list_profiles", broken)
    assert run(["profiles", "list"]) == 1
    assert "memory does not suffice" in capsys.readouterr().err


def test_a_clock_that_goes_backwards_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    times = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: next(times))
    monkeypatch.setattr(time, "gmtime", lambda *_: time.struct_time((1970, 1, 1, 0, 0, 0, 3, 1, 0)))
    with Record.create(tmp_path / "r.h5", kind="t", config={}, seeds={}, target={}) as record:
        for number in range(5):
            os.utime(tmp_path / "r.h5")
            record.append("rows", {"n": number})
            record.flush()
    written = [path for path in tmp_path.glob("r*.h5") if "rows" in Record.open(path).tables]
    assert any(len(Record.open(path).tables["rows"]) == 5 for path in written)


@pytest.mark.parametrize(
    "words",
    [
        ["export", "spice", os.devnull, "--out", "new.cir"],
        ["export", "spice", "empty", "--out", "new.cir"],
        ["compare", "inference", "--dataset", "absent/file", "--epochs", "1"],
        ["compare", "training", "--dataset", "absent/file", "--epochs", "1"],
    ],
)
def test_what_cannot_work_is_said_before_any_work(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").touch()
    assert run(words) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
