"""Training: data sets, the trainer and its configuration. See README.md in this folder."""

from equipoise.targets import IMPERFECT_CHIP
from equipoise.training.config import TrainConfig, parse_layers
from equipoise.training.datasets import DATASETS, Split, from_torch, load_dataset
from equipoise.training.machines import make_machine
from equipoise.training.result import TrainResult
from equipoise.training.trainer import Progress, train

__all__ = [
    "DATASETS",
    "IMPERFECT_CHIP",
    "Progress",
    "Split",
    "TrainConfig",
    "TrainResult",
    "from_torch",
    "load_dataset",
    "make_machine",
    "parse_layers",
    "train",
]
