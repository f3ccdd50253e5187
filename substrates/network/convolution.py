"""Convolution with pooling: the coupling of the papers' image networks, and its transpose as feedback."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from hw_profiles.errors import InputError
from substrates.network.costs import _add_grad
from substrates.network.couplings import Coupling

__all__ = ["POOLINGS", "Convolution", "ConvolutionFeedback"]

Shape = tuple[int, int, int]


def _average(x: Tensor) -> Tensor:
    return _windows(x).mean(dim=-1)


def _softmax(x: Tensor) -> Tensor:
    """sum x e^x / sum e^x over each window; the shift is by the real part alone, so it stays holomorphic."""
    w = _windows(x)
    e = torch.exp(w - w.detach().real.amax(dim=-1, keepdim=True))
    return (w * e).sum(dim=-1) / e.sum(dim=-1)


def _none(x: Tensor) -> Tensor:
    return x


def _windows(x: Tensor) -> Tensor:
    """(b, c, h, w) -> (b, c, h/2, w/2, 4): 2x2 windows, two apart; an odd last row or column is left out."""
    b, c, h, w = x.shape
    x = x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(b, c, h // 2, 2, w // 2, 2)
    return x.permute(0, 1, 2, 4, 3, 5).flatten(-2)


POOLINGS = {"average": _average, "softmax": _softmax, "none": _none}


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
        if pooling not in POOLINGS:
            raise InputError(f"no pooling {pooling!r}; there are {', '.join(POOLINGS)}")
        c, h, w = source_shape
        factor = 1 if pooling == "none" else 2
        self.target_shape: Shape = (
            channels,
            (h + 2 * padding - kernel + 1) // factor,
            (w + 2 * padding - kernel + 1) // factor,
        )
        if min(self.target_shape) < 1:
            raise InputError(
                f"a {kernel}x{kernel} convolution with padding {padding} and {pooling} pooling leaves nothing of "
                f"{h}x{w}; use a smaller kernel or more padding"
            )
        self.source, self.target, self.source_shape = source, target, source_shape
        self.padding, self.pooling = padding, pooling
        self.weight = nn.Parameter(torch.zeros(channels, c, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    @property
    def kernel(self) -> nn.Parameter:
        """K, shape (target channels, source channels, side, side)."""
        assert self.weight is not None
        return self.weight

    @property
    def macs(self) -> int:
        _, h, w = self.source_shape
        side = self.kernel.shape[-1]
        positions = (h + 2 * self.padding - side + 1) * (w + 2 * self.padding - side + 1)
        return self.kernel.numel() * positions

    def linear(self, activity: Tensor) -> Tensor:
        return self.pooled(activity.reshape(-1, *self.source_shape), self.kernel)

    def pooled(self, v: Tensor, weight: Tensor) -> Tensor:
        """pool(weight * v), real or complex."""
        if v.is_complex():  # a real kernel acts on each part
            summed = torch.complex(
                nn.functional.conv2d(v.real.contiguous(), weight, padding=self.padding),
                nn.functional.conv2d(v.imag.contiguous(), weight, padding=self.padding),
            )
        else:
            summed = nn.functional.conv2d(v, weight, padding=self.padding)
        return POOLINGS[self.pooling](summed)

    def add_bias(self, current: Tensor) -> Tensor:
        return current if self.bias is None else current + self.bias[:, None, None]

    def tangent(self, direction: Tensor, at: Tensor) -> Tensor:
        return _by_parts(lambda d: torch.func.jvp(self.linear, (at,), (d,))[1], direction.reshape(at.shape))

    def transpose(self, error: Tensor, at: Tensor) -> Tensor:
        shaped = error.reshape(-1, *self.target_shape)
        _, back = torch.func.vjp(self.linear, at)
        return _by_parts(lambda e: back(e)[0], shaped)

    def accumulate_gradient(self, pre: Tensor, error: Tensor) -> None:
        v, e = pre.reshape(-1, *self.source_shape), error.reshape(-1, *self.target_shape)
        _, back = torch.func.vjp(lambda k: self.pooled(v, k), self.kernel.detach())
        _add_grad(self.kernel, back(e)[0])
        if self.bias is not None:
            _add_grad(self.bias, e.sum(dim=(0, 2, 3)))


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
        self.source, self.target = forward.target, forward.source
        # Only lends its geometry (and kernel): its parameters are not this coupling's, so it stays out of the tree.
        object.__setattr__(self, "mirror", forward)
        object.__setattr__(self, "tied", forward if tied else None)
        self.weight = None if tied else nn.Parameter(torch.zeros_like(forward.kernel))
        self.bias = None

    @property
    def kernel(self) -> Tensor:
        """K, shape (high channels, low channels, side, side)."""
        return self.mirror.kernel if self.weight is None else self.weight

    @property
    def macs(self) -> int:
        return int(self.mirror.macs)

    def between(self, activity: Tensor, own: Tensor) -> Tensor:
        return self._current(activity, own, self.kernel)

    def _current(self, high: Tensor, low: Tensor, kernel: Tensor) -> Tensor:
        high = high.reshape(-1, *self.mirror.target_shape)
        low = low.reshape(-1, *self.mirror.source_shape).to(high.dtype)
        _, back = torch.func.vjp(lambda v: self.mirror.pooled(v, kernel), low)
        # autograd conjugates: undone on both sides, the result is the holomorphic derivative
        return back(high.conj().resolve_conj())[0].conj().resolve_conj()

    def tangent_between(self, direction: Tensor, own_direction: Tensor, at: Tensor, own: Tensor) -> Tensor:
        def along(d: Tensor, o: Tensor) -> Tensor:
            return torch.func.jvp(self.between, (at, own), (d, o))[1]

        if not direction.is_complex():
            return along(direction, own_direction)
        return torch.complex(along(direction.real, own_direction.real), along(direction.imag, own_direction.imag))

    def transpose_between(self, error: Tensor, at: Tensor, own: Tensor) -> tuple[Tensor, Tensor | None]:
        _, back = torch.func.vjp(self.between, at, own)
        shaped = error.reshape(own.shape)
        if not shaped.is_complex():
            return back(shaped)
        (a, b), (c, d) = back(shaped.real.contiguous()), back(shaped.imag.contiguous())
        return torch.complex(a, c), torch.complex(b, d)

    def accumulate_between(self, pre: Tensor, own: Tensor, error: Tensor) -> None:
        owner = self.mirror.kernel if self.weight is None else self.weight
        _, back = torch.func.vjp(lambda k: self._current(pre, own, k), owner.detach())
        _add_grad(owner, back(error.reshape(own.shape))[0])


def _by_parts(function: Callable[[Tensor], Tensor], value: Tensor) -> Tensor:
    """A real-linear map applied to a complex value, part by part."""
    if not value.is_complex():
        return function(value)
    return torch.complex(function(value.real.contiguous()), function(value.imag.contiguous()))
