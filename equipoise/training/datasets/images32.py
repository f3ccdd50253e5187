"""CIFAR-10, CIFAR-100 and ImageNet-32 in their published Python pickles, for files the user has.

The pickles are read by `pickles`, which knows arrays of numbers and nothing else, so a file cannot run code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.training.datasets.augment import flip_and_shift
from equipoise.training.datasets.base import Split, finish
from equipoise.training.datasets.pickles import load_batch
from hw_profiles.errors import InputError
from hw_profiles.reading import check_size, read_bytes, reading
from hw_profiles.texts import shown

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

__all__ = ["load_cifar10", "load_cifar100", "load_imagenet32"]


def load_cifar10(data_dir: Path | None = None) -> Split:
    """CIFAR-10 from the folder ``cifar-10-batches-py``: 50 000 and 10 000 images of 3 x 32 x 32."""
    folder = _folder("CIFAR-10", data_dir, "cifar-10-batches-py", "data_batch_1")
    train = [_batch(folder / f"data_batch_{i}", "labels") for i in range(1, 6)]
    return _split("cifar10", train, [_batch(folder / "test_batch", "labels")], 10, folder)


def load_cifar100(data_dir: Path | None = None) -> Split:
    """CIFAR-100 (fine labels) from the folder ``cifar-100-python``."""
    folder = _folder("CIFAR-100", data_dir, "cifar-100-python", "train")
    train, test = (_batch(folder / name, "fine_labels") for name in ("train", "test"))
    return _split("cifar100", [train], [test], 100, folder)


def load_imagenet32(data_dir: Path | None = None) -> Split:
    """ImageNet-32 (``train_data_batch_1`` to ``_10``, ``val_data``; labels 1 to 1000). Chrabaszcz, arXiv 1707.08819."""
    folder = _folder("ImageNet-32", data_dir, "imagenet32", "val_data")
    paths = sorted(folder.glob("train_data_batch_*"), key=lambda p: (len(p.name), p.name))
    if not paths:
        raise InputError(f"{folder} has val_data but no train_data_batch_1 and following")
    train = [_batch(p, "labels", first=1) for p in paths]
    return _split("imagenet32", train, [_batch(folder / "val_data", "labels", first=1)], 1000, folder)


def _folder(what: str, data_dir: Path | None, usual: str, marker: str) -> Path:
    if data_dir is None:
        raise InputError(f"{what} is not shipped; unpack its Python version and give the folder {usual} as --data-dir")
    for folder in (data_dir, data_dir / usual):
        if (folder / marker).is_file():
            return folder
    raise InputError(f"no {what} in {data_dir}: expected the file {marker} there, or in {usual} below it")


def _batch(path: Path, labels: str, first: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    fix = "unpack the archive again"
    data = read_bytes(path, "batch of images", fix)
    check_size(4 * len(data), str(path), "its content")
    with reading(path, "batch of images", fix):
        try:
            table = load_batch(data)
        except InputError as error:
            raise InputError(f"{path} is not a readable batch of images: {error}; {fix}") from None
        images, numbers = table.get("data"), table.get(labels)
        if (
            not isinstance(images, np.ndarray)
            or images.dtype != np.uint8
            or images.ndim != 2
            or images.shape[1] != 3072
        ):
            kind = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else shown(images, 40)
            raise InputError(f"{path} holds images {kind}; expected uint8 (count, 3072)")
        if isinstance(numbers, np.ndarray) and numbers.dtype.kind in "iu" and numbers.ndim == 1:
            targets = numbers.astype(np.int64) - first
        elif isinstance(numbers, list) and all(type(number) is int for number in numbers):
            targets = np.array(numbers, np.int64) - first
        else:
            raise InputError(f"{path} holds the labels {shown(numbers, 40)}; expected whole numbers under {labels!r}")
    return images, targets


def _split(name: str, train: list[Any], test: list[Any], classes: int, folder: Path) -> Split:
    """Normalise by the training set's mean and 1.5 times its standard deviation per channel, as the paper does."""
    import torch

    def join(parts: list[Any]) -> tuple[Tensor, Tensor]:
        images = np.concatenate([p[0] for p in parts]).reshape(-1, 3, 32, 32)
        return torch.from_numpy(images).float() / 255.0, torch.from_numpy(np.concatenate([p[1] for p in parts]))

    (train_x, train_y), (test_x, test_y) = join(train), join(test)
    mean = train_x.mean((0, 2, 3), keepdim=True)
    spread = 1.5 * train_x.std((0, 2, 3), keepdim=True).clamp_min(1e-3)
    normalised = ((train_x - mean) / spread, (test_x - mean) / spread)
    return finish(name, (normalised[0], train_y), (normalised[1], test_y), classes, str(folder), flip_and_shift)
