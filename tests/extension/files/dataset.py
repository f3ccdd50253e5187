"""A data set of one's own: points on two rings, and how they are usually learned."""

from __future__ import annotations

from pathlib import Path

import torch

from equipoise.training.datasets import Recipe, Split, finish


def rings(data_dir: Path | None = None) -> Split:
    """300 training and 100 test points; the class is the ring."""
    draw = torch.Generator().manual_seed(4)
    label = torch.arange(400) % 2
    angle = 6.2832 * torch.rand(400, generator=draw)
    radius = 0.25 + 0.5 * label + 0.05 * torch.randn(400, generator=draw)
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], 1) / 2 + 0.5
    train, test = (points[:300], label[:300]), (points[300:], label[300:])
    recipe = Recipe(hidden=(12,), epochs=2, batch_size=20, lr={"adamw": 0.02, "sgd": 0.1})
    return finish("rings", train, test, 2, "drawn here", recipe=recipe)
