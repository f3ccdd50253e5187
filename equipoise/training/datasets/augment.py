"""Augmentation of colour images: horizontal flips and shifts of up to two pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["flip_and_shift"]


def flip_and_shift(images: Tensor, random: np.random.Generator, *, pad: int = 2) -> Tensor:
    """Flip each image with probability 1/2, pad by ``pad`` zeros and crop back at a random place.

    Args:
        images: (batch, channels, height, width).
        random: the stream all draws come from.

    Source: arXiv 2309.02214, appendix (32 -> 36 -> random crop of 32).
    """
    import torch

    batch, _, height, width = images.shape
    device = images.device
    flips = torch.from_numpy(random.random(batch) < 0.5).to(device)
    rows = torch.from_numpy(random.integers(0, 2 * pad + 1, batch)).to(device)
    columns = torch.from_numpy(random.integers(0, 2 * pad + 1, batch)).to(device)
    flipped = torch.where(flips[:, None, None, None], images.flip(3), images)
    padded = torch.nn.functional.pad(flipped, (pad, pad, pad, pad))
    y = rows[:, None] + torch.arange(height, device=device)
    x = columns[:, None] + torch.arange(width, device=device)
    return (
        padded[torch.arange(batch, device=device)[:, None, None], :, y[:, :, None], x[:, None, :]]
        .permute(0, 3, 1, 2)
        .contiguous()
    )
