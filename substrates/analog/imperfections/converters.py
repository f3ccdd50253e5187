"""ADC and DAC: a value becomes the nearest of 2^bits codes over a range."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["quantise"]


def quantise(value: Tensor, bits: int, low: float, high: float) -> Tensor:
    """Nearest code of a converter with 2^bits codes from ``low`` to ``high``; clipped to them. 0 bits: no converter.

    Complex values have a converter for each part.
    """
    if bits == 0:
        return value
    if value.is_complex():
        return torch.complex(quantise(value.real, bits, low, high), quantise(value.imag, bits, low, high))
    gap = (high - low) / (2**bits - 1)
    return torch.round((value.clamp(low, high) - low) / gap) * gap + low
