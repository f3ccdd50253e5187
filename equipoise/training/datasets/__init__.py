"""Data sets: readers that check what they read, and any torch data set. Framework: torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equipoise.training.datasets.augment import flip_and_shift
from equipoise.training.datasets.base import Recipe, Split, finish
from equipoise.training.datasets.idx import read_idx
from hw_profiles.errors import InputError
from hw_profiles.registry import Registry, lazy

if TYPE_CHECKING:
    from torch.utils.data import Dataset

__all__ = ["DATASETS", "Recipe", "Split", "finish", "flip_and_shift", "from_torch", "load_dataset", "read_idx"]


def _accept(thing: Any, what: str) -> Callable[[Path | None], Split]:
    if not callable(thing):
        raise InputError(f"{what} is {thing!r}; expected a function (folder or None) -> Split")
    load: Callable[[Path | None], Split] = thing
    return load


_HOME = "equipoise.training.datasets"
DATASETS: Registry[Callable[[Path | None], Split]] = Registry(
    "data set",
    "equipoise.datasets",
    (
        lazy("digits", f"{_HOME}.digits:load_digits", "scikit-learn's, 8 x 8, no files"),
        lazy("fashion-mnist", f"{_HOME}.idx:load_fashion_mnist", "clothes, 28 x 28"),
        lazy("mnist", f"{_HOME}.idx:load_mnist", "digits, 28 x 28"),
        lazy("cifar10", f"{_HOME}.images32:load_cifar10", "colour images, 32 x 32, 10 classes"),
        lazy("cifar100", f"{_HOME}.images32:load_cifar100", "colour images, 32 x 32, 100 classes"),
        lazy("imagenet32", f"{_HOME}.images32:load_imagenet32", "colour images, 32 x 32, 1000 classes"),
    ),
    _accept,
)


def load_dataset(name: str, data_dir: Path | str | None = None) -> Split:
    """Load a data set by name, or by the function at ``path.py:Name``.

    Raises:
        InputError: no such data set, its files are not there, or they are damaged.
    """
    load = DATASETS.find(name)
    folder = None if data_dir is None else Path(data_dir)
    if folder is not None and not folder.is_dir():
        raise InputError(f"the data folder {folder} does not exist")
    found = load(folder)
    if not isinstance(found, Split):
        raise InputError(f"the data set {name!r} is a {type(found).__name__}; expected a Split, see datasets.finish")
    return found


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
