"""The campaigns of ``bench``, a handful of cases each: kills at random moments, random command lines."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(["record", "--kills", "8"], id="record"),
        pytest.param(["sweep", "--kills", "4"], id="sweep", marks=pytest.mark.slow),
        pytest.param(["train", "--target", "ideal", "--kills", "4"], id="train", marks=pytest.mark.slow),
    ],
)
def test_a_few_kills(what: list[str]) -> None:
    """In a process of its own: this one may have threads, and cannot be forked."""
    done = subprocess.run(
        [sys.executable, str(BENCH / "kill.py"), *what],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] == int(what[-1])
    assert told["failures"] == []
    assert told["finished_alike"] >= 1


def test_random_command_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = load("random_commands").campaign(25, seed=5)
    assert told["failures"] == []
    assert sum(told["exit_codes"].values()) == 25


@pytest.mark.parametrize(
    ("code", "error", "overwrites", "wrong"),
    [
        (70, "equipoise: an error\n", False, "exit code"),
        (0, "", True, "files changed"),
        (2, "equipoise: one\ntwo\n", False, "more than one line"),
        (2, f"equipoise: {'x' * 300}\n", False, "a long line"),
        (2, "Traceback (most recent call last):\n", False, "Traceback"),
        (2, "equipoise: note: a thing\nequipoise: one\n", False, ""),
    ],
)
def test_the_campaign_sees_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: str, overwrites: bool, wrong: str
) -> None:
    campaigns = load("random_commands")

    def attempt(words: list[str]) -> tuple[int, str]:
        if overwrites:
            Path("t.txt").write_text("gone")
        return code, error

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(campaigns, "attempt", attempt)
    told = campaigns.campaign(2, seed=0)
    assert [failure["wrong"] for failure in told["failures"]][:1] == ([wrong] if wrong else [])
