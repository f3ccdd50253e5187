"""The analog examples run, and say what they promise."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_chip_against_its_ideal_twin(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "analog_chip_vs_ideal.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    errors = {line.split("  ")[0]: float(line.split("error ")[1].split()[0]) for line in lines if "error " in line}
    assert errors["time constants 20 %"] < 1e-4  # they change the way, not the equilibrium
    assert errors["gain mismatch 5 %"] > 1e-3


def test_an_own_device_drifts(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "analog_own_device.py"), run_name="__main__")
    errors = [float(line.rsplit(" ", 1)[1]) for line in capsys.readouterr().out.splitlines() if line.startswith("age")]
    assert len(errors) >= 3
    assert errors == sorted(errors)
