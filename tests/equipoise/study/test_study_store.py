"""What a study keeps: changed grids, damaged journals, two writers, failing disks, scripts without a guard."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import run
from equipoise.study import load_study, read_study, run_study
from equipoise.study.runner import run_item
from equipoise.study.spec import Study
from equipoise.study.store import Store, journal_of
from hw_profiles._journal import Journal, Lines
from hw_profiles.errors import InputError

LIGHT = 'name = "light"\ntask = "calibrate"\n[fixed]\nmilliseconds = 1\n[grid]\nseed = {}\n'


def study(folder: Path, seeds: list[int]) -> Study:
    path = folder / "light.toml"
    path.write_text(LIGHT.format(seeds))
    return load_study(path)


def kept(folder: Path, seeds: list[int], runs: int, close: bool = True) -> Path:
    """A study's file with the first ``runs`` runs of it."""
    light, out = study(folder, seeds), folder / "s.h5"
    store = Store(out, light.name, light.text)
    for item in light.items[:runs]:
        store.add(run_item(item))
    store.close() if close else store.abandon()
    return out


@pytest.mark.parametrize("finished", [True, False])
def test_a_narrower_grid_keeps_every_finished_run_and_says_so(tmp_path: Path, finished: bool) -> None:
    out = kept(tmp_path, list(range(10)), 10, close=finished)
    words: list[str] = []
    data = run_study(study(tmp_path, [3, 7, 20]), out, tell=words.append)
    assert len(words) == 1
    assert "2 finished runs kept, 1 new, 8 now outside the grid; those stay in s.h5" in words[0]
    assert [entry.parameters["seed"] for entry in data.entries] == [3, 7, 20]
    assert sorted(entry.parameters["seed"] for entry in data.outside) == [0, 1, 2, 4, 5, 6, 8, 9]
    assert all(entry.results for entry in data.outside)
    assert data.digest() == run_study(study(tmp_path, [3, 7, 20]), tmp_path / "fresh.h5").digest()
    # the same again has nothing to say; wide again, nothing is done twice
    words.clear()
    run_study(study(tmp_path, [3, 7, 20]), out, tell=words.append)
    assert words == []
    before = {entry.key: entry.seconds for entry in (*data.entries, *data.outside)}
    wide = run_study(study(tmp_path, [*range(10), 20]), out, tell=words.append)
    assert {entry.key: entry.seconds for entry in wide.entries} == before
    assert wide.outside == []


def test_the_command_says_it_and_lists_what_is_outside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = kept(tmp_path, list(range(4)), 4)
    study(tmp_path, [0])
    assert run(["sweep", str(tmp_path / "light.toml"), "--out", str(out), "--json"]) == 0
    printed = capsys.readouterr()
    assert "1 finished runs kept, 0 new, 3 now outside the grid" in printed.err
    assert json.loads(printed.out)["outside"] == 3
    assert run(["records", "ls", str(out), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["records"]) == 4


@pytest.mark.parametrize("where", ["in a line", "at a line's end", "in the checksum", "in the first line"])
def test_a_damaged_byte_costs_its_own_line_and_is_said(tmp_path: Path, where: str) -> None:
    out = kept(tmp_path, list(range(10)), 10, close=False)
    journal = journal_of(out)
    lines = journal.read_bytes().split(b"\n")
    content = bytearray(journal.read_bytes())
    start = sum(len(line) + 1 for line in lines[:4])
    places = {"in a line": start + 90, "at a line's end": start + len(lines[4]), "in the checksum": start + 3}
    place = places.get(where, 20)
    content[place] ^= 0x55
    journal.write_bytes(content)
    lost = {"at a line's end": 2, "in the first line": 0}.get(where, 1)
    data = read_study(out)
    assert len(data.complete) == 10 - lost
    assert len(data.dropped) == 1
    line = 1 if where == "in the first line" else 5
    assert f"line {line} (bytes {0 if line == 1 else start} to" in data.dropped[0]
    words: list[str] = []
    again = run_study(study(tmp_path, list(range(10))), out, tell=words.append)
    assert len(again.complete) == 10
    assert again.digest() == run_study(study(tmp_path, list(range(10))), tmp_path / "u.h5").digest()
    assert "is damaged and was left out; its run is done again" in words[0]


def test_every_single_damaged_byte_is_found(tmp_path: Path) -> None:
    out = kept(tmp_path, list(range(3)), 3, close=False)
    journal = journal_of(out)
    content = journal.read_bytes()
    whole = {entry.key: entry.plain() for entry in read_study(out).entries}
    for place in range(0, len(content), 7):
        broken = bytearray(content)
        broken[place] ^= 1 << place % 8
        journal.write_bytes(broken)
        data = read_study(out)
        assert data.dropped
        assert all(entry.plain() == whole[entry.key] for entry in data.entries)


def test_lines_of_earlier_versions_are_read(tmp_path: Path) -> None:
    out = kept(tmp_path, list(range(3)), 3, close=False)
    journal = journal_of(out)
    old = b"".join(line[9:] + b"\n" for line in journal.read_bytes().splitlines())
    journal.write_bytes(old)
    assert len(read_study(out).complete) == 3
    assert len(run_study(study(tmp_path, list(range(4))), out).complete) == 4


def test_a_commit_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j", {"study": "s"})
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number).st_size))
    journal.write({"a": 1})
    assert synced == [(tmp_path / "j").stat().st_size]
    journal.close()


def test_something_else_called_like_the_journal_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "s.h5.journal").write_text("my diary\nnobody's business\n")
    with pytest.raises(InputError, match="no line of a journal"):
        run_study(study(tmp_path, [0]), tmp_path / "s.h5")
    assert (tmp_path / "s.h5.journal").read_text() == "my diary\nnobody's business\n"
    assert not (tmp_path / "s.h5").exists()


