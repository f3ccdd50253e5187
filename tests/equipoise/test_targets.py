"""The table of targets and the choice among them, with and without a chip: every command, every target."""

from __future__ import annotations

import json
import stat
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from equipoise import targets
from equipoise.cli.main import COMMANDS, app, run
from equipoise.qubo import solve
from equipoise.targets import TARGETS, WORKS, Found, Target, able, choose_target, find_target
from equipoise.training import TrainConfig, train
from hw_profiles.errors import InputError, TargetUnavailableError
from hw_profiles.registry import Entry, Registry
from mappers import _loihi_probe

VARIABLES = ("SLURM", "NOSLURM", "BOARD", "PARTITION", "LOIHI_GEN", "NXSDKHOST", "HOST_BINARY")


@pytest.fixture(autouse=True)
def no_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def chip_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SDK, host, board and chip generation, all faked: the machine of a user who has a Loihi 2."""
    ping = tmp_path / "bin" / "ping"
    ping.parent.mkdir()
    ping.write_text("#!/bin/sh\nexit 0\n")
    ping.chmod(ping.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(_loihi_probe, "_importable", lambda module: True)
    monkeypatch.setenv("PATH", f"{ping.parent}:/usr/bin:/bin")
    monkeypatch.setenv("NXSDKHOST", "10.1.2.3")
    monkeypatch.setenv("LOIHI_GEN", "N3B3")


def test_auto_falls_back_with_one_short_note_and_the_whole_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_chip(probe: Callable[[], Found]) -> None:
        chip = Target("chip", "a chip", qubo=lambda *a: None, probe=probe)
        entries = [Entry(one.name, partial(find_target, one)) for one in (chip, *TARGETS.usable().values())]
        monkeypatch.setattr(targets, "TARGETS", Registry("target", "nobody", entries))

    with_chip(lambda: Found(("no board", "no host")))
    with pytest.warns(targets.TargetNote) as seen:
        choice = choose_target("auto", "qubo")
    assert [str(note.message) for note in seen] == [
        "auto runs on loihi2-sim: chip is not here, loihi2 cannot anneal a QUBO yet (see equipoise targets)"
    ]
    assert (choice.requested, choice.resolved) == ("auto", "loihi2-sim")
    assert "chip is not available: no board; no host" in choice.reason
    assert choice["resolved"] == "loihi2-sim"
    assert choice.as_dict() == {"requested": "auto", "resolved": "loihi2-sim", "reason": choice.reason}
    with_chip(Found)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choose_target("auto", "qubo").resolved == "chip"


@pytest.mark.parametrize("work", list(WORKS))
def test_an_absent_chip_is_an_error_that_names_every_missing_piece(work: targets.Work) -> None:
    with pytest.raises(TargetUnavailableError) as error:
        choose_target("loihi2", work)
    assert "NXSDKHOST" in str(error.value)
    assert "extension" in str(error.value) or "lava-nc" in str(error.value)


@pytest.mark.parametrize("name", ["loihi2-sim", "analog"])
def test_what_is_always_there_is_taken_without_a_note(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choose_target(name, "qubo").resolved == name


def test_unknown_targets_and_impossible_work_are_refused() -> None:
    with pytest.raises(InputError, match="no target 'loihi3'; did you mean 'loihi2'"):
        choose_target("loihi3", "qubo")
    with pytest.raises(InputError, match=r"'ideal' .* cannot anneal a QUBO .* there are loihi2-sim, lava-sim, analog"):
        choose_target("ideal", "qubo")


def test_absent_lava_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("substrates.loihi2.lava.loader.why_unavailable", lambda: "the package lava-nc is not installed")
    with pytest.raises(TargetUnavailableError, match="lava-nc is not installed"):
        choose_target("lava-sim", "qubo")


@pytest.mark.usefixtures("chip_answers")
@pytest.mark.parametrize("work", list(WORKS))
def test_auto_takes_what_can_do_the_work_where_a_chip_answers(work: targets.Work) -> None:
    assert TARGETS["loihi2"].status()["available"]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        choice = choose_target("auto", work)
    assert work in TARGETS[choice.resolved].works
    passed_over = choice.resolved != "loihi2"
    assert ("loihi2 cannot" in choice.reason) == passed_over == bool(seen)
    if passed_over:
        with pytest.raises(InputError, match=f"'loihi2' .* cannot {WORKS[work]}"):
            choose_target("loihi2", work)


def commands_with_target() -> set[str]:
    """Every command that has --target, found by asking click."""
    found = set()
    for name in COMMANDS:
        command = app.get_command(None, name)  # type: ignore[arg-type]
        for path, one in [(name, command), *((f"{name} {n}", c) for n, c in getattr(command, "commands", {}).items())]:
            if any("--target" in parameter.opts for parameter in one.params):
                found.add(path)
    return found


@pytest.fixture
def command_lines(tmp_path: Path) -> dict[str, list[str]]:
    problem = tmp_path / "small.npz"
    assert run(["qubo", "generate", "mis", "--nodes", "12", "--density", "0.3", "--out", str(problem)]) == 0
    small = ["--epochs", "1", "--train-samples", "32", "--test-samples", "32", "--layers", "64-16-10"]
    return {
        "qubo solve": ["qubo", "solve", str(problem), "--steps", "50"],
        "train": ["train", *small],
        "workload run": ["workload", "run", "polar-decoding", "--size", "small"],
    }


@pytest.mark.parametrize("there", [True, False])
def test_every_command_with_a_target_takes_auto_and_refuses_the_chip_by_name(
    there: bool, command_lines: dict[str, list[str]], capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    if there:
        request.getfixturevalue("chip_answers")
    assert set(command_lines) == commands_with_target() - {"run"}  # the chip can run programs: test_run_command.py
    for line in command_lines.values():
        capsys.readouterr()
        assert run([*line, "--target", "auto", "--json"]) == 0
        out, err = capsys.readouterr()
        target = json.loads(out)["target"]
        assert target["requested"] == "auto"
        assert target["resolved"] == "loihi2-sim"
        assert "loihi2 cannot" in target["reason"]
        notes = [row for row in err.splitlines() if "auto runs on" in row]
        assert len(notes) == 1
        assert notes[0].startswith("equipoise: note: auto runs on loihi2-sim: loihi2 cannot")
        assert len(notes[0]) < 120
        assert run([*line, "--target", "loihi2"]) == 2
        refusal = capsys.readouterr().err
        assert "'loihi2' (the Loihi 2 chip, through Lava) cannot" in refusal
        assert ("is not available here" in refusal) != there


@pytest.mark.usefixtures("chip_answers")
def test_the_sampler_and_a_study_run_where_a_chip_answers() -> None:
    import dimod

    from equipoise.qubo import EquipoiseSampler
    from equipoise.study.tasks import find_task

    bqm = dimod.BinaryQuadraticModel({"a": 1}, {("a", "b"): -2}, 0, "BINARY")
    assert EquipoiseSampler().sample(bqm, num_steps=100).first.energy == -1
    with pytest.warns(targets.TargetNote):
        outcome = find_task("qubo")(nodes=10, density=0.3, graph_seed=0, target="auto", steps=20)
    assert outcome.results["best_cost"] < 0


MINE = """
from equipoise.qubo.machines import Loihi2
from equipoise.targets import TARGETS, Learning, Target

