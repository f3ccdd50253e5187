"""A data set by its name, or out of torch's own kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from equipoise.training.datasets.base import Split, finish
from equipoise.training.datasets.registry import DATASETS
from equipoise.training.datasets.streaming import Streamed, labels_of
from hw_profiles.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch.utils.data import Dataset

__all__ = ["from_torch", "load_dataset"]


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


def from_torch(
    train: Dataset[Any],
    test: Dataset[Any],
    *,
    classes: int,
    name: str = "custom",
    columns: tuple[str, str] | None = None,
    stream: bool = False,
    workers: int = 0,
) -> Split:
    """Any two map-style data sets of (image tensor, class index): torch's, torchvision's, Hugging Face's.

    Args:
        train, test: anything with ``len`` and ``[number]``.
        classes: how many there are; labels are 0 to ``classes - 1``.
        columns: names of image and class where samples are mappings.
        stream: read a batch when it is wanted instead of all samples now. Labels are read now: from ``targets``, the
            label column, or by going through the set once. Samples drawn anew at every reading (augmentation inside
            the data set) are then new in every epoch, and the same bits are no longer promised.
        workers: processes that read ahead of the training, where streamed; they change no bit.

    Raises:
        InputError: samples that are not tensors of one shape, labels out of range.
    """
    pairs = [_both(data, name, columns, workers if stream else 0) for data in (train, test)]
    (inputs, targets), (test_inputs, test_targets) = pairs
    if not stream:
        whole, tested = inputs[slice(None)], test_inputs[slice(None)]
        return finish(name, (whole, targets), (tested, test_targets), classes, name)
    return finish(name, (inputs, targets), (test_inputs, test_targets), classes, name)


def _both(data: Any, name: str, columns: tuple[str, str] | None, workers: int) -> tuple[Streamed, torch.Tensor]:
    """A data set's inputs, unread, and its labels."""
    return Streamed.of(data, name, columns, workers), labels_of(data, name, columns)