RACER = """
import sys, time
from pathlib import Path
from hw_profiles._journal import Journal
from hw_profiles.errors import InputError
path, wins = Path(sys.argv[1]), 0
end = time.monotonic() + 2
while time.monotonic() < end:
    try:
        journal = Journal(path, {"study": "s"})
    except InputError:
        continue
    count = len(journal.lines.entries)
    journal.write({"n": count})
    assert path.exists(), "written where nobody looks"
    total = Path(sys.argv[2])
    total.write_text(str(int(total.read_text()) + 1))
    journal.remove() if count > 5 else journal.close()
    wins += 1
print(wins)
"""


def test_two_writers_never_hold_one_journal(tmp_path: Path) -> None:
    """Both open, write and remove the same journal as fast as they can; a counter beside it tells whether they met."""
    (tmp_path / "total").write_text("0")
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, str(tmp_path / "j"), str(tmp_path / "total")],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]  # fmt: skip
    ends = [racer.communicate() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0], ends
    wins = [int(out) for out, _ in ends]
    assert sum(wins) == int((tmp_path / "total").read_text())
    assert min(wins) > 0


def test_the_journal_is_locked_before_the_study_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second sweep that read before it locked would miss what the first writes in between."""
    light = study(tmp_path, [0, 1])
    first = Store(tmp_path / "s.h5", light.name, light.text)
    inner: Callable[..., Any] = Journal.__init__
    first_is_done: list[bool] = []

    def finish_first(self: Journal, *arguments: Any) -> None:
        if not first_is_done:
            first_is_done.append(True)
            first.add(run_item(light.items[0]))
            first.close()
        inner(self, *arguments)

    monkeypatch.setattr(Journal, "__init__", finish_first)
    second = Store(tmp_path / "s.h5", light.name, light.text)
    assert list(second.entries) == [light.items[0].key]
    second.close()


SCRIPT = """
from equipoise.study import load_study, run_study
print("begins")
data = run_study(load_study({toml!r}), {out!r}, workers=2)
print(len(data.complete), "complete")
"""


def test_a_script_without_a_guard_works_and_is_run_once(tmp_path: Path) -> None:
    study(tmp_path, [0, 1, 2])
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(toml=str(tmp_path / "light.toml"), out=str(tmp_path / "s.h5")))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout == "begins\n3 complete\n", done.stderr
    assert done.stderr == ""


def test_a_script_without_a_guard_that_defines_the_task_is_told_why_not(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('name = "s"\ntask = "__main__:f"\n[grid]\nseed = [0, 1]\n')
    script = tmp_path / "script.py"
    script.write_text(
        "from equipoise.study.tasks import Outcome\ndef f(*, seed):\n    return Outcome({'seed': seed})\n"
        + SCRIPT.format(toml=str(tmp_path / "s.toml"), out=str(tmp_path / "s.h5")).replace(
            "), ", ", allow_tasks=True), ", 1
        )
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0
    assert "put the call under if __name__ == '__main__':" in done.stderr
    guarded = script.read_text().replace('print("begins")', "if __name__ == '__main__':").replace("\ndata", "\n  data")
    script.write_text(guarded.replace("\nprint(len", "\n  print(len"))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout == "2 complete\n", done.stderr


def test_failed_runs_are_in_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.toml").write_text('name = "s"\ntask = "calibrate"\n[grid]\nseed = [-1, 0]\n')
    arguments = ["sweep", str(tmp_path / "s.toml"), "--out", str(tmp_path / "s.h5"), "--retries", "0"]
    assert run(arguments) == 1
    assert "1 of 2 runs failed, the first with" in capsys.readouterr().err
    assert run([*arguments, "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["failed"]) == 1


def test_sigterm_ends_a_sweep_in_one_line_and_keeps_its_runs(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('name = "s"\ntask = "calibrate"\n[fixed]\nmilliseconds = 20\n[grid]\nseed = '
                                     + str(list(range(400))) + "\n")  # fmt: skip
    out = tmp_path / "s.h5"
    process = subprocess.Popen(
        [sys.executable, "-m", "equipoise", "sweep", str(tmp_path / "s.toml"), "--out", str(out)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        while process.poll() is None and not (
            journal_of(out).exists() and len(Lines.read(journal_of(out)).entries) > 5
        ):
            pass
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert error.strip() == "equipoise: interrupted; what was done is kept"
    assert 5 <= len(read_study(out).complete) < 400
    assert len(run_study(load_study(tmp_path / "s.toml"), out, workers=2).complete) == 400


def test_the_page_and_the_study_are_two_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    light = study(tmp_path, [0])
    out = tmp_path / "n.h5"
    for page in (out, journal_of(out), tmp_path / "light.toml"):
        arguments = ["sweep", str(tmp_path / "light.toml"), "--out", str(out), "--report", str(page), "--force"]
        assert run(arguments) == 2
        assert "are both" in capsys.readouterr().err
    assert not out.exists()
    page = tmp_path / "page.html"
    arguments = ["sweep", str(tmp_path / "light.toml"), "--out", str(out), "--report", str(page)]
    page.write_text("my page")
    assert run(arguments) == 2
    assert page.read_text() == "my page"
    page.unlink()
    assert run(arguments) == 0
    assert run(arguments) == 0  # its own page, and the same command goes on
    assert len(read_study(out).complete) == len(light.items)


def test_runs_are_called_by_what_differs_among_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = kept(tmp_path, [3, 7], 2)
    assert sorted(read_study(out).names().values()) == ["seed=3", "seed=7"]
    assert run(["records", "ls", str(out)]) == 0
    assert "seed=7" in capsys.readouterr().err
