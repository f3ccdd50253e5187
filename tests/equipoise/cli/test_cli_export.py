"""``equipoise export spice``: files that describe networks, checkpoints, ngspice beside ours, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from equipoise.cli.main import run
from substrates.analog.spice import why_unavailable

RESISTIVE = """
kind = "resistive"
layers = [3, 5, 4, 2]
gains = [[4.0, 0.25], [4.0, 0.25]]
saturation_a = 1e-14
instance = 7
[chip]
conductance_mismatch = 0.1
levels = 32
on_off_ratio = 20
"""
RELAXATION = """
kind = "relaxation"
layers = [3, 5, 2]
[chip]
gain_mismatch = 0.1
"""


@pytest.mark.parametrize(("text", "options"), [(RESISTIVE, []), (RELAXATION, []), (RELAXATION, ["--form", "op-amps"])])
def test_writes_a_netlist_that_ngspice_agrees_with(
    text: str, options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, out = tmp_path / "network.toml", tmp_path / "net.cir"
    program.write_text(text)
    there = not why_unavailable()
    arguments = ["export", "spice", str(program), "--out", str(out), "--input", "0.1,0.9,0.4", "--json", *options]
    assert run([*arguments, *(["--run"] if there else [])]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["elements"] > 10
    assert "mismatch" in out.read_text()
    if there:
        assert report["largest_difference"] < 1e-4
    before = out.read_bytes()
    assert run(arguments) == 2, "nothing that exists is overwritten"
    assert out.read_bytes() == before


def test_a_checkpoint_becomes_a_netlist(tmp_path: Path) -> None:
    record = tmp_path / "run.h5"
    trained = run(["train", "--epochs", "1", "--layers", "64-4-10", "--target", "analog", "--train-samples", "64",
                   "--test-samples", "32", "--out", str(record), "--json"])  # fmt: skip
    assert trained == 0
    out = tmp_path / "net.cir"
    assert run(["export", "spice", f"{record}.checkpoint", "--out", str(out)]) == 0
    assert "levels 32" in out.read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind = 'quantum'\nlayers = [1, 2]", "kind"),
        ("kind = 'resistive'\nlayers = 3", "layers"),
        ("kind = 'resistive'\nlayers = [2, 2]\n[chip]\ncolour = 1", "colour"),
        ("kind = 'resistive'\nlayers = [2, 2]\nwheels = 4", "wheels"),
        ("kind = ", "TOML"),
    ],
)
def test_bad_programs_are_one_line(text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program, out = tmp_path / "network.toml", tmp_path / "net.cir"
    program.write_text(text)
    assert run(["export", "spice", str(program), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not out.exists()


def test_a_file_that_is_no_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "something.bin"
    program.write_bytes(b"\x00\x01nothing")
    assert run(["export", "spice", str(program), "--out", str(tmp_path / "net.cir")]) == 2
    assert "checkpoint" in capsys.readouterr().err
