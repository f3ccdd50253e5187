"""Readers: files made here in the published formats, whole and damaged."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from equipoise.training import from_torch, load_dataset
from equipoise.training.datasets import flip_and_shift, read_idx
from hw_profiles.errors import InputError

RANDOM = np.random.default_rng(0)


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    data = header + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def make_mnist(folder: Path, *, suffix: str = ".gz", train: int = 20, test: int = 10) -> None:
    for stem, count in (("train", train), ("t10k", test)):
        write_idx(folder / f"{stem}-images-idx3-ubyte{suffix}", RANDOM.integers(0, 256, (count, 28, 28)))
        write_idx(folder / f"{stem}-labels-idx1-ubyte{suffix}", np.arange(count) % 10)


@pytest.mark.parametrize("suffix", [".gz", ""])
@pytest.mark.parametrize("name", ["fashion-mnist", "mnist"])
def test_idx_files_are_read(tmp_path: Path, name: str, suffix: str) -> None:
    make_mnist(tmp_path, suffix=suffix)
    data = load_dataset(name, tmp_path)
    assert data.train_inputs.shape == (20, 28, 28)
    assert data.test_targets.tolist() == list(range(10))
    raw = read_idx(tmp_path / f"train-images-idx3-ubyte{suffix}")
    assert torch.equal(data.train_inputs, torch.from_numpy(raw.astype(np.float32) / 255))
    assert data.flattened().input_shape == (784,)


def test_damaged_idx_files_are_named(tmp_path: Path) -> None:
    make_mnist(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    whole = gzip.decompress(path.read_bytes())
    for damage, says in (
        (path.read_bytes()[:100], "gzip"),
        (b"hello", "gzip"),
        (gzip.compress(whole[:-5]), "header says"),
        (gzip.compress(whole + b"x"), "header says"),
        (gzip.compress(b"\1\2\3\4"), "not an idx file"),
        (gzip.compress(b""), "not an idx file"),
        (gzip.compress(b"\0\0\x0d\3" + whole[4:]), "type 0x0d"),
        (gzip.compress(whole[:9]), "truncated inside its header"),
    ):
        path.write_bytes(damage)
        with pytest.raises(InputError, match=says):
            load_dataset("mnist", tmp_path)


def test_counts_and_labels_are_checked(tmp_path: Path) -> None:
    make_mnist(tmp_path)
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.arange(19) % 10)
    with pytest.raises(InputError, match="20 training images but 19 labels"):
        load_dataset("mnist", tmp_path)
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.full(20, 10))
    with pytest.raises(InputError, match="labels run from 10 to 10"):
        load_dataset("mnist", tmp_path)


def test_a_missing_data_set_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="dataset-fashion-mnist"):
        load_dataset("fashion-mnist", tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        load_dataset("mnist", tmp_path / "none")
    with pytest.raises(InputError, match=r"did you mean .imagenet32.\?.*here are digits"):
        load_dataset("imagenet")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("equipoise.training.datasets.idx.SYSTEM", {"mnist": tmp_path / "none"})
    cache = tmp_path / "equipoise" / "mnist"
    cache.mkdir(parents=True)
    make_mnist(cache)
    assert load_dataset("mnist").source == str(cache)


def images(count: int, key: bytes, classes: int, first: int = 0) -> dict[bytes, object]:
    labels = [int(x) + first for x in RANDOM.integers(0, classes, count)]
    return {b"data": RANDOM.integers(0, 256, (count, 3072), dtype=np.uint8), key: labels}


def dump(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))


def test_colour_images_are_read_and_normalised(tmp_path: Path) -> None:
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        dump(tmp_path / "cifar-10-batches-py" / name, images(4, b"labels", 10))
    for name in ("train", "test"):
        dump(tmp_path / "c100" / name, images(5, b"fine_labels", 100))
    for name in ("train_data_batch_1", "train_data_batch_2", "val_data"):
        dump(tmp_path / "i32" / name, images(6, b"labels", 1000, first=1))
    ten = load_dataset("cifar10", tmp_path)
    assert ten.train_inputs.shape == (20, 3, 32, 32)
    assert torch.allclose(ten.train_inputs.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(ten.train_inputs.std((0, 2, 3)), torch.full((3,), 1 / 1.5), atol=1e-4)
    assert load_dataset("cifar100", tmp_path / "c100").classes == 100
    assert len(load_dataset("imagenet32", tmp_path / "i32").train_targets) == 12


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("true",)


def test_a_pickle_cannot_run_code_and_damage_is_named(tmp_path: Path) -> None:
    good = images(4, b"labels", 10)
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        dump(tmp_path / name, good)
    for content, says in (
        (Evil(), "asks for"),
        ({b"data": good[b"data"]}, "labels"),
        ({**good, b"data": np.zeros((4, 100), np.uint8)}, "expected uint8"),
        ([1, 2], "not a readable batch"),
    ):
        dump(tmp_path / "data_batch_3", content)
        with pytest.raises(InputError, match=says):
            load_dataset("cifar10", tmp_path)
    (tmp_path / "data_batch_3").write_bytes(b"\x80\x02}")
    with pytest.raises(InputError, match="not a readable batch"):
        load_dataset("cifar10", tmp_path)
    with pytest.raises(InputError, match="expected the file train"):
        load_dataset("cifar100", tmp_path)
    with pytest.raises(InputError, match="--data-dir"):
        load_dataset("cifar10")


def test_augmentation_shifts_and_flips_the_same_way_for_the_same_stream() -> None:
    batch = torch.rand(50, 3, 8, 8)
    one, two = (flip_and_shift(batch, np.random.default_rng(1)) for _ in range(2))
    assert torch.equal(one, two)
    assert one.shape == batch.shape
    candidates = [
        torch.nn.functional.pad(b, (2, 2, 2, 2))[:, y : y + 8, x : x + 8]
        for b in (batch[0], batch[0].flip(2))
        for y in range(5)
        for x in range(5)
    ]
    assert sum(torch.equal(one[0], c) for c in candidates) == 1


def test_any_torch_data_set() -> None:
    inputs, targets = torch.rand(6, 5), torch.tensor([0, 1, 2, 0, 1, 2])
    data = torch.utils.data.TensorDataset(inputs, targets)
    split = from_torch(data, data, classes=3)
    assert torch.equal(split.train_inputs, inputs)
    with pytest.raises(InputError, match="labels run"):
        from_torch(data, data, classes=2)
    with pytest.raises(InputError, match="expected"):
        from_torch([(torch.rand(2), 0), (torch.rand(3), 0)], data, classes=3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="empty"):
        from_torch([], data, classes=3)  # type: ignore[arg-type]


def test_limits() -> None:
    digits = load_dataset("digits")
    assert len(digits.train_targets) == 1437
    assert len(digits.limited(10, 5).test_targets) == 5
    with pytest.raises(InputError, match="1 to 1437"):
        digits.limited(2000, None)
