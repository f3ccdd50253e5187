"""The table of data sets; readable without torch and NumPy. A reader is a function (folder or None) -> Split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_profiles.errors import InputError
from hw_profiles.registry import Registry, lazy

if TYPE_CHECKING:
    from equipoise.training.datasets.base import Split

__all__ = ["DATASETS"]


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
