"""The trainer: learning, determinism, resume, interruption, records, the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from equipoise.cli.main import run
from equipoise.training import TrainConfig, TrainResult, load_dataset, parse_layers, train
from hw_profiles.errors import InputError, Interrupted
from hw_profiles.ledger import Event, Ledger
from hw_profiles.record import Record
from substrates.threads import in_use

SMALL = TrainConfig(layers=(64, 20, 10), epochs=3, train_samples=160, test_samples=80, free_steps=40, nudge_steps=20)


def weights(result: Any) -> list[torch.Tensor]:
    return [p.detach().clone() for p in result.network.parameters()]


def same(a: Any, b: Any) -> bool:
    strip = [[{k: v for k, v in row.items() if k != "seconds"} for row in r.epochs] for r in (a, b)]
    return repr(strip[0]) == repr(strip[1]) and all(torch.equal(x, y) for x, y in zip(weights(a), weights(b)))


def test_it_learns_and_reports(tmp_path: Path) -> None:
    config = TrainConfig(layers=(64, 128, 10), readout="output", epochs=10, homeostasis=1.0, out=tmp_path / "r.h5")
    news: list[dict[str, Any]] = []
    result = train(config, news.append)
    assert result.test_accuracy > 0.95
    assert result.status == "complete"
    row = result.epochs[-1]
    assert row["train_loss"] < result.epochs[0]["train_loss"]
    assert row["symmetry"] > result.epochs[0]["symmetry"] > 0.5
    assert len(row["gradient_cosine"]) == 2
    assert row["equilibrations"] == 3 * 1437
    assert news[-1]["done"]
    assert result.energy.value is not None
    record = Record.open(tmp_path / "r.h5")
    assert record.status == "complete"
    assert [r["test_accuracy"] for r in record.tables["epochs"]] == [r["test_accuracy"] for r in result.epochs]
    assert record.target["resolved"] == "ideal"
    assert record.ledger == result.ledger
    assert record.results["samples.training_sample"] == 10 * 1437
    assert record.results["samples.inference"] == 10 * 360
    per_sample = result.per_sample["training sample"].energy
    assert record.results["energy.training_sample"] == per_sample["value"]
    assert result.per_sample["inference"].energy.value < per_sample.value


def test_same_seed_same_bits_whatever_the_threads() -> None:
    threads = torch.get_num_threads()
    first = train(SMALL)
    torch.set_num_threads(2)
    try:
        second = train(SMALL)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert same(first, second)
    assert not same(first, train(replace(SMALL, seed=1)))


def test_the_relaxation_takes_the_threads_asked_for() -> None:
    seen: list[int] = []
    one = train(replace(SMALL, threads=1), lambda news: seen.append(in_use()))
    assert set(seen) == {1}
    seen.clear()
    three = train(replace(SMALL, threads=3), lambda news: seen.append(in_use()))
    assert set(seen) == {3}
    assert same(one, three)


@pytest.mark.parametrize(
    ("target", "chip"),
    [("ideal", {}), ("analog", {}), ("loihi2-sim", {}), ("loihi2-sim", {"rounding": "nearest"})],
)
def test_resume_is_bit_exact(tmp_path: Path, target: str, chip: dict[str, Any]) -> None:
    config = replace(SMALL, target=target, chip=chip, homeostasis=0.5, checkpoint=tmp_path / "c")
    if target == "ideal":
        config = replace(config, estimator="centered", adaptive=True)
    whole = train(config)

    class Stop(Exception):
        pass

    def stop_in_the_third(news: dict[str, Any]) -> None:
        if news["epoch"] == 3:
            raise Stop

    half = replace(config, checkpoint=tmp_path / "d")
    with pytest.raises(Stop):
        train(half, stop_in_the_third)
    resumed = train(replace(half, resume=True))
    assert [r["epoch"] for r in resumed.epochs] == [1, 2, 3]
    assert same(whole, resumed)
    assert counted(resumed) == counted(whole)
    assert resumed.per_sample.keys() == {"training sample", "inference"}


def counted(result: TrainResult) -> dict[Any, int]:
    """The ledger without the clock, which no two runs share."""
    return {key: result.ledger[key] for key in result.ledger if key.event != Event.WALL_NANOSECONDS}


def test_resume_refuses_other_settings_and_damage(tmp_path: Path) -> None:
    config = replace(SMALL, epochs=1, checkpoint=tmp_path / "c")
    train(config)
    with pytest.raises(InputError, match=r"angle 90\.0 -> 45"):
        train(replace(config, resume=True, angle=45.0))
    (tmp_path / "c").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not a readable checkpoint"):
        train(replace(config, resume=True))


def test_a_checkpoint_older_than_the_nudges_force_resumes(tmp_path: Path) -> None:
    config = TrainConfig(epochs=1, homeostasis=0.0, train_samples=64, test_samples=50, out=tmp_path / "run.h5")
    train(config)
    path = config.checkpoint_path
    assert path is not None
    state = torch.load(path, weights_only=True)
    assert state["identity"].pop("nudge_force") == "following"
    torch.save(state, path)
    assert len(train(replace(config, resume=True)).epochs) == 1
    with pytest.raises(InputError, match="nudge_force 'following' -> 'held'"):
        train(replace(config, resume=True, nudge_force="held"))


def test_resume_keeps_to_the_clock_or_to_the_counts(tmp_path: Path) -> None:
    config = replace(SMALL, target="analog", epochs=1, checkpoint=tmp_path / "c")
    train(config)
    with pytest.raises(InputError, match="was not timed"):
        train(replace(config, resume=True, profile="this-machine"))
    timed = replace(SMALL, epochs=1, checkpoint=tmp_path / "d")
    train(timed)
    with pytest.raises(InputError, match="was timed"):
        train(replace(timed, resume=True, profile="crossbar"))


def test_the_time_of_an_epoch_cut_short_counts() -> None:
    def interrupt(news: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        train(SMALL, interrupt)
    result = caught.value.result
    assert result.status == "interrupted"
    assert result.epochs == []
    assert result.ledger.total(Event.WALL_NANOSECONDS) > 0


def test_ctrl_c_leaves_a_readable_record(tmp_path: Path) -> None:
    def interrupt(news: dict[str, Any]) -> None:
        if news["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:  # so that a script's loop over runs ends, too
        train(replace(SMALL, out=tmp_path / "r.h5"), interrupt)
    assert isinstance(caught.value, Interrupted)
    assert caught.value.result.status == "interrupted"
    record = Record.open(tmp_path / "r.h5")
    assert record.status == "interrupted"
    assert len(record.tables["epochs"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_can_be_read_and_resumed(tmp_path: Path, sent: signal.Signals) -> None:
    out = tmp_path / "r.h5"
    arguments = ["train", "--layers", "64-20-10", "--epochs", "20", "--train-samples", "200", "--test-samples", "50"]
    command = [sys.executable, "-m", "equipoise", *arguments, "--out", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "r.h5.checkpoint").is_file() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(sent)
        code = process.wait(30)
    finally:
        process.kill()
    assert code == (130 if sent == signal.SIGTERM else -signal.SIGKILL)
    # The checkpoint of an epoch comes before its row: a kill between the two leaves a record without it.
    assert len(Record.open(out).tables.get("epochs", [])) < 20
    assert Record.open(out).status == ("interrupted" if sent == signal.SIGTERM else "running")
    subprocess.run([*command, "--resume"], stderr=subprocess.DEVNULL, check=True)
    resumed = Record.open(out)
    assert (resumed.status, [row["epoch"] for row in resumed.tables["epochs"]]) == ("complete", list(range(1, 21)))


def test_early_stop_keeps_the_best(tmp_path: Path) -> None:
    result = train(replace(SMALL, epochs=30, patience=2, lr=1e-9))
    assert result.status == "stopped early"
    assert len(result.epochs) == result.best_epoch + 2
    assert all("validation_accuracy" in row for row in result.epochs)


def test_the_best_epoch_is_chosen_by_samples_that_are_neither_trained_on_nor_tested(monkeypatch) -> None:
    from equipoise.training import trainer

    scores = {"test": [0.5, 0.6, 0.9], "validation": [0.3, 0.8, 0.7]}
    config = replace(SMALL, epochs=3, validation=0.25)
    split = load_dataset("digits").limited(160, 80).holding_out(0.25)
    assert (len(split.train_targets), len(split.validation_targets), len(split.test_targets)) == (120, 40, 80)
    assert torch.equal(split.holding_out(0.25).train_inputs, split.holding_out(0.25).train_inputs)

    def accuracy(machine: Any, inputs: Any, targets: Any, stop: Any) -> Any:
        return scores["test" if len(targets) == 80 else "validation"].pop(0), 1.0, Ledger()

    monkeypatch.setattr(trainer, "accuracy", accuracy)
    result = train(config)
    assert (result.best_epoch, result.best_accuracy, result.test_accuracy) == (2, 0.6, 0.9)
    assert [row["validation_accuracy"] for row in result.epochs] == [0.3, 0.8, 0.7]
    assert "best epoch 2: test 60.00 %" in str(result)
    assert len(str(result).splitlines()) <= 10


def test_without_validation_the_last_epoch_is_the_best() -> None:
    result = train(replace(SMALL, epochs=2))
    assert (result.best_epoch, result.best_accuracy) == (2, result.test_accuracy)
    assert result.best_weights.keys() == result.network.state_dict().keys()


@pytest.mark.parametrize(
    "settings",
    [
        {"estimator": "oscillation", "points": 4, "free_steps": 160},
        {"estimator": "cauchy", "points": 4},
        {"estimator": "tangent"},
        {"estimator": "random-sign"},
        {"estimator": "four-point", "correction": "asymep"},
        {"correction": "dyadic", "homeostasis": 1.0, "combination": "conflict-free"},
        {"homeostasis": 1.0, "homeostasis_end": 0.1, "homeostasis_method": "noise-correlation"},
        {"homeostasis": 1.0, "homeostasis_method": "jacobian-vector"},
        {"optimizer": "sgd", "tied": True},
    ],
    ids=lambda s: "-".join(str(v) for v in s.values()),
)
def test_every_way_of_learning_lowers_the_loss(settings: dict[str, Any]) -> None:
    result = train(replace(SMALL, **settings))
    assert result.epochs[-1]["train_loss"] < result.epochs[0]["train_loss"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"estimator": "cauchy", "points": 4, "activation": "hard-sigmoid"}, "no complex states|not holomorphic"),
        ({"estimator": "cauchy", "points": 4, "target": "loihi2-sim"}, "complex states"),
        ({"correction": "asymep", "target": "loihi2-sim"}, "antisymmetric correction"),
        ({"estimator": "adjoint", "correction": "asymep"}, "exact already"),
        ({"estimator": "tangent", "target": "loihi2-sim"}, "differentiable"),
        ({"estimator": "adjoint", "adaptive": True}, "no finite nudge"),
        ({"layers": (64, 20, 9)}, "10 classes"),
        ({"layers": (784, 20, 10)}, "64 values"),
        ({"dataset": "nothing"}, "no data set"),
        ({"target": "nothing"}, "no target"),
        ({"profile": "nothing"}, "no profile"),
        ({"estimator": "nothing"}, "no estimator"),
        ({"homeostasis_method": "nothing", "homeostasis": 1.0}, "homeostasis_method is .nothing.; expected"),
        ({"train_samples": 0}, "1 to 1437"),
        ({"out": Path("no/such/folder/r.h5")}, "does not exist"),
    ],
    ids=lambda x: "-".join(str(v) for v in x.values()) if isinstance(x, dict) else "",
)
def test_what_cannot_be_done_is_said_before_any_work(settings: dict[str, Any], says: str) -> None:
    def no_work(news: dict[str, Any]) -> None:
        raise AssertionError("work was done")

    with pytest.raises(InputError, match=says):
        train(replace(SMALL, **settings), no_work)


@pytest.mark.parametrize("field", ["epochs", "lr", "homeostasis", "nudge", "free_steps", "batch_size", "seed"])
def test_negative_settings_are_refused(field: str) -> None:
    with pytest.raises(InputError, match="got -1"):
        replace(SMALL, **{field: -1})


def test_layers_are_parsed() -> None:
    assert parse_layers("784-256-10") == (784, 256, 10)
    for wrong in ("", "784", "784-", "784-0-10", "784-a-10", "784--10"):
        with pytest.raises(InputError, match="hyphens"):
            parse_layers(wrong)


def test_the_command_line_keeps_its_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "r.h5"
    arguments = ["train", "--dataset", "digits", "--layers", "64-20-10", "--target", "ideal", "--estimator", "centered",
                 "--points", "2", "--nudge", "0.1", "--angle", "90", "--homeostasis", "1", "--correction", "none",
                 "--free-steps", "40", "--nudge-steps", "20", "--epochs", "2", "--batch-size", "20", "--optimizer",
                 "adamw", "--lr", "0.005", "--train-samples", "200", "--test-samples", "50", "--seed", "3",
                 "--out", str(out), "--json"]  # fmt: skip
    assert run(arguments) == 0
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert {"test_accuracy", "epochs", "target", "energy_j", "latency_s", "record"} <= answer.keys()
    wanted = {"epoch", "train_loss", "test_accuracy", "converged_fraction", "symmetry", "gradient_cosine", "seconds",
              "equilibrations"}  # fmt: skip
    assert wanted <= answer["epochs"][0].keys()
    assert set(answer["energy_j"]) >= {"value", "low", "high", "grade", "missing"}
    assert answer["record"] == str(out)
    assert run(arguments) == 2
    assert "exists already" in capsys.readouterr().err
    assert run(["train", "--nudge", "much"]) == 2
    assert run(["train", "--layers", "64-10-"]) == 2


def test_a_response_below_the_noise_is_measured_and_said() -> None:
    config = replace(SMALL, layers=(64, 20, 16, 10), epochs=1, target="analog")
    quiet = train(replace(config, chip={"readout_noise": 1e-6}))
    assert min(quiet.epochs[0]["response_to_noise"]) > 100
    with pytest.warns(UserWarning, match="below its noise"):
        loud = train(replace(config, chip={"readout_noise": 0.2}, nudge=0.05))
    assert max(loud.epochs[0]["response_to_noise"]) < 1
    assert "response_to_noise" not in train(replace(SMALL, epochs=1)).epochs[0]


@pytest.mark.parametrize(
    ("said", "activation", "scale"),
    [
        ({}, "relu", 0.1), ({"activation": "tanh"}, "tanh", 0.1), ({"correction": "asymep"}, "dsilu", 1.0),
        ({"estimator": "cauchy", "points": 4}, "dsilu", 0.1), ({"estimator": "cauchy", "points": 2}, "relu", 0.1),
        ({"target": "analog", "chip": {"adc_bits": 8}}, "dsilu", 0.1), ({"pooling": "softmax"}, "dsilu", 1.0),
    ],
)  # fmt: skip
def test_left_alone_convolutions_take_what_learns(said: dict[str, Any], activation: str, scale: float) -> None:
    config = TrainConfig(conv=(3,), **said)
    config = config.resolved(config.target, 64, 10)
    assert (config.activation, config.feedback_scale) == (activation, scale)


def test_readings_reach_the_machine_and_its_counts() -> None:
    config = replace(SMALL, epochs=1, target="analog", chip={"readout_noise": 0.01})
    once, often = (train(replace(config, readings=r)).ledger.totals()[Event.ADC_CONVERSIONS] for r in (1, 4))
    assert often == 4 * once
    with pytest.raises(InputError, match="readings"):
        train(replace(SMALL, epochs=1, readings=2))  # the ideal machine has none


@pytest.mark.parametrize(
    ("target", "noise", "nudge", "readings"),
    [
        ("ideal", 0.0, 0.75, 1),
        ("analog", 0.01, 1.03, 7),
        ("analog", 0.1, 4.75, 16),
        ("analog", 0.0, 0.75, 1),
        ("loihi2-sim", 0.0, 0.4, 1),
    ],
)
def test_left_alone_a_run_takes_what_makes_the_target_learn(
    target: str, noise: float, nudge: float, readings: int
) -> None:
    chip = {"readout_noise": noise, "levels": 32} if target == "analog" else {}
    config = TrainConfig(target=target, chip=chip).resolved(target, 64, 10)
    assert config.nudge == pytest.approx(nudge, rel=0.02)
    assert config.readings == readings
    assert (config.homeostasis, config.combination, config.feedback_scale) == (0.5, "decoupled", 0.25)
    assert not config.biased
    for said in ({"correction": "asymep"}, {"homeostasis": 0.0}, {"tied": True}, {"estimator": "adjoint"}):
        other = replace(TrainConfig(target=target), **said).resolved(target, 64, 10)
        assert (other.homeostasis, other.combination, other.feedback_scale) == (0.0, "sum", 1.0)
        assert other.readings == 1
        assert other.biased == (said == {"homeostasis": 0.0})
