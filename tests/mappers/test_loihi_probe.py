"""Looking for a Loihi 2: every absence explained, nothing slow."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from mappers import _loihi_probe

VARIABLES = ("SLURM", "NOSLURM", "BOARD", "PARTITION", "LOIHI_GEN", "NXSDKHOST", "HOST_BINARY")


@pytest.fixture(autouse=True)
def no_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def program(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def with_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_loihi_probe, "_importable", lambda module: True)


@pytest.mark.parametrize(
    ("environment", "sinfo", "expected"),
    [
        ({"SLURM": "1"}, None, "sinfo is not installed"),
        ({"SLURM": "1", "LOIHI_GEN": "N3B3"}, "exit 1", "does not answer"),
        ({"SLURM": "1", "LOIHI_GEN": "N3B3"}, "exit 0", "no boards"),
        ({"BOARD": "ncl-9", "LOIHI_GEN": "N3B3"}, "echo 'ncl-1 oheogulch* idle'", "knows no board ncl-9"),
        ({"PARTITION": "oheogulch", "LOIHI_GEN": "N3B3"}, "echo 'ncl-1 oheogulch* down*'", "is down"),
        ({"PARTITION": "oheogulch"}, "echo 'ncl-1 oheogulch* idle'", "LOIHI_GEN"),
        ({"SLURM": "1", "LOIHI_GEN": "N2A2"}, "echo 'ncl-1 oheogulch* idle'", "N2A2 is not a Loihi 2"),
        ({"PARTITION": "oheogulch", "LOIHI_GEN": "N3C1"}, "echo 'ncl-1 oheogulch* idle'", ""),
    ],
)
def test_slurm_is_asked_and_its_answer_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str], sinfo: str | None, expected: str
) -> None:
    with_sdk(monkeypatch)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin" if sinfo else str(tmp_path))
    if sinfo:
        program(tmp_path, "sinfo", sinfo)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = _loihi_probe.probe_loihi2()
    assert expected in " ".join(found.missing)
    assert found.available == (expected == "")


def test_a_program_that_hangs_does_not_block(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_sdk(monkeypatch)
    program(tmp_path, "ping", "exec sleep 30")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("NXSDKHOST", "10.1.2.3")
    start = time.monotonic()
    found = _loihi_probe.probe_loihi2()
    assert time.monotonic() - start < 4  # 1.8 s and the start of a process on a busy machine
    assert not found.host_reachable


def test_probing_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(module: str) -> None:
        raise RuntimeError("half-installed package")

    monkeypatch.setattr("importlib.util.find_spec", broken)
    found = _loihi_probe.probe_loihi2()
    assert not found.available
    assert "lava-nc" in found.missing[0]
