"""Data sets: readers that check what they read, and any torch data set. Framework: torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equipoise.training.datasets.augment import flip_and_shift
from equipoise.training.datasets.base import Split, finish
from equipoise.training.datasets.digits import load_digits
from equipoise.training.datasets.idx import load_fashion_mnist, load_mnist, read_idx
from equipoise.training.datasets.images32 import load_cifar10, load_cifar100, load_imagenet32
from hw_profiles.errors import InputError

if TYPE_CHECKING:
    from torch.utils.data import Dataset

__all__ = ["DATASETS", "Split", "flip_and_shift", "from_torch", "load_dataset", "read_idx"]

DATASETS: dict[str, Callable[[Path | None], Split]] = {
    "digits": load_digits,
    "fashion-mnist": load_fashion_mnist,
    "mnist": load_mnist,
    "cifar10": load_cifar10,
    "cifar100": load_cifar100,
    "imagenet32": load_imagenet32,
}


def load_dataset(name: str, data_dir: Path | str | None = None) -> Split:
    """Load a data set by name.

    Raises:
        InputError: no such data set, its files are not there, or they are damaged.
    """
    if name not in DATASETS:
        raise InputError(f"no data set {name!r}; there are {', '.join(DATASETS)}")
    folder = None if data_dir is None else Path(data_dir)
    if folder is not None and not folder.is_dir():
        raise InputError(f"the data folder {folder} does not exist")
    return DATASETS[name](folder)


def from_torch(train: Dataset[Any], test: Dataset[Any], *, classes: int, name: str = "custom") -> Split:
    """Any two map-style torch data sets of (image tensor, class index), read into memory.

    Raises:
        InputError: samples that are not tensors of one shape, labels out of range.
    """
    import torch

    def read(data: Any) -> tuple[torch.Tensor, torch.Tensor]:
        pairs = [data[i] for i in range(len(data))]
        if not pairs:
            raise InputError(f"{name}: a data set is empty")
        try:
            inputs = torch.stack([torch.as_tensor(x).float() for x, _ in pairs])
            return inputs, torch.tensor([int(y) for _, y in pairs])
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"{name}: expected (tensor of one shape, class index) samples ({error})") from None

    return finish(name, read(train), read(test), classes, name)
