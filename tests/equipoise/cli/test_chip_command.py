"""``equipoise chip check`` on a stand-in of the extension: everything there, and each thing missing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import run

sys.path.insert(0, str(Path(__file__).parents[2] / "substrates" / "loihi2" / "lava" / "fake_sdk"))
import fake_sdk

pytestmark = pytest.mark.lava


def board(folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
    ping = folder / "bin" / "ping"
    ping.parent.mkdir()
    ping.write_text("#!/bin/sh\nexit 0\n")
    ping.chmod(0o755)
    monkeypatch.setenv("PATH", str(ping.parent), prepend=":")
    monkeypatch.setenv("NXSDKHOST", "board")
    monkeypatch.setenv("LOIHI_GEN", "N3C1")
    sys.modules.pop("lava.proc.embedded_io", None)  # a package found for the test before keeps that one's folder
    monkeypatch.syspath_prepend(str(fake_sdk.install(folder / "sdk", **options)))


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["outcome"] for step in found["steps"]}


def test_everything_works_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    board(tmp_path, monkeypatch, into=2, out=1)
    out = tmp_path / "board.json"
    command = ["chip", "check", "--model", "sigma-delta", "--model", "relaxation", "--out", str(out), "--json"]
    assert run(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(out.read_text())
    assert found["delay"] == {"into": 2, "out": 1}
    assert found["measured"]["rails"]["VDD"]["energy_j"] > 0
    assert found["models"]["sigma-delta"]["mismatches"] == 0
    assert outcomes(found) == {
        "extension, host and board": "works", "one neuron": "works", "counts": "works", "probes": "works",
        "sigma-delta": "works", "relaxation": "skipped",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("missing", "model", "failing"),
    [("probes", "sigma", {"probes"}), ("Sigma", "sigma", {"sigma"}), ("LIF", "sigma", {"one neuron"})],
)
def test_one_thing_that_is_missing_fails_alone(
    missing: str, model: str, failing: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    board(tmp_path, monkeypatch, without=(missing,))
    assert run(["chip", "check", "--model", model, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {name for name, outcome in outcomes(found).items() if outcome == "fails"} == failing, found["steps"]
    assert not found["works"]


@pytest.mark.parametrize("missing", ["sdk", "adapters", "host", "generation"])
def test_without_a_chip_it_is_one_line(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if missing != "sdk":
        board(tmp_path, monkeypatch, without=("adapters",) if missing == "adapters" else ())
    if missing == "host":
        monkeypatch.delenv("NXSDKHOST")
    if missing == "generation":
        monkeypatch.delenv("LOIHI_GEN")
    assert run(["chip", "check", "--out", str(tmp_path / "x.json")]) == 2
    shown = capsys.readouterr().err
    said = {"sdk": "extension", "adapters": "embedded_io", "host": "no host", "generation": "LOIHI_GEN"}[missing]
    assert said in shown
    assert "no chip to check" in shown
    assert not (tmp_path / "x.json").exists()
