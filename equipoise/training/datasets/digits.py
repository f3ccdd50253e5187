"""scikit-learn's handwritten digits: 1797 images of 8 x 8, embedded in the library, no download."""

from __future__ import annotations

from pathlib import Path

from equipoise.training.datasets.base import Recipe, Split, finish
from substrates.seeds import stream

__all__ = ["load_digits"]

RECIPE = Recipe(hidden=(128, 64), epochs=15, batch_size=32, lr={"adamw": 5e-3, "sgd": 0.05}, lr_of_usual=5e-3)


def load_digits(data_dir: Path | None = None) -> Split:
    """1437 training and 360 test images, pixels / 16; the split is fixed whatever the seed of the run."""
    import torch
    from sklearn import datasets

    del data_dir
    found = datasets.load_digits()
    order = stream(0, "digits split").permutation(len(found.target))
    inputs = torch.from_numpy(found.images[order] / 16.0).float()
    targets = torch.from_numpy(found.target[order]).long()
    train, test = (inputs[:1437], targets[:1437]), (inputs[1437:], targets[1437:])
    return finish("digits", train, test, 10, "scikit-learn digits", recipe=RECIPE)
