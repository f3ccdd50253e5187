"""Data sets: readers that check what they read, and any torch data set. Framework: torch.

Everything here is imported on first use, so that the registry is had without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.registry import lazy_package

if TYPE_CHECKING:
    from equipoise.training.datasets.augment import flip_and_shift
    from equipoise.training.datasets.base import Recipe, Split, finish
    from equipoise.training.datasets.idx import read_idx
    from equipoise.training.datasets.loading import from_torch, load_dataset
    from equipoise.training.datasets.registry import DATASETS

__all__ = ["DATASETS", "Recipe", "Split", "finish", "flip_and_shift", "from_torch", "load_dataset", "read_idx"]

__getattr__, __dir__ = lazy_package(
    __name__,
    {
        "equipoise.training.datasets.augment": ("flip_and_shift",),
        "equipoise.training.datasets.base": ("Recipe", "Split", "finish"),
        "equipoise.training.datasets.idx": ("read_idx",),
        "equipoise.training.datasets.loading": ("from_torch", "load_dataset"),
        "equipoise.training.datasets.registry": ("DATASETS",),
    },
)
