"""The QUBO bench: the ladder, what is read off it, the command, and the page made of its JSON."""

import importlib.util
import itertools
import json
from pathlib import Path

import dimod
import pytest

from equipoise.bench.qubo_ladder import climb, summary
from equipoise.bench.qubo_solvers import Call, Case, Solver
from equipoise.cli.main import run

CASE = Case("mis", "toy", dimod.BinaryQuadraticModel({0: -1.0}, {}, 0.0, "BINARY"), -10, -12, (1, 10))


class Halving(Solver):
    """Twice the work, twice the time, and one lower in cost."""

    name, unit, first = "halving", "units", 1

    def run(self, case, work, seed):
        return Call(-8.0 - work.bit_length(), 1e-4 * work + 1e-3, 1e-4 * work)

    def call(self, case, work, seed):
        raise NotImplementedError


def test_ladder_and_summary():
    rungs = climb(Halving(), CASE, 0.1, 3, 0)
    assert rungs[-1]["sampling_s"] > 0.1 / 1.7
    assert all(1.3 < b["work"] / a["work"] <= 4 for a, b in itertools.pairwise(rungs))
    result = summary(rungs, CASE, 0.1)
    assert result["time_to_target_sampling_s"] == pytest.approx(2e-4)
    assert result["time_to_target_whole_s"] == pytest.approx(1.2e-3)
    fitting = [r for r in rungs if r["sampling_s"] <= 1e-3]
    gap = result["gaps"]["0.001"]
    assert gap["mean_cost"] == pytest.approx(sum(fitting[-1]["costs"]) / len(fitting[-1]["costs"]))
    assert gap["gap_percent"] == pytest.approx(10 * (gap["mean_cost"] + 10))
    assert "1" not in result["gaps"]


def test_one_lucky_rung_is_no_time_to_target():
    rungs = [
        {"sampling_s": t, "whole_s": 2 * t, "costs": costs}
        for t, costs in [(0.01, [-11, -9]), (0.02, [-9, -9]), (0.04, [-10, -9]), (0.08, [-10, -10])]
    ]
    assert summary(rungs, CASE, 0.1)["time_to_target_sampling_s"] == 0.04
    assert summary(rungs[:3], CASE, 0.1)["time_to_target_sampling_s"] == 0.04
    assert summary(rungs[:2], CASE, 0.1)["time_to_target_sampling_s"] is None


def test_a_ladder_that_takes_too_long_ends_early_and_says_so():
    whole = climb(Halving(), CASE, 0.1, 3, 0)
    short = climb(Halving(), CASE, 0.1, 3, 0, allowance=0.2)
    assert 3 <= len(short) < len(whole)
    assert short == whole[: len(short)]
    result = summary(short, CASE, 0.1)
    assert summary(whole, CASE, 0.1)["complete"]
    assert not result["complete"]
    assert "0.1" not in result["gaps"]
    assert result["gaps"]["0.001"] == summary(whole, CASE, 0.1)["gaps"]["0.001"]


def test_a_stopped_run_goes_on(capsys, tmp_path):
    out = tmp_path / "run.json"
    arguments = "bench qubo --budget 0.001 --family mis --nodes 250 --density 5 --reads 1 --solver equipoise --out"
    assert run([*arguments.split(), str(out)]) == 0
    first = json.loads(out.read_text())
    assert run([*arguments.split(), str(out), "--density", "10"]) == 0
    second = json.loads(out.read_text())
    assert second["results"][0] == first["results"][0]
    assert [r["instance"] for r in second["results"]] == ["mis-250-5%-0", "mis-250-10%-0"]
    assert len(second["commands"]) == 1  # of this process: pytest's
    assert not list(tmp_path.glob("*.part"))
    assert run([*arguments.split(), str(out), "--read-seed", "9"]) == 2
    assert "read_seed" in capsys.readouterr().err
    out.write_text("{}")
    assert run([*arguments.split(), str(out)]) == 2


def test_command_and_page(capsys, tmp_path):
    pytest.importorskip("dwave.samplers", reason="the peers are an extra")
    arguments = "bench qubo --budget 0.002 --family mis --nodes 250 --density 5 --reads 1 --json"
    assert run([*arguments.split(), "--solver", "equipoise", "--solver", "dwave SA"]) == 0
    data = json.loads(capsys.readouterr().out)
    (result,) = data["results"]
    assert result["target"] == -67
    assert result["solvers"]["equipoise"]["gaps"]["0.001"]["gap_percent"] < 10
    source, out = tmp_path / "a.json", tmp_path / "page.md"
    source.write_text(json.dumps(data))
    path = Path(__file__).parents[3] / "bench" / "qubo_table.py"
    spec = importlib.util.spec_from_file_location("qubo_table", path)
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    out.write_text(table.page(data))
    text = out.read_text()
    assert "mis-250-5%-0" in text
    assert "dwave SA tuned" in text


def test_bad_requests(capsys, tmp_path):
    assert run(["bench", "qubo", "--budget", "0"]) == 2
    assert run(["bench", "qubo", "--nodes", "77"]) == 2
    assert run(["bench", "qubo", "--family", "bqp", "--instances", str(tmp_path)]) == 2
    assert "best_known.csv" in capsys.readouterr().err
