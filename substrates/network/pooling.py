"""Pooling of a convolution's map: what it gives, its derivative and its second derivative, in closed form.

With y the map before pooling and P the pooling, a coupling and its feedback need

    pool(y) = P(y),                         along(y, d)      = sum over each window of g_i d_i,
    spread(y, h) = g(y) h  (h of a window to all its members),
    bend(y, d, h) = d/dt g(y + t d) h  at t = 0,

where g_i = dP/dy_i. Average pooling is linear: it is folded into the kernel instead (`AverageFold`), because a k x k
convolution followed by a 2x2 average is exactly one (k+1) x (k+1) convolution of stride 2. All of it is holomorphic,
and plain torch, so that it runs on any device and autograd sees through it where somebody asks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from hw_profiles.errors import InputError

__all__ = ["POOLINGS", "Pooling", "pooling_named"]


class Pooling(ABC):
    """How a convolution's map becomes the population's current."""

    name: str
    stride: int = 1  #: of the convolution itself
    shrink: int = 1  #: rows of the map before pooling per row of the target, whether by stride or by windows
    linear: bool = True  #: the derivative does not depend on where it is taken

    def fold(self, kernel: Tensor) -> Tensor:
        """The taps that are convolved with, from the kernel that is learnt."""
        return kernel

    def unfold(self, taps: Tensor) -> Tensor:
        """The transpose of `fold`: a gradient with respect to the taps as one with respect to the kernel."""
        return taps

    def refold(self, taps: Tensor) -> Tensor:
        """The kernel whose `fold` these taps are."""
        return taps

    def pool(self, y: Tensor) -> Tensor:
        """P(y)."""
        return y

    def along(self, y: Tensor, direction: Tensor) -> Tensor:
        """The derivative of P at y times a direction."""
        del y
        return direction

    def spread(self, y: Tensor, high: Tensor) -> Tensor:
        """The transposed derivative of P at y, applied to ``high``."""
        del y
        return high

    @abstractmethod
    def bend(self, y: Tensor, direction: Tensor, high: Tensor) -> Tensor:
        """The derivative of `spread` with respect to y along ``direction``; not called where ``linear``."""


class _Linear(Pooling):
    def bend(self, y: Tensor, direction: Tensor, high: Tensor) -> Tensor:
        raise AssertionError("a linear pooling has no second derivative")


class NoPooling(_Linear):
    """The map itself."""

    name = "none"


class AverageFold(_Linear):
    """The mean of 2x2 windows, two apart: taps are the mean of the four shifted kernels, the stride is 2.

    Sixteen multiplications per output of a 3x3 kernel instead of thirty-six. An odd last row or column is left out.
    """

    name = "average"
    stride = 2
    shrink = 2

    def fold(self, kernel: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(nn.functional.pad(kernel, (1, 1, 1, 1)), 2, stride=1)

    def unfold(self, taps: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(taps, 2, stride=1)

    def refold(self, taps: Tensor) -> Tensor:
        # fold is a sum with the row before, halved, along either axis: undone from the first row on
        for axis in (2, 3):
            rows: list[Tensor] = []
            for row in taps.unbind(axis)[:-1]:
                rows.append(2.0 * row - rows[-1] if rows else 2.0 * row)
            taps = torch.stack(rows, axis)
        return taps


class SoftmaxPooling(Pooling):
    """sum y e^y / sum e^y over 2x2 windows, two apart: a smooth maximum.

    With p the softmax of a window and M the result, g_i = p_i (1 + y_i - M), and the second derivative along d is
    p_i ((d_i - <p, d>) (1 + y_i - M) + d_i - <g, d>). The exponentials are shifted by the real part alone.
    """

    name = "softmax"
    shrink = 2
    linear = False

    def pool(self, y: Tensor) -> Tensor:
        members = _members(y)
        shares, total = _exponentials(members)
        return _dot(shares, members) / total

    def along(self, y: Tensor, direction: Tensor) -> Tensor:
        _, slopes, _ = _slopes(y)
        return _dot(slopes, _members(direction))

    def spread(self, y: Tensor, high: Tensor) -> Tensor:
        _, slopes, _ = _slopes(y)
        return _scatter([g * high for g in slopes], y)

    def bend(self, y: Tensor, direction: Tensor, high: Tensor) -> Tensor:
        shares, slopes, rises = _slopes(y)
        moves = _members(direction)
        mean, gain = _dot(shares, moves), _dot(slopes, moves)
        parts = [p * ((d - mean) * rise + d - gain) * high for p, rise, d in zip(shares, rises, moves)]
        return _scatter(parts, y)


def _members(y: Tensor) -> list[Tensor]:
    """The four members of every window as views: (b, c, h, w) -> 4 x (b, c, h/2, w/2)."""
    h, w = y.shape[2] // 2 * 2, y.shape[3] // 2 * 2
    return [y[:, :, i:h:2, j:w:2] for i in (0, 1) for j in (0, 1)]


def _exponentials(members: list[Tensor]) -> tuple[list[Tensor], Tensor]:
    """e^(y_i - max) and their sum."""
    a, b, c, d = (m.detach().real for m in members)
    top = torch.maximum(torch.maximum(a, b), torch.maximum(c, d))
    powers = [torch.exp(m - top) for m in members]
    return powers, powers[0] + powers[1] + powers[2] + powers[3]


def _slopes(y: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """p_i, g_i and 1 + y_i - M of every window."""
    members = _members(y)
    powers, total = _exponentials(members)
    inverse = 1.0 / total
    above = 1.0 - _dot(powers, members) * inverse
    rises = [m + above for m in members]
    shares = [e * inverse for e in powers]
    return shares, [p * r for p, r in zip(shares, rises)], rises


def _dot(a: list[Tensor], b: list[Tensor]) -> Tensor:
    total = a[0] * b[0]
    for x, y in zip(a[1:], b[1:]):
        total = total + x * y
    return total


def _scatter(parts: list[Tensor], like: Tensor) -> Tensor:
    """The inverse of `_members`; a row or column that no window has stays zero."""
    h, w = like.shape[2], like.shape[3]
    even = h % 2 == 0 and w % 2 == 0
    if torch.is_grad_enabled() and any(p.requires_grad for p in parts):  # the same without writing in place
        b, c, m, n = parts[0].shape
        out = torch.stack(parts, -1).reshape(b, c, m, n, 2, 2).permute(0, 1, 2, 4, 3, 5).reshape(b, c, 2 * m, 2 * n)
        return nn.functional.pad(out, (0, w - 2 * n, 0, h - 2 * m))
    make = torch.empty_like if even else torch.zeros_like
    out = make(like, dtype=torch.result_type(parts[0], like), requires_grad=False)
    for place, part in zip(_members(out), parts):
        place.copy_(part)
    return out


POOLINGS: dict[str, Pooling] = {p.name: p for p in (AverageFold(), SoftmaxPooling(), NoPooling())}


def pooling_named(name: str) -> Pooling:
    """Look a pooling up.

    Raises:
        InputError: no such pooling; the message lists those there are.
    """
    if name not in POOLINGS:
        raise InputError(f"no pooling {name!r}; there are {', '.join(POOLINGS)}")
    return POOLINGS[name]
