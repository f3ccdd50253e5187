"""``equipoise qubo``: every key of the contract, exit codes, one clear line, nothing overwritten, interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

from equipoise.cli.main import run
from equipoise.qubo import read
from hw_profiles.record import Record

KEYS = {
    "best_cost", "objective", "solution", "num_variables", "steps", "reads", "seed", "scheme", "wall_s", "work_s",
    "quantisation", "target", "energy_j", "latency_s", "record",
}  # fmt: skip


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    path = tmp_path / "mis.qubo"
    assert run(["qubo", "generate", "mis", "--nodes", "30", "--density", "0.1", "--seed", "1", "--out", str(path)]) == 0
    return path


def solve(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["qubo", "solve", *arguments, "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    answer: dict[str, Any] = json.loads(out)
    return answer


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert run(list(arguments)) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = [line for line in shown.err.splitlines() if ": note: " not in line]
    assert len(lines) == 1
    return lines[0]


def test_generate_mis_is_neurobench(problem: Path) -> None:
    graph = nx.gnm_random_graph(30, int(0.5 * 0.1 * 900), seed=1)
    read_back = read(problem)
    assert read_back.num_pairs == graph.number_of_edges()
    assert set(read_back.pairs.tolist()) == {8}
    assert set(read_back.linear.tolist()) == {-1}


@pytest.mark.parametrize("target", ["auto", "loihi2-sim", "analog"])
def test_every_key_of_the_contract(
    target: str, problem: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run.h5"
    answer = solve(
        capsys, str(problem), "--target", target, "--steps", "500", "--reads", "2", "--seed", "4", "--out", str(out)
    )
    assert set(answer) >= KEYS
    assert set(answer["quantisation"]) >= {"scale", "exact", "max_error"}
    assert set(answer["target"]) == {"requested", "resolved", "reason"}
    for figure in ("energy_j", "latency_s"):
        assert set(answer[figure]) == {"value", "low", "high", "grade", "missing"}
    assert answer["best_cost"] == read(problem).cost([int(c) for c in answer["solution"]])
    assert (answer["objective"], answer["num_variables"], answer["steps"], answer["reads"], answer["seed"]) == (
        answer["best_cost"], 30, 500, 2, 4,
    )  # fmt: skip
    assert answer["target"]["requested"] == target
    assert answer["record"] == str(out)
    assert Record.open(out).results["best_cost"] == answer["best_cost"]
    assert answer["work_s"] <= answer["wall_s"]


def test_objective_is_in_the_files_own_sense(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "g.txt"
    path.write_text("3 3\n1 2 1\n2 3 1\n1 3 1\n")
    answer = solve(capsys, str(path), "--format", "maxcut", "--steps", "200")
    assert (answer["best_cost"], answer["objective"]) == (-2, 2)
    as_bqp = solve(capsys, str(path), "--format", "bqp", "--steps", "200")
    assert (as_bqp["best_cost"], as_bqp["objective"], as_bqp["solution"]) == (-6, 6, "111")


def test_two_runs_with_one_seed_are_the_same(problem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = [solve(capsys, str(problem), "--reads", "3", "--threads", t) for t in ("1", "2")]
    for answer in answers:
        for name in ("wall_s", "work_s"):
            del answer[name]
    assert answers[0] == answers[1]


def test_without_json_a_table_is_printed(problem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["qubo", "solve", str(problem), "--steps", "200", "--target", "loihi2-sim"]) == 0
    assert "best cost" in capsys.readouterr().out


def test_an_asymmetric_matrix_is_read_and_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "a.npz", Q=np.array([[-1, 3], [-4, 0]]))
    capsys.readouterr()
    assert run(["qubo", "solve", str(tmp_path / "a.npz"), "--steps", "100", "--json"]) == 0
    shown = capsys.readouterr()
    assert "a pair costs Q_ij + Q_ji" in shown.err
    assert json.loads(shown.out)["best_cost"] == -2


@pytest.mark.parametrize("family", ["mis", "cover", "maxcut", "colouring", "partition", "tour"])
def test_every_family_and_convert(family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = {"partition": ["--count", "8"], "tour": ["--cities", "4"]}.get(family, ["--nodes", "9", "--density", "0.4"])
    path = tmp_path / "p.npz"
    assert run(["qubo", "generate", family, *size, "--seed", "2", "--out", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["num_variables"] == read(path).num_variables
    other = tmp_path / "p.qubo.gz"
    assert run(["qubo", "convert", str(path), str(other)]) == 0
    one, two = read(path), read(other)
    x = np.random.default_rng(0).integers(0, 2, one.num_variables)
    assert one.cost(x) == two.cost(x)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--format", "xml"], "no format 'xml'"),
        (["--target", "abacus"], "no target 'abacus'"),
        (["--target", "loihi2"], "not available"),
        (["--scheme", "magic"], "no scheme 'magic'"),
        (["--profile", "abacus"], "abacus"),
        (["--steps", "-5"], "steps"),
        (["--steps", "5", "--timeout", "1"], "not both"),
        (["--timeout", "-1"], "timeout"),
        (["--timeout", "nan"], "timeout"),
        (["--reads", "0"], "reads"),
        (["--seed", "-1"], "seed"),
        (["--temperature", "hot"], "HIGH,LOW"),
        (["--temperature", "1,4"], "HIGH,LOW"),
        (["--target-cost", "nan"], "target cost"),
        (["--threads", "0"], "threads"),
        (["--banana"], "banana"),
        (["--out", "nowhere/run.h5"], "does not exist"),
    ],
)
def test_bad_options_end_in_one_line(
    arguments: list[str], text: str, problem: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    line = refused(capsys, "qubo", "solve", str(problem), "--out", "run.h5", *arguments)
    assert text in line
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("content", "text"),
    [(None, "no file"), ("", "empty"), ("3 2\n1 2 1\n2 3 1\n", "--format bqp"), ("3\n0 1 x\n", "line 2")],
)
def test_bad_files_end_in_one_line(
    content: str | None, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_text(content)
    assert text in refused(capsys, "qubo", "solve", str(path))


def test_nothing_is_overwritten(problem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = problem.read_bytes()
    assert "are both" in refused(capsys, "qubo", "solve", str(problem), "--out", str(problem))
    assert "nothing is overwritten" in refused(
        capsys, "qubo", "generate", "mis", "--nodes", "5", "--density", "0.1", "--out", str(problem)
    )
    assert "are both" in refused(capsys, "qubo", "convert", str(problem), str(problem))
    assert problem.read_bytes() == before


def test_generate_refuses_impossible_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x.qubo"
    for arguments in (["--nodes", "0", "--density", "0.1"], ["--nodes", "5", "--density", "5"]):
        refused(capsys, "qubo", "generate", "mis", *arguments, "--out", str(out))
        assert not out.exists()


@pytest.mark.parametrize("target", ["loihi2-sim", "analog"])
def test_control_c_leaves_a_readable_record(target: str, tmp_path: Path) -> None:
    path, out = tmp_path / "m.npz", tmp_path / "run.h5"
    assert run(["qubo", "generate", "mis", "--nodes", "200", "--density", "0.05", "--out", str(path)]) == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "equipoise", "qubo", "solve", str(path), "--target", target, "--steps", "2000",
         "--reads", "1000000", "--out", str(out), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (out.exists() and Record.open(out).tables.get("reads")):
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, said
    record = Record.open(out)
    assert record.status == "interrupted"
    answer = json.loads(shown)
    assert answer["status"] == "interrupted"
    assert 1 <= answer["reads"] == len(record.tables["reads"]) < 1_000_000
    assert record.results["solution"] == answer["solution"]
