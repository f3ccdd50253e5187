"""The choice of a target: every absence explained, nothing substituted in silence, nothing slow."""

from __future__ import annotations

import stat
import time
import warnings
from pathlib import Path

import pytest

from hw_profiles.errors import InputError, TargetUnavailableError
from mappers import _loihi_probe, targets
from mappers.targets import TARGETS, choose_target, probe_targets

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


def test_auto_falls_back_with_one_warning_and_the_reason() -> None:
    with pytest.warns(UserWarning, match="loihi2-sim") as seen:
        choice = choose_target("auto", "qubo")
    assert len(seen) == 1
    assert (choice.requested, choice.resolved) == ("auto", "loihi2-sim")
    assert choice.reason in str(seen[0].message)
    assert "no host is configured" in choice.reason
    assert choice.as_dict() == {"requested": "auto", "resolved": "loihi2-sim", "reason": choice.reason}


def test_an_absent_chip_is_an_error_that_names_every_missing_piece() -> None:
    with pytest.raises(TargetUnavailableError) as error:
        choose_target("loihi2", "network")
    assert "NXSDKHOST" in str(error.value)
    assert "extension" in str(error.value) or "lava-nc" in str(error.value)


@pytest.mark.parametrize("name", ["loihi2-sim", "analog"])
def test_what_is_always_there_is_taken_without_a_warning(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choose_target(name, "qubo").resolved == name


def test_unknown_targets_and_impossible_work_are_refused() -> None:
    with pytest.raises(InputError, match="there are auto, loihi2"):
        choose_target("loihi3", "qubo")
    with pytest.raises(InputError, match="no qubo mode"):
        choose_target("ideal", "qubo")


def test_a_complete_system_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_sdk(monkeypatch)
    program(tmp_path, "ping", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("NXSDKHOST", "10.1.2.3")
    monkeypatch.setenv("LOIHI_GEN", "N3B3")
    for requested in ("auto", "loihi2"):
        assert choose_target(requested, "qubo").resolved == "loihi2"


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
    found = {status.name: status for status in probe_targets()}
    assert set(found) == set(TARGETS)
    assert not found["loihi2"].available
    assert not found["lava-sim"].available
    assert all(status.missing for status in found.values() if not status.available)


def test_absent_lava_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("substrates.loihi2.lava.loader.why_unavailable", lambda: "the package lava-nc is not installed")
    with pytest.raises(TargetUnavailableError, match="lava-nc is not installed"):
        choose_target("lava-sim", "qubo")
    assert targets.choose_target("loihi2-sim", "qubo").resolved == "loihi2-sim"
