"""Data-parallel training: two processes of torchrun against one, the same noise, the same counts, kills and resumes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.cli.main import run
from equipoise.training import TrainConfig
from equipoise.training.team import Team
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Key
from hw_profiles.record import Record
from learning_rules import AdaptiveNudge, Centered, Learner
from learning_rules.homeostasis import ClosedForm
from substrates.analog import IdealMachine
from substrates.network import layered

#: batches of 32, 32 and 1: the first process has no part of the last
SMALL = [
    *("--layers", "64-24-10", "--epochs", "2", "--train-samples", "65", "--test-samples", "31", "--batch-size", "32"),
    *("--seed", "4", "--optimizer", "sgd", "--lr", "0.1"),
]


def _together(
    line: list[str], folder: Path, program: Sequence[str] = ("-m", "equipoise")
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", *program, *line]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def _both(line: list[str], folder: Path) -> tuple[Record, Record]:
    """Records of one process and of two."""
    one, two = folder / "one.h5", folder / "two.h5"
    assert run([*line, "--out", str(one)]) == 0
    done = _together([*line, "--processes", "2", "--out", str(two), "--json"], folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "complete"  # one object: the first process speaks
    return Record.open(one), Record.open(two)


def _counts(record: Record) -> dict[Key, int]:
    return {key: count for key, count in record.ledger.items() if key.event is not Event.WALL_NANOSECONDS}


def test_two_processes_train_as_one_does_on_a_noisy_chip(tmp_path: Path) -> None:
    chip = tmp_path / "chip.json"
    chip.write_text(json.dumps({"gain_mismatch": 0.05, "readout_noise": 0.02, "state_noise": 0.01}))
    one, two = _both(["train", "--target", "analog", "--chip", str(chip), *SMALL], tmp_path)
    for name in (name for name in one.results if name.startswith("weights.")):  # only sums of gradients are split
        np.testing.assert_allclose(two.results[name], one.results[name], rtol=0, atol=1e-5)
    rows: list[list[dict[str, Any]]] = [record.tables["epochs"] for record in (one, two)]
    for a, b in zip(*rows, strict=True):
        assert abs(a["train_loss"] - b["train_loss"]) < 1e-5
        assert a["test_accuracy"] == b["test_accuracy"]
        assert a["used_fraction"] == b["used_fraction"]
    assert one.results["samples.training_sample"] == two.results["samples.training_sample"] == 130
    assert _counts(one) == _counts(two)


def test_the_same_bits_every_time_and_after_a_kill(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.h5", tmp_path / "cut.h5"
    line = [
        "train",
        "--target",
        "ideal",
        *SMALL,
        "--processes",
        "2",
        "--homeostasis",
        "0.2",
        "--combination",
        "decoupled",
    ]
    assert _together([*line, "--out", str(whole)], tmp_path).returncode == 0
    kill = "import os, equipoise.training.trainer as t; k = t._Training._keep\n" \
        "def keep(self, row):\n    k(self, row)\n    row['epoch'] == 1 and os.kill(os.getpid(), 9)\n" \
        "t._Training._keep = keep\nfrom equipoise.__main__ import main; main()\n"  # fmt: skip
    (tmp_path / "killed.py").write_text(kill)
    assert _together([*line, "--out", str(cut)], tmp_path, program=["killed.py"]).returncode != 0
    assert len(Record.open(cut).tables["epochs"]) == 1
    assert _together([*line, "--out", str(cut), "--resume"], tmp_path).returncode == 0
    one, two = Record.open(whole), Record.open(cut)
    for name in (name for name in one.results if name.startswith("weights.")):
        np.testing.assert_array_equal(two.results[name], one.results[name])
    assert _counts(one) == _counts(two)


def test_what_needs_whole_batches_is_refused() -> None:
    team = Team(rank=1, size=2)
    with pytest.raises(InputError, match="give the nudge as a number"):
        team.check(Learner(Centered(0.1), adaptive=AdaptiveNudge()), _machine())
    learner = Learner(Centered(0.1), homeostasis=ClosedForm(0.1), combination="conflict-free")
    with pytest.raises(InputError, match="use sum or decoupled"):
        team.check(learner, _machine())


def test_a_team_that_was_not_started_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", *SMALL, "--processes", "2"]) == 2
    error = capsys.readouterr().err
    assert "1 was started; start them with torchrun --nproc-per-node 2" in error
    assert error.count("\n") == 1
    with pytest.raises(InputError, match="processes"):
        TrainConfig(processes=0)


@given(count=st.integers(1, 40), size=st.integers(1, 9))
def test_parts_are_all_of_a_batch(count: int, size: int) -> None:
    parts = [range(count)[Team(rank, size).part(count)] for rank in range(size)]
    assert [i for part in parts for i in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def _machine() -> IdealMachine:
    return IdealMachine(layered([4, 3, 2], seed=0))
