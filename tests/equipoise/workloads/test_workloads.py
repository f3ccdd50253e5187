"""The interface: sizes, machines, controls, records, the command, and a kit that refuses what breaks a promise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from equipoise.cli.main import run
from equipoise.targets import Target
from equipoise.testing import check_workload
from equipoise.workloads import WORKLOADS, Control, Run, Score, Truth, Workload, run_workload
from equipoise.workloads.scores import bootstrap, mean_interval, share
from equipoise.workloads.sizes import parse_size
from hw_profiles.errors import InputError, TargetUnavailableError
from hw_profiles.ledger import Component, Event, Ledger
from hw_profiles.record import Record

QUICK = "frames=4,reads=2,steps=200,snr=2"


class Doubling(Workload):
    """A machine of its own that doubles numbers, a little wrong."""

    title = "doubling numbers"
    unit = "number"
    sizes: ClassVar[dict[str, Any]] = {"small": {}, "large": {"count": 50}}
    off = 0.01

    def machines(self) -> dict[str, Target]:
        return {"doubler": Target("doubler", "doubles, a little wrong", "loihi2")}

    def instance(self, seed: int, *, count: int = 5, scale: float = 1.0, even: bool = False) -> Any:
        if count < 1:
            raise InputError(f"count={count}: expected at least 1")
        return scale * self.draw(seed, "numbers").random(count)

    def truth(self, instance: Any) -> Truth:
        return Truth(instance + instance, "addition")

    def program(self, instance: Any, target: Target) -> Any:
        return target.name

    def run(self, instance: Any, program: Any, seed: int) -> Run:
        ledger = Ledger()
        ledger.add(Event.STEPS, len(instance), component=Component.MACHINE)
        return Run(instance * (2 + self.off * self.draw(seed, "noise").standard_normal(len(instance))), ledger)

    def decode(self, instance: Any, states: Any) -> Any:
        return np.round(states, 6)

    def controls(self, instance: Any) -> dict[str, Control]:
        return {
            "shift": Control("classical", "a shift of the exponent", lambda: np.ldexp(instance, 1)),
            "nothing": Control("trivial", "the number itself", lambda: instance),
        }

    def score(self, instance: Any, truth: Truth, answer: Any) -> dict[str, Score]:
        return {"error": Score.exactly(float(np.abs(answer - truth.answer).max()), 0.1)}

    def units(self, instance: Any) -> int:
        return len(instance)


def test_a_workload_of_ones_own_passes_the_kit() -> None:
    check_workload(Doubling())
    found = run_workload(Doubling(), size="large")
    assert found.machine.scores["error"].met
    assert not found.answers["nothing"].scores["error"].met
    assert found.units == 50
    assert found.energy.value == pytest.approx(50 * found.machine.energy.value)


class Forgetful(Doubling):
    """Each run counts another seed."""

    turn = 0

    def run(self, instance: Any, program: Any, seed: int) -> Run:
        type(self).turn += 1
        return super().run(instance, program, seed + self.turn)


class Free(Doubling):
    def run(self, instance: Any, program: Any, seed: int) -> Run:
        return Run(super().run(instance, program, seed).states, Ledger())


class Alone(Doubling):
    def controls(self, instance: Any) -> dict[str, Control]:
        return {"nothing": super().controls(instance)["nothing"]}


class Untrue(Doubling):
    def truth(self, instance: Any) -> Truth:
        return Truth(instance, "a guess")

    def score(self, instance: Any, truth: Truth, answer: Any) -> dict[str, Score]:
        return {"error": Score.exactly(float(np.abs(answer - 2 * instance).max()), 0.1)}


class Beside(Doubling):
    def score(self, instance: Any, truth: Truth, answer: Any) -> dict[str, Score]:
        return {"error": Score(0.5, 0.6, 0.7)}


class Speechless(Doubling):
    def picture(self, axes: Any, tables: Any) -> str:
        return ""


class Blank(Doubling):
    def picture(self, axes: Any, tables: Any) -> str:
        return "nothing to be seen"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (Forgetful, "one seed"), (Free, "no energy"), (Untrue, "truth itself"), (Beside, "outside its interval"),
        (Speechless, "no words"), (Blank, "empty"),
    ],
)  # fmt: skip
def test_the_kit_refuses(broken: type[Workload], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_workload(broken())


def test_a_workload_without_both_controls_does_not_run() -> None:
    with pytest.raises(InputError, match="no classical control"):
        run_workload(Alone())


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("small", {"count": 5, "scale": 1.0, "even": False}),
        ("large", {"count": 50, "scale": 1.0, "even": False}),
        ("large,scale=2,even=true", {"count": 50, "scale": 2.0, "even": True}),
        ("count=7", {"count": 7, "scale": 1.0, "even": False}),
    ],
)
def test_sizes(text: str, given: dict[str, Any]) -> None:
    assert parse_size(Doubling(), text) == given


@pytest.mark.parametrize(
    "text", ["huge", "count", "count=x", "count=1.5", "scale=nan", "even=1", "width=3", "", "large,"]
)
def test_sizes_that_make_no_sense(text: str) -> None:
    with pytest.raises(InputError):
        parse_size(Doubling(), text)


def test_points_are_written_with_colons() -> None:
    assert parse_size(WORKLOADS["polar-decoding"], "snr=1:2.5")["snr"] == (1.0, 2.5)


@pytest.mark.parametrize(
    ("target", "said"), [("lava-sim", "some hundred steps"), ("ideal", "cannot anneal"), ("loihi2", "cannot anneal")]
)
def test_a_machine_that_lacks_something_is_refused_by_name(target: str, said: str) -> None:
    with pytest.raises((InputError, TargetUnavailableError), match=said) as error:
        run_workload("polar-decoding", target, size=QUICK)
    assert target in str(error.value)


def test_a_record_holds_scores_costs_and_the_headline(tmp_path: Path) -> None:
    found = run_workload("polar-decoding", "loihi2-sim", size=QUICK, out=tmp_path / "a.h5")
    record = Record.open(tmp_path / "a.h5")
    assert (record.kind, record.status, record.config["problem"]) == ("workload", "complete", "polar-decoding")
    assert repr(record.tables["scores"]) == repr(found.tables["scores"])
    assert {row["answer"] for row in record.tables["costs"]} == {row["answer"] for row in found.tables["costs"]}
    assert record.results["quality_name"] == "block error rate, 2 dB"
    with pytest.raises(InputError, match="exists already"):
        run_workload("polar-decoding", "loihi2-sim", size=QUICK, out=tmp_path / "a.h5")


def test_the_loihi_program_counts_one_write_a_bias_and_frame() -> None:
    found = run_workload("polar-decoding", "loihi2-sim", size=QUICK)
    assert found.ledger.total(Event.HOST_WRITES) == 4 * 130


@pytest.mark.parametrize("target", ["cpu", "p-bits", "ballistic-bifurcation"])
def test_polar_decoding_runs_on_other_machines(target: str) -> None:
    found = run_workload("polar-decoding", target, size=QUICK)
    assert found.energy.value


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    def json_of(*words: str) -> Any:
        assert run(["workload", *words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert "polar-decoding" in [row["name"] for row in json_of("list")["workloads"]]
    shown = json_of("show", "polar-decoding")
    assert "lava-sim" in shown["refused"]
    assert "small" in shown["sizes"]
    words = ("run", "polar-decoding", "--target", "loihi2-sim", "--size", QUICK, "--seed", "3")
    first, again = json_of(*words), json_of(*words)
    assert first["scores"] == again["scores"]
    assert first["exact"]
    for line in (["list"], ["show", "polar-decoding"], list(words)):
        assert run(["workload", *line]) == 0


@pytest.mark.parametrize(
    "line",
    [
        ("run", "no-such"), ("run", "polar-decoding", "--size", "huge"),
        ("run", "polar-decoding", "--target", "lava-sim"),
        ("run", "polar-decoding", "--size", "code=polar-32-40"), ("run", "polar-decoding", "--seed", "-1"),
        ("show", "no-such"), ("run", "polar-decoding", "--profile", "no-such"), ("run", f"{__file__}:share"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_code_2(line: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["workload", *line]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_a_ninth_by_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(__file__).parents[2] / "extension" / "files" / "workload.py"
    assert run(["workload", "run", f"{file}:Coins", "--seed", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exact"]
    from hw_profiles.registry import load_reference

    check_workload(load_reference(f"{file}:Coins")())


@pytest.mark.parametrize("offered", [lambda: None, 3, Workload, type("Small", (Doubling,), {"sizes": {}})])
def test_what_is_no_workload_is_refused(offered: Any) -> None:
    accept: Callable[[Any, str], Any] | None = WORKLOADS.accept
    assert accept is not None
    with pytest.raises(InputError):
        accept(offered, "it")


def test_intervals() -> None:
    """Wilson's for 5 of 100 and Student's for 1 to 5, from tables; the bootstrap of a constant has no width."""
    assert share(5, 100) == pytest.approx((0.05, 0.02154, 0.11175), abs=1e-4)
    assert mean_interval([1, 2, 3, 4, 5]) == pytest.approx((3.0, 3 - 1.9632, 3 + 1.9632), abs=1e-3)
    assert bootstrap(np.full(9, 2.0)) == (2.0, 2.0, 2.0)
    value, low, high = bootstrap(np.array([[1.0, 1.0], [0.0, 1.0]] * 50), "ratio")
    assert value == 0.5
    assert low < 0.5 < high
