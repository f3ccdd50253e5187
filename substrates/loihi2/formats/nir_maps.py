"""Linear nodes of NIR (Linear, Affine, Scale, Conv, pooling, Flatten, Delay) as one linear map with an offset.

    y = matrix x + offset,   x delayed by ``delay`` seconds

Values are flattened in NIR's order (channels, height, width; the last axis fastest). A lone Conv2d keeps its kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array

from hw_profiles.errors import InputError
from hw_profiles.texts import shown
from substrates.loihi2.formats.nir_graph import NirNode

__all__ = ["ConvForm", "LinearMap", "identity", "through"]

Float = npt.NDArray[np.float64]
LARGEST = 200_000_000  #: stored weights of one unrolled map


@dataclass(frozen=True, eq=False)
class ConvForm:
    """A convolution that was not unrolled: kernel (out, in / groups, height, width), input (channels, h, w)."""

    kernel: Float
    input_shape: tuple[int, int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int


@dataclass(frozen=True, eq=False)
class LinearMap:
    """What a chain of linear nodes does to (n_in,) values.

    Attributes:
        shape_in, shape: of values before and after.
        matrix: (n_out, n_in).
        offset: (n_out,)
        delay: seconds, (1, 1), (1, n_in) or (n_out, 1).
        conv: the same matrix as a convolution, where it is one.
        plain: it changes nothing but the shape.
    """

    shape_in: tuple[int, ...]
    shape: tuple[int, ...]
    matrix: Any
    offset: Float
    delay: Float
    conv: ConvForm | None = None
    plain: bool = False


def identity(shape: tuple[int, ...]) -> LinearMap:
    """The map of an edge without a node."""
    n = prod(shape)
    return LinearMap(shape, shape, csr_array(diags_array(np.ones(n))), np.zeros(n), np.zeros((1, 1)), plain=True)


def through(before: LinearMap, node: NirNode) -> LinearMap:
    """``before``, then ``node``.

    Raises:
        InputError: the node does not fit the shape before it.
    """
    try:
        return _NODES[node.kind](before, node)
    except InputError as error:
        text = str(error)
        raise InputError(
            text if text.startswith("node ") else f"node {shown(node.name)!r} ({node.kind}): {text}"
        ) from None


def _then(
    before: LinearMap, matrix: Any, offset: Float, shape: tuple[int, ...], conv: ConvForm | None = None
) -> LinearMap:
    delay = before.delay
    if delay.shape[0] > 1:  # per value between two maps
        if np.unique(delay).size > 1:
            raise InputError("a Delay with different values between two weights; put it before the first or last")
        delay = delay[:1]
    kept = conv if before.plain else None
    product = matrix if before.plain else csr_array(matrix @ before.matrix)
    if product.nnz > LARGEST:
        raise InputError(f"unrolled, this map has {product.nnz:,} weights, at most {LARGEST:,} are kept")
    return LinearMap(before.shape_in, shape, product, matrix @ before.offset + offset, delay, kept)


def _linear(before: LinearMap, node: NirNode) -> LinearMap:
    weight = node.array("weight")
    if weight.ndim != 2 or weight.shape[1] != prod(before.shape):
        raise InputError(f"weights of shape {weight.shape} behind {prod(before.shape)} values {before.shape}")
    offset = node.array("bias") if node.kind == "Affine" else np.zeros(1)
    if offset.size not in (1, weight.shape[0]):
        raise InputError(f"a bias of {offset.size} values for {weight.shape[0]}")
    return _then(before, csr_array(weight), np.broadcast_to(offset.reshape(-1), weight.shape[0]), (weight.shape[0],))


def _scale(before: LinearMap, node: NirNode) -> LinearMap:
    factor = _spread(node.array("scale"), before.shape, "scale")
    return replace(_then(before, csr_array(diags_array(factor)), np.zeros(factor.size), before.shape), conv=None)


def _flatten(before: LinearMap, node: NirNode) -> LinearMap:
    start, end = int(node.array("start_dim", 1).item()), int(node.array("end_dim", -1).item())
    rank = len(before.shape)
    start, end = start % rank if rank > start >= -rank else rank - 1, end % rank if rank > end >= -rank else rank - 1
    shape = before.shape
    if end > start:
        shape = (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])
    return replace(before, shape=shape)


def _delay(before: LinearMap, node: NirNode) -> LinearMap:
    seconds = node.array("delay")
    if (seconds < 0).any():
        raise InputError("a delay below 0")
    if np.unique(seconds).size == 1:
        return replace(before, delay=before.delay + seconds.reshape(-1)[0])
    values = _spread(seconds, before.shape, "delay")
    if before.plain and before.delay.shape[0] == 1:
        return replace(before, delay=before.delay + values[None, :])
    if before.delay.size == 1 or before.delay.shape[1] == 1:
        return replace(before, delay=before.delay + values[:, None])
    raise InputError("delays of both ends differ from value to value; keep those of one end")


def _spread(values: Float, shape: tuple[int, ...], what: str) -> Float:
    """One value per entry of ``shape``, flat."""
    n = prod(shape)
    if values.size == n:
        return values.reshape(-1)
    try:
        return np.broadcast_to(values, shape).reshape(-1)
    except ValueError:
        raise InputError(f"{what} has shape {values.shape} behind values of shape {shape}") from None


def _padding(node: NirNode, kernel: Sequence[int], dilation: Sequence[int], stride: Sequence[int]) -> tuple[int, int]:
    word = node.text("padding")
    if word is None:
        return node.pair("padding", 0)
    if word == "valid":
        return 0, 0
    whole = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if word != "same" or max(stride) > 1 or any(w % 2 for w in whole):
        raise InputError(f"padding {word!r} with kernel {tuple(kernel)} and stride {tuple(stride)}; give numbers")
    return whole[0] // 2, whole[1] // 2


def _conv2d(before: LinearMap, node: NirNode) -> LinearMap:
    kernel = node.array("weight")
    if kernel.ndim != 4:
        raise InputError(f"a kernel of shape {kernel.shape}, expected (out, in, height, width)")
    return _convolve(before, node, kernel, _image(before.shape))


def _conv1d(before: LinearMap, node: NirNode) -> LinearMap:
    kernel = node.array("weight")
    if kernel.ndim != 3 or len(before.shape) != 2:
        raise InputError(f"a kernel of shape {kernel.shape} behind {before.shape}, expected (channels, length)")
    channels, length = before.shape
    flat = _convolve(before, node, kernel[:, :, None, :], (channels, 1, length))
    return replace(flat, shape=(flat.shape[0], flat.shape[2]), conv=None)


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise InputError(f"behind values of shape {shape}, expected (channels, height, width)")
    return shape[0], shape[1], shape[2]


def _convolve(before: LinearMap, node: NirNode, kernel: Float, image: tuple[int, int, int]) -> LinearMap:
    """A convolution; the first of one number for both axes is the height's, which Conv1d has not."""
    one = node.kind == "Conv1d"
    stride, dilation = node.pair("stride", 1), node.pair("dilation", 1)
    padding = _padding(node, kernel.shape[2:], dilation, stride)
    if one:
        stride, dilation, padding = (1, stride[1]), (1, dilation[1]), (0, padding[1])
    groups = int(node.array("groups", 1).item())
    form = ConvForm(kernel, image, stride, padding, dilation, groups)
    matrix, shape = unrolled(form)
    offset = node.array("bias", 0.0).reshape(-1)
    if offset.size not in (1, shape[0]):
        raise InputError(f"a bias of {offset.size} values for {shape[0]} channels")
    spread = np.repeat(np.broadcast_to(offset, shape[0]), shape[1] * shape[2])
    return _then(before, matrix, spread, shape, form)


