"""The published experiments' run files, end to end on small files in the formats of the real data."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from equipoise.cli.main import run
from equipoise.training.run_file import config_from, read_run_file
from hw_profiles.record import Record

RECIPES = sorted((Path(__file__).parents[3] / "recipes").glob("*.toml"))
SMALL = ["--conv", "3,3,4,4", "--epochs", "1", "--batch-size", "8", "--free-steps", "20", "--nudge-steps", "10"]


def batch(path: Path, count: int, labels: str, classes: int, first: int = 0) -> None:
    random = np.random.default_rng(len(path.name))
    table = {
        b"data": random.integers(0, 256, (count, 3072), dtype=np.uint8),
        labels.encode(): [int(n) for n in random.integers(first, first + classes, count)],
    }
    path.write_bytes(pickle.dumps(table, protocol=2))


def files_of(dataset: str, folder: Path) -> None:
    """Small synthetic files, named and laid out as the published ones."""
    if dataset == "fashion-mnist":
        for part, count in (("train", 24), ("t10k", 8)):
            random = np.random.default_rng(count)
            pixels = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
            labels = (np.arange(count) % 10).astype(np.uint8)
            header = struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28)
            (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + pixels.tobytes()))
            header = struct.pack(">4BI", 0, 0, 8, 1, count)
            (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(header + labels.tobytes()))
    elif dataset == "cifar10":
        for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
            batch(folder / name, 8, "labels", 10)
    elif dataset == "cifar100":
        for name in ("train", "test"):
            batch(folder / name, 16, "fine_labels", 100)
    else:
        for name in (*(f"train_data_batch_{i}" for i in range(1, 11)), "val_data"):
            batch(folder / name, 4, "labels", 1000, first=1)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda p: p.stem)
def test_a_recipe_runs_on_small_files_of_the_same_formats(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_from(read_run_file(recipe))
    files_of(config.dataset, tmp_path)
    small = SMALL if config.conv else ["--layers", "784-12-12-10", "--epochs", "1"]
    arguments = [str(recipe), *small, "--data-dir", str(tmp_path), "--device", "cpu", "--out", str(tmp_path / "r.h5")]
    assert run(["train", *arguments]) == 0, capsys.readouterr().err
    record = Record.open(tmp_path / "r.h5")
    assert record.status == "complete"
    assert len(record.tables["epochs"]) == 1
    assert record.config["readout"] == "hidden"


def test_there_are_recipes_for_every_published_experiment() -> None:
    names = {p.stem for p in RECIPES}
    wanted = {f"{d}-{k}" for d in ("cifar10", "cifar100", "imagenet32") for k in ("homeostasis", "plain", "tangent")}
    assert wanted | {"fashion-mnist"} <= names


def test_a_misspelt_option_in_a_recipe_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = RECIPES[0].read_text().replace("pooling", "poling")
    (tmp_path / "mine.toml").write_text(text)
    assert run(["train", str(tmp_path / "mine.toml")]) == 2
    assert "poling" in capsys.readouterr().err
