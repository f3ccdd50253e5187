"""The QUBO examples run, and say what they promise."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def show(name: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    before = sys.argv
    sys.argv = [name, *arguments]
    try:
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    finally:
        sys.argv = before
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_mis(capsys: pytest.CaptureFixture[str]) -> None:
    out = show("qubo_mis.py", capsys)
    assert ", 0 edges broken" in out
    assert int(out.split()[0]) >= 55


def test_maxcut_on_a_graph_of_its_own_and_on_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert "random.rud: 200 nodes, cut " in show("qubo_maxcut_gset.py", capsys)
    Path("square.txt").write_text("4 4\n1 2\n2 3\n3 4\n4 1\n")
    assert "square.txt: 4 nodes, cut 4" in show("qubo_maxcut_gset.py", capsys, "square.txt")


@pytest.mark.filterwarnings("ignore:running on loihi2-sim")
def test_own_bqm_finds_even_loads(capsys: pytest.CaptureFixture[str]) -> None:
    out = show("qubo_own_bqm.py", capsys)
    hours = sorted(int(line.split()[2]) for line in out.splitlines())
    assert hours == [7, 7, 8]


def test_plates_by_scan(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside Jones matrices, which the example does not use, and the cost that is annealed."""
    found = runpy.run_path(str(EXAMPLES / "qubo_when_not_to.py"))
    assert "exact to the step" in capsys.readouterr().out
    rng = np.random.default_rng(1)
    for colour in range(6):
        one, two = rng.uniform(0, 10_000, 2)
        wave, dn = found["WAVES"][colour], found["DISPERSION"][colour]
        turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)  # by 45 degrees
        plates = [np.diag(np.exp(1j * np.array([g, -g]) / 2)) for g in (2 * np.pi * dn * d / wave for d in (one, two))]
        x, y = turn @ plates[1] @ turn.T @ plates[0] @ np.array([1, 1]) / np.sqrt(2)
        by_jones = [abs(x) ** 2 - abs(y) ** 2, 2 * (x * y.conj()).real, -2 * (x * y.conj()).imag]
        assert np.abs(found["stokes"](one, two, colour)) == pytest.approx(np.abs(by_jones), abs=1e-9)
    best = (found["thick"][found["i"]], found["thick"][found["j"]])
    assert -found["cost"](best) == pytest.approx(found["worst"].max(), abs=1e-5)
    assert (
        found["found"].fun >= found["cost"](best) - 0.3
    )  # annealing is no better than between two of the scan's points


def test_compare_targets(capsys: pytest.CaptureFixture[str]) -> None:
    lines = show("qubo_compare_targets.py", capsys).splitlines()
    assert len(lines) == 5
    assert "?" not in "".join(lines)


def test_cost_trace(capsys: pytest.CaptureFixture[str]) -> None:
    show("qubo_cost_trace.py", capsys)
    assert os.path.getsize("qubo_cost_trace.png") > 10_000
