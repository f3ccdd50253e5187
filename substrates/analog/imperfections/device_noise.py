"""The numbers of `noise.fill_normals` on any torch device: the same integers, the same polynomials.

Keys, steps and neurons give the same normal numbers as on the CPU up to the last bits (fused multiply-adds differ).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from substrates.analog.imperfections.noise import fill_normals

__all__ = ["normals"]

_LOW = 0xFFFFFFFF


def normals(keys: Tensor, step: Tensor | int, count: int) -> Tensor:
    """Standard normal numbers of (sample key, step, neuron): float32 (batch, ``count``) on the keys' device.

    Args:
        keys: (batch,) int64, the bits of the samples' 64-bit keys.
        step: a number; on an accelerator a scalar tensor of the device avoids waiting for it.
        count: neurons, numbered from 0.
    """
    if keys.device.type == "cpu":
        flat = np.empty((len(keys), count), np.float32)
        fill_normals(keys.numpy().view(np.uint64), int(step), flat)
        return torch.from_numpy(flat)
    return _normals(keys, torch.as_tensor(step, dtype=torch.int64, device=keys.device), count)


def _normals(keys: Tensor, step: Tensor, count: int) -> Tensor:
    """`normals` in torch operations."""
    key = _splitmix(keys ^ _splitmix(step))
    low, high = (key & _LOW)[:, None], ((key >> 32) & _LOW)[:, None]
    neuron = torch.arange(count, device=keys.device)
    a = _mix32(((neuron * 0x9E3779B9) & _LOW)[None] ^ low)
    b = _mix32(a ^ high)
    # x = (a >> 8) + 1/2 = m 2^e by its bits, then log x = log m + e log 2 with the series of artanh
    x = (a >> 8).to(torch.float32) + 0.5
    bits = x.view(torch.int32)
    e = (bits - 0x3F3504F3) >> 23
    m = (bits - (e << 23)).view(torch.float32)
    t = (m - 1.0) / (m + 1.0)
    t2 = t * t
    log_x = 2.0 * t * (1.0 + t2 * (0.33333333 + t2 * (0.2 + t2 * (0.14285714 + t2 * 0.111))))
    log_u = log_x + (e.to(torch.float32) - 24.0) * 0.69314718
    r = torch.sqrt((-2.0 * log_u).clamp_min(0.0))
    w = ((b >> 8) - 8388608).to(torch.float32) * 2.0**-24
    y = (0.25 - w.abs()) * 6.2831853
    y2 = y * y
    return r * y * (1.0 + y2 * (-0.16666667 + y2 * (0.0083333310 + y2 * (-0.00019840874 + y2 * 2.7525562e-6))))


def _mix32(x: Tensor) -> Tensor:
    """32-bit mixing on int64 numbers of 0 to 2^32 - 1; products wrap, their low half is right."""
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & _LOW
    x = x ^ (x >> 15)
    x = (x * 0x846CA68B) & _LOW
    return x ^ (x >> 16)


def _splitmix(x: Tensor) -> Tensor:
    """64-bit mixing on the bits of int64 numbers; right shifts fill with zeros."""
    x = x + _signed(0x9E3779B97F4A7C15)
    x = (x ^ ((x >> 30) & ((1 << 34) - 1))) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ ((x >> 27) & ((1 << 37) - 1))) * _signed(0x94D049BB133111EB)
    return x ^ ((x >> 31) & ((1 << 33) - 1))


def _signed(bits: int) -> int:
    return bits - (1 << 64) if bits >= 1 << 63 else bits