def _pool(before: LinearMap, node: NirNode) -> LinearMap:
    channels, _, _ = image = _image(before.shape)
    size = node.pair("kernel_size", 1)
    if min(size) < 1:
        raise InputError(f"a kernel of {size}")
    stride = node.pair("stride", 0)
    stride = size if stride == (0, 0) else stride
    value = 1.0 if node.kind == "SumPool2d" else 1.0 / (size[0] * size[1])
    form = ConvForm(np.full((channels, 1, *size), value), image, stride, node.pair("padding", 0), (1, 1), channels)
    matrix, shape = unrolled(form)
    return _then(before, matrix, np.zeros(prod(shape)), shape, form)


def unrolled(form: ConvForm) -> tuple[Any, tuple[int, int, int]]:
    """The convolution as a sparse matrix, and the shape (channels, height, width) of what comes out.

    Raises:
        InputError: sizes do not fit.
    """
    outs, per_group, kh, kw = form.kernel.shape
    channels, height, width = form.input_shape
    if form.groups < 1 or outs % form.groups or per_group * form.groups != channels:
        raise InputError(f"a kernel of shape {form.kernel.shape} in {form.groups} groups behind {channels} channels")
    if min(form.stride) < 1 or min(form.dilation) < 1 or min(form.padding) < 0:
        raise InputError(f"stride {form.stride}, dilation {form.dilation}, padding {form.padding}")
    oh, ow = (
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip((height, width), form.padding, form.dilation, (kh, kw), form.stride, strict=True)
    )
    if oh < 1 or ow < 1:
        raise InputError(f"a kernel of {kh} x {kw} leaves nothing of {height} x {width}")
    if float(outs) * oh * ow * per_group * kh * kw > LARGEST:
        raise InputError(f"unrolled, this convolution has more than {LARGEST:,} weights")
    o, y, x, c, i, j = np.ogrid[:outs, :oh, :ow, :per_group, :kh, :kw]
    row = y * form.stride[0] - form.padding[0] + i * form.dilation[0]
    column = x * form.stride[1] - form.padding[1] + j * form.dilation[1]
    source = ((o // (outs // form.groups) * per_group + c) * height + row) * width + column
    target = (o * oh + y) * ow + x
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    full = (outs, oh, ow, per_group, kh, kw)
    kept = np.broadcast_to(inside, full)
    values = np.broadcast_to(form.kernel[:, None, None], full)[kept]
    place = (np.broadcast_to(target, full)[kept], np.broadcast_to(source, full)[kept])
    return csr_array((values, place), shape=(outs * oh * ow, channels * height * width)), (outs, oh, ow)


_NODES: dict[str, Callable[[LinearMap, NirNode], LinearMap]] = {
    "Linear": _linear,
    "Affine": _linear,
    "Scale": _scale,
    "Conv1d": _conv1d,
    "Conv2d": _conv2d,
    "SumPool2d": _pool,
    "AvgPool2d": _pool,
    "Flatten": _flatten,
    "Delay": _delay,
}
