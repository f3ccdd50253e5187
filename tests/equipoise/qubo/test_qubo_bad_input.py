"""Problems at the edge of what makes sense, through every sampler and through the command line.

Isolated variables, no variables, constants, nothing to gain, huge offsets, coefficients beyond 2^53 and near the ends
of float64, duplicate entries, timeouts shorter than a step, targets that cannot be reached. What can be answered is
answered exactly; what cannot ends in one line, exit code 2, and nothing written.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import dimod
import pytest

from equipoise.cli.main import run
from equipoise.qubo import AnalogAnnealerSampler, EquipoiseSampler, Problem, read
from hw_profiles.errors import InputError
from hw_profiles.record import Record

SAMPLERS = {
    "two-phase": EquipoiseSampler("loihi2-sim"),
    "refractory": EquipoiseSampler("loihi2-sim", "refractory"),
    "analog": AnalogAnnealerSampler(),
}


def bqm(linear: dict[Any, float], pairs: dict[Any, float], offset: float = 0.0, kind: str = "BINARY") -> Any:
    return dimod.BinaryQuadraticModel(linear, pairs, offset, kind)


#: model and its lowest energy
MODELS: dict[str, tuple[Any, float]] = {
    "empty": (bqm({}, {}, 5.0), 5.0),
    "empty, spins": (bqm({}, {}, -1.5, "SPIN"), -1.5),
    "isolated": (bqm({"a": 0, "b": -1, "c": 0, "d": 2, "e": -3}, {("a", "b"): 4}), -4.0),
    "isolated spins": (bqm({"a": 0, "b": 0, "c": -2}, {}, 0, "SPIN"), -2.0),
    "constant": (bqm(dict.fromkeys(range(4), 0), {}, 3.5), 3.5),
    "constant, spins": (bqm({0: 0, 1: 0}, {(0, 1): 0}, -3, "SPIN"), -3.0),
    "all positive": (bqm(dict.fromkeys(range(5), 1), {(0, 1): 2, (1, 2): 7}), 0.0),
    "huge offset": (bqm({0: -1, 1: 2}, {(0, 1): 3}, 1e300), 1e300),
    "huge negative offset, spins": (
        bqm({0: -(2.0**40), 1: 0}, {(0, 1): 2.0**41}, -(2.0**60), "SPIN"),
        -(2.0**60) - 2.0**41 - 2.0**40,
    ),
    "largest offset": (bqm({0: -1, 1: 2}, {(0, 1): 3}, 1.7e308), 1.7e308),
    "whole beyond 2^53": (bqm({0: -(2.0**58), 1: 2.0**60}, {(0, 1): 2.0**55}), -(2.0**58)),
    "real beyond 2^53": (bqm({0: -1e100, 1: -1e99}, {(0, 1): 3e99}), -1e100),
    "near zero": (bqm({0: -1e-100, 1: -1e-101}, {(0, 1): 3e-101}), -1e-100),
}


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("name", MODELS)
def test_every_sampler_answers_exactly(name: str, sampler: str) -> None:
    model, best = MODELS[name]
    found = SAMPLERS[sampler].sample(model, num_reads=4, num_steps=400, seed=1)
    assert found.first.energy == best
    assert [float(e) for e in found.record.energy] == [float(e) for e in model.energies(found)]
    if name == "all positive":
        assert not any(found.first.sample.values())


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "limits",
    [
        {"timeout": 1e-9},
        {"timeout": 1e-320},
        {"num_steps": 40, "target_cost": -1e307},
        {"num_steps": 40, "target_cost": -1e30},
        {"num_steps": 40, "target_cost": 1.79e308},
        {"timeout": 1e300, "target_cost": 1.79e308},
        {"num_steps": 0},
    ],
    ids=str,
)
def test_limits_that_leave_nothing_to_do_or_never_end_it(name: str, sampler: str, limits: dict[str, float]) -> None:
    model, best = MODELS[name]
    found = SAMPLERS[sampler].sample(model, num_reads=2, seed=1, **limits)
    assert len(found) == 2
    assert all(math.isfinite(e) for e in found.record.energy)
    if "empty" in name:
        return
    steps = found.record.num_steps.tolist()
    if limits.get("target_cost") == 1.79e308 or limits.get("num_steps") == 0:
        assert steps == [0, 0]  # reached before the first step
    elif "num_steps" in limits and limits["target_cost"] < best:
        assert steps == [40, 40]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(
    ("model", "text"),
    [
        (bqm({0: math.nan}, {}), "NaN"),
        (bqm({0: 1.0, 1: 0.0}, {(0, 1): math.inf}, 0, "SPIN"), "NaN or infinite"),
        (bqm({0: 1.0}, {}, math.nan), "offset"),
        (bqm({0: -1.7e308, 1: -1.7e308}, {}), "add up beyond"),
        (bqm({0: 1e308}, {}, 1e308), "add up beyond"),
        (bqm({0: -1e300, 1: 1}, {(0, 1): 2}), "largest coefficient is 1e[+]300"),
        (bqm({0: -5e-324, 1: 5e-324}, {}), "largest coefficient is 4.94e-324"),
    ],
)
def test_what_no_number_can_hold_is_refused(sampler: str, model: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        SAMPLERS[sampler].sample(model, num_steps=10)


def test_an_offset_beyond_float64_is_refused() -> None:
    with pytest.raises(InputError, match="offset is beyond"):
        Problem.build([1], [], [], [], offset=10**400)
    assert Problem.build([1], [], [], [], offset=10**300).cost([1]) == 10**300 + 1


FILES = {
    "isolated.qubo": ("p qubo 0 5 1 1\n0 0 -3\n0 1 2\n", -3),
    "no entries.txt": ("3\n", 0),
    "constant.coo": ("# vartype=BINARY\n# offset=7\n0 0 0\n1 1 0\n", 7),
    "positive.txt": ("3\n0 0 5\n1 1 3\n0 1 2\n", 0),
    "offset.coo": ("# offset=123456789012345678901234567890\n0 0 -5\n0 1 2\n", 123456789012345678901234567885),
    "beyond 2^53.txt": ("2\n0 0 -9007199254740993\n0 1 36028797018963969\n", -9007199254740993),
    "twice.coo": ("0 1 3\n1 0 2\n0 0 -1\n", -1),
}
TARGETS = ("loihi2-sim", "analog")


def solved(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["qubo", "solve", *arguments, "--json"]) == 0
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    answer: dict[str, Any] = json.loads(shown.out)
    return answer


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert run(["qubo", "solve", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    return shown.err


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", FILES)
def test_the_command_line_answers_exactly_and_keeps_a_record(
    name: str, target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, best = FILES[name]
    path, out = tmp_path / name, tmp_path / "run.h5"
    path.write_text(text)
    answer = solved(capsys, str(path), "--target", target, "--steps", "400", "--reads", "3", "--out", str(out))
    assert answer["best_cost"] == best == read(path).cost([int(c) for c in answer["solution"]])
    results = Record.open(out).results
    assert results["best_cost"] == (best if abs(best) < 2**63 else float(best))
    if abs(best) >= 2**63:
        assert int(results["best_cost_exact"]) == best


@pytest.mark.parametrize("target", TARGETS)
def test_the_command_line_and_targets_and_timeouts(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "p.qubo"
    path.write_text(FILES["isolated.qubo"][0])

    def ask(*arguments: str) -> dict[str, Any]:
        return solved(capsys, str(path), "--target", target, *arguments)

    for cost in ("-4", "-1e300"):
        answer = ask("--steps", "300", "--target-cost", cost)
        assert (answer["target_reached"], answer["steps"]) == (False, 300)
    for timeout in ("1e-12", "1e-320"):
        answer = ask("--timeout", timeout)
        assert answer["best_cost"] <= 0
        assert answer["status"] == "complete"
    assert ask("--timeout", "1e300", "--target-cost", "-3")["target_reached"] is True
    assert ask("--steps", "10", "--target-cost", "1e300")["steps"] == 0
    assert ask("--steps", "10", "--temperature", "1e139,1e-320")["best_cost"] <= 0
    assert "temperature" in refused(capsys, str(path), "--target", target, "--temperature", "1e308,1")
    assert "at most" in refused(capsys, str(path), "--target", target, "--steps", "99999999999999999999")
    for timeout in ("0", "-1", "inf"):
        assert "timeout" in refused(capsys, str(path), "--target", target, "--timeout", timeout)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("empty.txt", "", "is empty"),
        ("zero.txt", "0\n", "zero variables"),
        ("empty.coo", "# vartype=BINARY\n", "zero variables"),
        ("twice.txt", "3\n0 1 3\n1 0 2\n", "listed twice"),
        ("twice.qubo", "p qubo 0 3 0 2\n0 1 3\n1 0 2\n", "listed twice"),
        ("twice.bqp", "3 2\n1 2 3\n2 1 2\n", "listed twice"),
        ("twice.mc", "3 2\n1 2 3\n2 1 2\n", "listed twice"),
        ("large.txt", "3\n0 0 -46116860184273879040000001\n0 1 3\n", "scale them down"),
        ("offset.coo", f"# offset=1{'0' * 400}\n0 0 -5\n", "offset"),
        ("coefficient.coo", "0 0 -1e300\n0 1 1.5\n", "largest coefficient"),
        ("nan.coo", "# offset=nan\n0 0 -5\n", "offset"),
    ],
)
def test_the_command_line_refuses_in_one_line(
    name: str, content: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / name, tmp_path / "run.h5"
    path.write_text(content)
    assert text in refused(capsys, str(path), "--out", str(out), "--target", "loihi2-sim")
    assert not out.exists()