MINE = Target(
    "mine", "my machine", "crossbar", network=TARGETS["ideal"].network, qubo=Loihi2, most_steps=60,
    learning=Learning(usual_nudge=0.3),
)
"""


@pytest.mark.parametrize("added", [True, False])
def test_a_target_from_outside_trains_solves_and_is_listed(
    added: bool, tmp_path: Path, command_lines: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    name = f"{tmp_path / 'mine.py'}:MINE"
    try:
        if added:
            name = TARGETS.add("mine", find_target(name)).name
            assert "mine" in [target.name for target in able("network")]
            assert run(["targets", "--json"]) == 0
            assert "my machine" in capsys.readouterr().out
            assert run(["train", "--help"]) == 0
            assert "mine" in capsys.readouterr().out
        for line in command_lines.values():
            capsys.readouterr()
            assert run([*line, "--target", name, "--json"]) == 0
            told = json.loads(capsys.readouterr().out)
            assert (told["profile"], told["target"]["resolved"]) == ("crossbar", "mine")
        result = train(TrainConfig(target=name, epochs=1, train_samples=32, test_samples=10, layers=(64, 8, 10)))
        assert result.epochs[0]["nudge"] == 0.3
        assert solve({(0, 0): -1, (0, 1): 2}, find_target(name)).steps.tolist() == [1000]
    finally:
        TARGETS.remove("mine")


def test_what_is_no_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("MINE = 3")
    with pytest.raises(InputError, match=r"expected an equipoise\.targets\.Target"):
        choose_target(f"{tmp_path / 'wrong.py'}:MINE", "qubo")
