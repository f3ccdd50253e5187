"""A training writes its own files and no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from equipoise.cli.main import run
from equipoise.training import TrainConfig, train
from hw_profiles.errors import InputError
from hw_profiles.record import Record

SMALL = TrainConfig(layers=(64, 6, 10), epochs=1, train_samples=40, test_samples=20, free_steps=10, nudge_steps=5)
OPTIONS = ["--layers", "64-6-10", "--epochs", "1", "--train-samples", "40", "--test-samples", "20", "--free-steps", "5"]


def other_record(path: Path, **config: object) -> bytes:
    with Record.create(path, kind="qubo", config=config, seeds={}, target={}) as record:
        record.result("precious", 1.0)
    return path.read_bytes()


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["train", *OPTIONS, *arguments]) == 2
    return capsys.readouterr().err


def test_resuming_without_a_checkpoint_replaces_no_record_of_another_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = other_record(tmp_path / "rec.h5")
    assert "exists already" in refused(["--out", str(tmp_path / "rec.h5"), "--resume"], capsys)
    assert (tmp_path / "rec.h5").read_bytes() == before
    # a training of other settings, and one whose checkpoint was removed: neither is lost
    train(replace(SMALL, out=tmp_path / "t.h5"))
    (tmp_path / "t.h5.checkpoint").unlink()
    before = (tmp_path / "t.h5").read_bytes()
    for config in (replace(SMALL, out=tmp_path / "t.h5", resume=True), replace(SMALL, out=tmp_path / "t.h5", seed=1)):
        with pytest.raises(InputError, match="exists already"):
            train(config)
    assert (tmp_path / "t.h5").read_bytes() == before


def test_a_checkpoint_replaces_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("precious")
    assert "exists already" in refused(["--checkpoint", str(precious)], capsys)
    assert "checkpoint" in refused(["--checkpoint", str(precious), "--resume"], capsys)
    (tmp_path / "z.h5.checkpoint").write_text("precious")
    assert "exists already" in refused(["--out", str(tmp_path / "z.h5")], capsys)
    assert not (tmp_path / "z.h5").exists()
    assert precious.read_text() == (tmp_path / "z.h5.checkpoint").read_text() == "precious"


def test_record_and_checkpoint_are_two_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "one")
    assert "are both" in refused(["--out", path, "--checkpoint", path], capsys)
    assert list(tmp_path.iterdir()) == []


def test_the_record_of_the_run_that_goes_on_is_replaced_and_named_alike(tmp_path: Path) -> None:
    first = train(replace(SMALL, out=tmp_path / "t.h5", resume=True))
    assert first.record is not None
    name = Record.open(tmp_path / "t.h5").run
    again = train(replace(SMALL, out=tmp_path / "t.h5", resume=True))
    assert len(name) == 16
    assert Record.open(tmp_path / "t.h5").run == name
    assert repr(again.epochs) == repr(first.epochs)  # one of the numbers may be NaN, which equals nothing
    # another record under the same name is not its own
    before = other_record(tmp_path / "other.h5")
    with pytest.raises(InputError, match="exists already"):
        train(replace(SMALL, out=tmp_path / "other.h5", checkpoint=tmp_path / "t.h5.checkpoint", resume=True))
    assert (tmp_path / "other.h5").read_bytes() == before


def test_force_begins_afresh_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "t.h5"
    other_record(out)
    assert run(["train", *OPTIONS, "--out", str(out), "--force"]) == 0
    assert "t.h5 is there and will be replaced (--force)" in capsys.readouterr().err.replace("\n", "")
    assert Record.open(out).kind == "train"
    assert "give one of them" in refused(["--out", str(out), "--force", "--resume"], capsys)
