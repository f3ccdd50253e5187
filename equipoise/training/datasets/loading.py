"""A data set by its name, or out of torch's own kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from equipoise.training.datasets.base import Split, finish
from equipoise.training.datasets.registry import DATASETS
from hw_profiles.errors import InputError

if TYPE_CHECKING:
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
