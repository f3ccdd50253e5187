"""Searches: what is proposed depends on seed and results alone, nothing is lost or repeated, and the best is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import run
from equipoise.study import conclude_search, load_study, read_study, run_search, run_study
from equipoise.study.spec import runs_of
from hw_profiles.errors import InputError

pytest.importorskip("optuna")

TASK = """
from equipoise.study.tasks import Outcome
from hw_profiles.ledger import Event, Ledger

def bowl(x, width, kind="round", seed=0):
    if x > 0.97:
        raise ValueError("over the edge")
    ledger = Ledger()
    ledger.add(Event.STEPS, 1000 * width)
    ledger.add(Event.SYNAPTIC_OPERATIONS, 100, core=0)
    return Outcome({"loss": (x - 0.3) ** 2 + 0.01 * width + (kind == "square") + seed * 1e-6}, ledger=ledger)
"""
TEXT = """
name = "bowl"
task = "bowl_task:bowl"
[grid]
seed = [0, 1]
[search]
runs = {runs}
batch = 3
seed = 5
{more}
[search.space]
x = {{ low = 0.0, high = 1.0 }}
width = {{ low = 1, high = 9 }}
kind = {{ choices = ["round", "square"] }}
[search.objectives]
{objectives}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bowl_task.py").write_text(TASK)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def study(folder: Path, runs: int = 18, more: str = "", objectives: str = 'loss = "minimise"') -> Any:
    path = folder / "bowl.toml"
    path.write_text(TEXT.format(runs=runs, more=more, objectives=objectives))
    return load_study(path, allow_tasks=True)


def test_it_finds_the_bottom_and_says_so(folder: Path) -> None:
    made = study(folder, 30)
    data, proposals = run_search(made, folder / "s.h5", retries=0)
    assert len(proposals) == 30
    assert len(data.entries) <= 60 == runs_of(made.text)
    best = min(p.values[0] for p in proposals if p.values)
    assert best < 0.03  # the bottom is 0.01; a proposal at random is at 0.7 on average
    sentences = conclude_search(made, proposals)
    assert "proposals tried" in sentences[0]
    assert sentences[1].startswith("Best: x=0.")
    assert "means over 2 runs" in sentences[1]


def test_workers_and_interruptions_change_nothing(folder: Path) -> None:
    made = study(folder)
    alone, first = run_search(made, folder / "one.h5", retries=0)
    two, second = run_search(made, folder / "two.h5", retries=0, workers=2)
    assert alone.digest() == two.digest()
    assert [p.parameters for p in first] == [p.parameters for p in second]

    class Stop(Exception):
        pass

    def stop(done: int, total: int, failed: int) -> None:
        assert total == 36
        if done == 13:
            raise Stop

    with pytest.raises(Stop):
        run_search(made, folder / "cut.h5", retries=0, progress=stop)
    assert 13 <= len(read_study(folder / "cut.h5").entries) < 36
    seen: list[int] = []
    again, third = run_search(made, folder / "cut.h5", retries=0, progress=lambda done, *_: seen.append(done))
    assert again.digest() == alone.digest()
    assert [p.parameters for p in third] == [p.parameters for p in first]
    failed = sum(entry.status != "complete" for entry in alone.entries)
    assert len(seen) <= len(alone.entries) - 12 + failed  # only what had failed was run again


def test_failures_are_kept_and_proposals_go_on(folder: Path) -> None:
    made = study(folder, 60, more='sampler = "random"')
    data, proposals = run_search(made, folder / "s.h5", retries=0)
    failed = [p for p in proposals if p.values is None]
    assert failed
    assert all(p.parameters["x"] > 0.97 for p in failed)
    assert len(proposals) == 60
    assert "failed" in conclude_search(made, proposals)[0]
    assert any("over the edge" in entry.error for entry in data.entries)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_several_objectives_and_joules(folder: Path, sampler: str) -> None:
    objectives = 'loss = "minimise"\nenergy = "minimise"\nlatency = "minimise"'
    made = study(folder, 15, more=f'sampler = "{sampler}"\nprofile = "loihi2"', objectives=objectives)
    _, proposals = run_search(made, folder / "s.h5", retries=0)
    good = [p for p in proposals if p.values]
    assert all(len(p.values or ()) == 3 for p in good)
    by_width = sorted(good, key=lambda p: p.parameters["width"])
    energies = [p.values[1] for p in by_width if p.values]
    assert energies == sorted(energies)  # more steps cost more joules
    sentences = conclude_search(made, proposals)
    assert "beaten by no other" in sentences[1]
    assert "energy" in sentences[2]


def test_the_command_searches_and_concludes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study(folder, 6)
    words = ["sweep", str(folder / "bowl.toml"), "--out", str(folder / "s.h5"), "--allow-tasks", "--json"]
    assert run(words) in (0, 1)
    said = json.loads(capsys.readouterr().out)
    assert said["findings"][1].startswith("Best: ")
    assert 0 < said["runs"] <= 12


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("runs = 18", "", "runs says"), ("batch = 3", "batch = 0", "batch"),
        ("seed = 5", "sampler = 'magic'", "tpe, random"), ('loss = "minimise"', 'loss = "smaller"', "minimise"),
        ('loss = "minimise"', 'energy = "minimise"', "profile"), ("low = 1, high = 9", "choices = []", "choices"),
        ("low = 0.0, high = 1.0", "low = 2.0, high = 1.0", "low below high"),
        ("low = 1, high = 9", "low = 0, high = 9, log = true", "above zero"),
        ("runs = 18", "runs = 18\nspeed = 3", "unknown"), ("[grid]", "[grid]\nx = [1]", "as well"),
        ("[grid]", "[[case]]\n[grid]", "case"),
    ],
)  # fmt: skip
def test_bad_searches(folder: Path, old: str, new: str, word: str) -> None:
    study(folder)
    path = folder / "bowl.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=word):
        load_study(path, allow_tasks=True)


def test_an_objective_that_the_task_does_not_give(folder: Path) -> None:
    made = study(folder, 3, objectives='quality = "maximise"')
    with pytest.raises(InputError, match="its results are loss"):
        run_search(made, folder / "s.h5")
    with pytest.raises(InputError, match="run_search"):
        run_study(made, folder / "t.h5")
