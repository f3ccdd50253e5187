"""Who listens to a training: several at once, TensorBoard's own reader as witness, loggers with MLflow's signature."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import run
from equipoise.training import EpochMetrics, TensorBoard, TrainConfig, train
from hw_profiles.errors import InputError

SMALL = TrainConfig(target="ideal", layers=(64, 16, 10), epochs=2, train_samples=64, test_samples=32, seed=1)


def _read(directory: Path) -> dict[str, list[tuple[int, float]]]:
    """Everything in a directory of event files, by TensorBoard's reader."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(directory))
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_several_listen_and_tensorboard_reads_what_the_result_holds(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    logged: dict[int, dict[str, float]] = {}

    def log_metrics(metrics: dict[str, float], step: int | None = None) -> None:  # as mlflow.log_metrics is declared
        logged[step or 0] = metrics

    news: list[dict[str, Any]] = []
    result = train(SMALL, [news.append, EpochMetrics(log_metrics, prefix="ep/"), TensorBoard(tmp_path / "board")])
    shown = _read(tmp_path / "board")
    for row in result.epochs:
        step = row["epoch"]
        cosines = {f"gradient_cosine/{i}": c for i, c in enumerate(row["gradient_cosine"])}
        for name, value in {"test_accuracy": row["test_accuracy"], "train_loss": row["train_loss"], **cosines}.items():
            assert math.isclose(dict(shown[name])[step], value, rel_tol=1e-6)  # float32 in the file
            assert logged[step][f"ep/{name}"] == value
    assert [n["epoch"] for n in news if n.get("done")] == [1, 2]
    assert all(None not in m.values() for m in logged.values())


def test_the_command_line_adds_to_a_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorboard")
    board = tmp_path / "board"
    small = ["--layers", "64-16-10", "--epochs", "1", "--train-samples", "32", "--test-samples", "32"]
    line = ["train", "--target", "ideal", *small, "--tensorboard", str(board)]
    assert run(line) == 0
    first = {file: file.read_bytes() for file in board.iterdir()}
    assert _read(board)["test_accuracy"]
    assert run([*line, "--seed", "5"]) == 0
    assert {file: file.read_bytes() for file in first} == first
    assert len(list(board.iterdir())) == 2
    taken = tmp_path / "file"
    taken.write_text("mine")
    capsys.readouterr()
    assert run([*line[:-1], str(taken)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert taken.read_text() == "mine"


def test_what_cannot_listen_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got a int; expected something to call"):
        train(SMALL, [3])  # type: ignore[list-item]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match="pip install tensorboard"):
        TensorBoard(tmp_path)
