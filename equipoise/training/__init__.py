"""Training: data sets, the trainer and its configuration. See README.md in this folder.

Everything here is imported on first use, so that the registry is had without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.registry import lazy_package

if TYPE_CHECKING:
    from equipoise.targets import IMPERFECT_CHIP
    from equipoise.training.callbacks import Callback, EpochMetrics, TensorBoard
    from equipoise.training.config import TrainConfig, parse_layers
    from equipoise.training.datasets import DATASETS, Recipe, Split, from_torch, load_dataset
    from equipoise.training.machines import make_machine
    from equipoise.training.result import TrainResult
    from equipoise.training.trainer import train

__all__ = [
    "DATASETS",
    "IMPERFECT_CHIP",
    "Callback",
    "EpochMetrics",
    "Recipe",
    "Split",
    "TensorBoard",
    "TrainConfig",
    "TrainResult",
    "from_torch",
    "load_dataset",
    "make_machine",
    "parse_layers",
    "train",
]

__getattr__, __dir__ = lazy_package(
    __name__,
    {
        "equipoise.training.callbacks": ("Callback", "EpochMetrics", "TensorBoard"),
        "equipoise.training.config": ("TrainConfig", "parse_layers"),
        "equipoise.training.datasets": ("DATASETS", "Recipe", "Split", "from_torch", "load_dataset"),
        "equipoise.targets": ("IMPERFECT_CHIP",),
        "equipoise.training.machines": ("make_machine",),
        "equipoise.training.result": ("TrainResult",),
        "equipoise.training.trainer": ("train",),
    },
)
