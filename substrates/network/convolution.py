"""Convolution with pooling: the coupling of the papers' image networks, and its transpose as feedback.

Every product is written out (`conv2d`, `conv_transpose2d` and the closed forms of `pooling`): nothing is
differentiated automatically, forwards or backwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from hw_profiles.errors import InputError
from substrates.devices import laid_out
from substrates.network.costs import _add_grad
from substrates.network.couplings import Coupling, Operator, by_parts
from substrates.network.pooling import Pooling, pooling_named

__all__ = ["Convolution", "ConvolutionFeedback", "Geometry"]

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Geometry:
    """Shapes of a convolution, and its three products. Kernels are real; activities may be complex."""

    source: Shape
    target: Shape
    padding: int
    side: int
    pooling: Pooling

    def low(self, x: Tensor) -> Tensor:
        """As a batch of source maps."""
        return x if x.dim() == 4 else x.reshape(-1, *self.source)

    def high(self, x: Tensor) -> Tensor:
        """As a batch of target maps."""
        return x if x.dim() == 4 else x.reshape(-1, *self.target)

    def convolve(self, v: Tensor, taps: Tensor) -> Tensor:
        """The map before pooling: taps * v."""
        if self._whole(taps):
            product = by_parts(lambda x: _flat(x) @ _flat(taps).t(), self.low(v))
            return product[:, :, None, None]
        return by_parts(
            lambda x: nn.functional.conv2d(x, taps, stride=self.pooling.stride, padding=self.padding), self.low(v)
        )

    def back(self, y: Tensor, taps: Tensor) -> Tensor:
        """The transpose of `convolve`."""
        if self._whole(taps):
            c, h, w = self.source
            return by_parts(lambda x: x.flatten(1) @ _flat(taps), y).unflatten(1, (h, w, c)).permute(0, 3, 1, 2)
        stride, padding, side = self.pooling.stride, self.padding, taps.shape[-1]
        extra = [size - ((rows - 1) * stride - 2 * padding + side) for size, rows in zip(self.source[1:], y.shape[2:])]
        return by_parts(
            lambda x: nn.functional.conv_transpose2d(x, taps, stride=stride, padding=padding, output_padding=extra), y
        )

    def kernel_gradient(self, v: Tensor, y: Tensor, kernel: Tensor) -> Tensor:
        """d <y, taps * v> / d kernel."""
        side = kernel.shape[-1] + self.pooling.stride - 1
        like = kernel.new_empty((*kernel.shape[:2], side, side))
        stride, padding = [self.pooling.stride] * 2, [self.padding] * 2
        _, taps, _ = torch.ops.aten.convolution_backward(
            y, self.low(v), like, None, stride, padding, [1, 1], False, [0, 0], 1, [False, True, False]
        )
        return self.pooling.unfold(taps)

    def taps(self, kernel: Tensor) -> Tensor:
        """What is convolved with; laid out for the fast path."""
        return laid_out(self.pooling.fold(kernel))

    def _whole(self, taps: Tensor) -> bool:
        """Whether the taps cover the whole source once: a matrix product, which is faster."""
        return self.padding == 0 and taps.shape[-2:] == self.source[1:]

    def tap_counts(self) -> Tensor:
        """(1, 1, side, side): how often each tap falls inside the source, over the places of the taps."""
        h, w = self.source[1:]
        ones = torch.ones(1, 1, h, w, dtype=torch.float64)
        side = self.side + self.pooling.stride - 1
        like = torch.ones(1, 1, side, side, dtype=torch.float64)
        places = nn.functional.conv2d(ones, like, stride=self.pooling.stride, padding=self.padding)
        stride, padding = [self.pooling.stride] * 2, [self.padding] * 2
        _, counts, _ = torch.ops.aten.convolution_backward(
            torch.ones_like(places), ones, like, None, stride, padding, [1, 1], False, [0, 0], 1, [False, True, False]
        )
        found: Tensor = counts
        return found


class Convolution(Coupling):
    """current = pool(K * v) + b: a 2-D convolution (stride 1), then 2x2 pooling two apart.

    ``softmax`` pooling is sum x e^x / sum e^x: a smooth maximum, holomorphic, and not linear, so the coupling's
    Jacobian depends on where it is taken.

    Args:
        source, target: population indices, -1 the input.
        source_shape: (channels, height, width).
        channels: of the target.
        kernel: side of the square kernel.
        padding: zeros added on each side.
        pooling: ``average``, ``softmax`` or ``none``.
        bias: one per target channel.

    Raises:
        InputError: an unknown pooling, or a kernel larger than the padded source.
    """

    weight: nn.Parameter

    def __init__(
        self,
        source: int,
        target: int,
        source_shape: Shape,
        channels: int,
        *,
        kernel: int = 3,
        padding: int = 1,
        pooling: str = "softmax",
        bias: bool = False,
    ) -> None:
        super().__init__()
        how = pooling_named(pooling)
        c, h, w = source_shape
        target_shape = (
            channels,
            (h + 2 * padding - kernel + 1) // how.shrink,
            (w + 2 * padding - kernel + 1) // how.shrink,
        )
        if min(target_shape) < 1:
            raise InputError(
                f"a {kernel}x{kernel} convolution with padding {padding} and {pooling} pooling leaves nothing of "
                f"{h}x{w}; use a smaller kernel or more padding"
            )
        self.source, self.target, self.source_shape, self.target_shape = source, target, source_shape, target_shape
        self.padding, self.pooling, self.side = padding, pooling, kernel
        self.geometry = Geometry((c, h, w), target_shape, padding, kernel, how)
        self.weight = nn.Parameter(torch.zeros(channels, c, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    @property
    def kernel(self) -> nn.Parameter:
        """K, shape (target channels, source channels, side, side)."""
        return self.weight

    @property
    def positions(self) -> int:
        """Places of the kernel on the (padded) source."""
        _, h, w = self.source_shape
        return (h + 2 * self.padding - self.side + 1) * (w + 2 * self.padding - self.side + 1)

    @property
    def macs(self) -> int:
        return self.kernel.numel() * self.positions

    @property
    def uses(self) -> int:
        return self.positions

    @property
    def state_dependent(self) -> bool:
        return not self.geometry.pooling.linear

    def linear(self, activity: Tensor) -> Tensor:
        return self._current(self.geometry.taps(self.kernel), activity)

    def _current(self, taps: Tensor, activity: Tensor) -> Tensor:
        return self.geometry.pooling.pool(self.geometry.convolve(activity, taps))

    def add_bias(self, current: Tensor) -> Tensor:
        return current if self.bias is None else current + self.bias[:, None, None]

    def tangent(self, direction: Tensor, at: Tensor) -> Tensor:
        return self._along(self._frozen(at, self.geometry.taps(self.kernel)), direction)

    def transpose(self, error: Tensor, at: Tensor) -> Tensor:
        return self._across(self._frozen(at, self.geometry.taps(self.kernel)), error)

    def _frozen(self, at: Tensor, taps: Tensor) -> tuple[Tensor, Tensor]:
        """Taps, and the map where the derivative is taken (nothing where it is the same everywhere)."""
        return taps, self.geometry.convolve(at, taps) if self.state_dependent else taps

    def _along(self, frozen: tuple[Tensor, Tensor], direction: Tensor) -> Tensor:
        taps, y = frozen
        return self.geometry.pooling.along(y, self.geometry.convolve(direction, taps))

    def _across(self, frozen: tuple[Tensor, Tensor], error: Tensor) -> Tensor:
        taps, y = frozen
        return self.geometry.back(self.geometry.pooling.spread(y, self.geometry.high(error)), taps)

    def accumulate_gradient(self, pre: Tensor, error: Tensor) -> None:
        with torch.no_grad():
            g, e = self.geometry, self.geometry.high(error)
            y = g.convolve(pre, g.taps(self.kernel)) if self.state_dependent else e
            _add_grad(self.kernel, g.kernel_gradient(pre, g.pooling.spread(y, e), self.kernel))
            if self.bias is not None:
                _add_grad(self.bias, e.sum(dim=(0, 2, 3)))

    # the same maps with all that does not change while relaxing computed beforehand

    def operator(self) -> Operator:
        taps = self.geometry.taps(self.kernel.detach())
        return Operator(self.source, self.target, lambda v, own: self._current(taps, v))

    def tangent_operators(self, at: Tensor, own: Tensor) -> tuple[Operator, ...]:
        frozen = self._frozen(at, self.geometry.taps(self.kernel.detach()))
        return (Operator(self.source, self.target, lambda d, own: self._along(frozen, d)),)

    def transposed_operators(self, at: Tensor, own: Tensor) -> tuple[Operator, ...]:
        frozen = self._frozen(at, self.geometry.taps(self.kernel.detach()))
        return (Operator(self.target, self.source, lambda e, own: self._across(frozen, e)),)


class ConvolutionFeedback(Coupling):
    """current into the lower population = d/dv_low  sum( pool(K * v_low) o v_high ): a convolution run backwards.

    Its own kernel K, or the forward one when ``tied``. Through average pooling this is the ordinary transposed
    convolution; through softmax pooling it also depends on the lower activities, so the coupling is two-ended.

    Args:
        forward: the convolution it mirrors; gives the geometry, and the kernel when ``tied``.
        tied: read the forward kernel.

    Source: Laborieux & Zenke, arXiv 2309.02214, and the code published with it.
    """

    def __init__(self, forward: Convolution, *, tied: bool = False) -> None:
        super().__init__()
        self.source, self.target, self.geometry = forward.target, forward.source, forward.geometry
        # Only lends its geometry (and kernel): its parameters are not this coupling's, so it stays out of the tree.
        object.__setattr__(self, "mirror", forward)
        object.__setattr__(self, "tied", forward if tied else None)
        self.weight = None if tied else nn.Parameter(torch.zeros_like(forward.kernel))
        self.bias = None

    @property
    def kernel(self) -> nn.Parameter:
        """K, shape (high channels, low channels, side, side)."""
        mirror: Convolution = self.mirror
        return mirror.kernel if self.weight is None else self.weight

    @property
    def macs(self) -> int:
        return int(self.mirror.macs)

    @property
    def uses(self) -> int:
        return int(self.mirror.positions)

    @property
    def state_dependent(self) -> bool:
        return not self.geometry.pooling.linear

    def between(self, activity: Tensor, own: Tensor) -> Tensor:
        return self._current(self.geometry.taps(self.kernel), activity, own)

    def _current(self, taps: Tensor, high: Tensor, low: Tensor) -> Tensor:
        g, high = self.geometry, self.geometry.high(high)
        if self.state_dependent:
            high = g.pooling.spread(g.convolve(low.to(high.dtype), taps), high)
        return g.back(high, taps)

    def _frozen(self, at: Tensor, own: Tensor, taps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Taps, the lower population's map and the higher activities where the derivatives are taken."""
        return taps, self.geometry.convolve(own, taps) if self.state_dependent else taps, self.geometry.high(at)

    def _from_high(self, frozen: tuple[Tensor, Tensor, Tensor], direction: Tensor) -> Tensor:
        taps, y, _ = frozen
        return self.geometry.back(self.geometry.pooling.spread(y, self.geometry.high(direction)), taps)

    def _to_high(self, frozen: tuple[Tensor, Tensor, Tensor], error: Tensor) -> Tensor:
        taps, y, _ = frozen
        return self.geometry.pooling.along(y, self.geometry.convolve(error, taps))

    def _within_low(self, frozen: tuple[Tensor, Tensor, Tensor], direction: Tensor) -> Tensor:
        """The current's derivative with respect to the lower activities themselves: symmetric."""
        taps, y, high = frozen
        return self.geometry.back(self.geometry.pooling.bend(y, self.geometry.convolve(direction, taps), high), taps)

    def tangent_between(self, direction: Tensor, own_direction: Tensor, at: Tensor, own: Tensor) -> Tensor:
        frozen = self._frozen(at, own, self.geometry.taps(self.kernel))
        along = self._from_high(frozen, direction)
        return along + self._within_low(frozen, own_direction) if self.state_dependent else along

    def transpose_between(self, error: Tensor, at: Tensor, own: Tensor) -> tuple[Tensor, Tensor | None]:
        frozen = self._frozen(at, own, self.geometry.taps(self.kernel))
        return self._to_high(frozen, error), self._within_low(frozen, error) if self.state_dependent else None

    def accumulate_between(self, pre: Tensor, own: Tensor, error: Tensor) -> None:
        """d/dK of <error, current>: with a linear pooling that of <K * error, high>."""
        with torch.no_grad():
            g, kernel, high = self.geometry, self.kernel, self.geometry.high(pre)
            if not self.state_dependent:
                _add_grad(kernel, g.kernel_gradient(error, high, kernel))
                return
            taps = g.taps(kernel)
            y, along = g.convolve(own, taps), g.convolve(error, taps)
            found = g.kernel_gradient(error, g.pooling.spread(y, high), kernel)
            _add_grad(kernel, found + g.kernel_gradient(own, g.pooling.bend(y, along, high), kernel))

    def operator(self) -> Operator:
        return Operator(self.source, self.target, partial(self._current, self.geometry.taps(self.kernel.detach())))

    def tangent_operators(self, at: Tensor, own: Tensor) -> tuple[Operator, ...]:
        frozen = self._frozen(at, own, self.geometry.taps(self.kernel.detach()))
        from_high = Operator(self.source, self.target, lambda d, own: self._from_high(frozen, d))
        return (from_high, self._own(frozen)) if self.state_dependent else (from_high,)

    def transposed_operators(self, at: Tensor, own: Tensor) -> tuple[Operator, ...]:
        frozen = self._frozen(at, own, self.geometry.taps(self.kernel.detach()))
        to_high = Operator(self.target, self.source, lambda e, own: self._to_high(frozen, e))
        return (to_high, self._own(frozen)) if self.state_dependent else (to_high,)

    def _own(self, frozen: tuple[Tensor, Tensor, Tensor]) -> Operator:
        return Operator(self.target, self.target, lambda d, own: self._within_low(frozen, d))


def _flat(x: Tensor) -> Tensor:
    """Maps as rows, the channels of a place beside each other: a view where they lie like this in memory."""
    return x.permute(0, 2, 3, 1).flatten(1)
