"""Connections between populations: Dense, Sparse and Conv synapses, and Direct injection.

    a(t + 1 + delay) = (sum_i w_i m_i(t)) * 2^exponent        rounding down when the exponent is negative

``m`` is 1 for every message of a binary connection (whatever it carries) and the message's value for a graded one.
Sums leave one step after the messages arrive, so every connection, loops included, is one step of delay; ``delays``
(0 to 63) come on top. Weights have shape (targets, sources), as in Lava. Each class keeps its weights the way the
engine walks them: by source.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from substrates.loihi2.weights import SignMode, WeightFormat
from substrates.loihi2.widths import DELAY_MAX, WEIGHT_BITS, WEIGHT_MAX, WEIGHT_MIN, integer_array, integer_in

__all__ = ["Conv", "Dense", "Direct", "Pattern", "Sparse", "Synapses"]

INDEX_BITS = 16  #: bits that we charge for the target of a sparse entry; the chip's own compression is not public
DELAY_BITS = 6


class Synapses(ABC):
    """What the engine and the mappers ask of a connection."""

    shape: tuple[int, int]  #: (targets, sources)
    graded: bool
    exponent: int = 0
    max_delay: int = 0

    @abstractmethod
    def fan_out(self) -> npt.NDArray[np.int64]:
        """Stored synapses of each source neuron."""

    @abstractmethod
    def rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]] | None:
        """(row pointers by source neuron, target of every stored synapse); None where all are connected with all."""

    @abstractmethod
    def fan_in_weight(self) -> int:
        """The largest sum of |weights| that any target neuron has, before the exponent."""

    @property
    @abstractmethod
    def bits_per_synapse(self) -> int:
        """Bits read from synaptic memory for one synapse."""


class Dense(Synapses):
    """All-to-all synapses; zeros are stored and cost a synaptic operation each.

    Args:
        weights: (targets, sources) integers from -256 to 255.
        bits, exponent, sign_mode: the `WeightFormat`.
        graded: multiply by the message's value.
        delays: steps, one number or one per weight.

    Raises:
        InputError: shapes or ranges are wrong.
    """

    def __init__(
        self,
        weights: npt.ArrayLike,
        *,
        bits: int = WEIGHT_BITS,
        exponent: int = 0,
        sign_mode: SignMode | None = None,
        graded: bool = False,
        delays: Any = 0,
    ) -> None:
        matrix = np.asarray(weights)
        if matrix.ndim != 2 or 0 in matrix.shape:
            raise InputError(f"dense weights have shape (targets, sources), got {matrix.shape}")
        self.format = WeightFormat(bits, exponent, sign_mode)
        self.weights, self.sign_mode = self.format.store(matrix)
        self.shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        self.graded, self.exponent = bool(graded), self.format.exponent
        steps = integer_array("the delays", delays, 0, DELAY_MAX)
        if steps.ndim and steps.shape != self.shape:
            raise InputError(f"delays have shape {steps.shape}, the weights {self.shape}; give one number or one each")
        self.max_delay = int(steps.max())
        self.delays = np.broadcast_to(steps, self.shape).astype(np.int8) if self.max_delay else None

    def packed(self) -> tuple[npt.NDArray[np.int8], int, int]:
        """(sources, targets) int8 values p with weight = (p + zero) * 2^scale; returns (p, scale, zero)."""
        by_source = np.ascontiguousarray(self.weights.T)
        if self.sign_mode == SignMode.MIXED:
            return (by_source >> 1).astype(np.int8), 1, 0
        low, high = int(by_source.min()), int(by_source.max())
        zero = 128 if high > 127 else (-127 if low < -128 else 0)
        return (by_source - zero).astype(np.int8), 0, zero

    def fan_out(self) -> npt.NDArray[np.int64]:
        return np.full(self.shape[1], self.shape[0], np.int64)

    def rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]] | None:
        return None

    def fan_in_weight(self) -> int:
        return int(np.abs(self.weights).sum(axis=1, dtype=np.int64).max())

    @property
    def bits_per_synapse(self) -> int:
        return WEIGHT_BITS + (DELAY_BITS if self.max_delay else 0)


class Sparse(Synapses):
    """Synapses where there is a weight; weights that truncation makes zero are not stored.

    Args:
        weights: (targets, sources), a SciPy sparse matrix or an array.
        bits, exponent, sign_mode, graded: as for `Dense`.
        delays: steps, one number or a matrix of the weights' shape.

    Raises:
        InputError: shapes or ranges are wrong.
    """

    def __init__(
        self,
        weights: Any,
        *,
        bits: int = WEIGHT_BITS,
        exponent: int = 0,
        sign_mode: SignMode | None = None,
        graded: bool = False,
        delays: Any = 0,
    ) -> None:
        from scipy.sparse import csc_array

        try:
            matrix = csc_array(weights)
        except (TypeError, ValueError) as error:
            raise InputError(f"sparse weights must be a SciPy sparse matrix or an array: {error}") from None
        if matrix.ndim != 2 or 0 in matrix.shape:
            raise InputError(f"sparse weights have shape (targets, sources), got {matrix.shape}")
        matrix.sum_duplicates()
        self.format = WeightFormat(bits, exponent, sign_mode)
        mantissas, self.sign_mode = self.format.store(matrix.data)
        steps = self._delays_of(matrix, delays)
        kept = mantissas != 0
        self.shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        before = np.concatenate([[0], np.cumsum(kept)])
        self.indptr = before[matrix.indptr].astype(np.int64)
        self.indices = matrix.indices[kept].astype(np.int32)
        self.values = mantissas[kept].astype(np.int16)
        self.graded, self.exponent = bool(graded), self.format.exponent
        self.max_delay = int(steps.max(initial=0)) if np.ndim(steps) else int(steps)
        self.delays = np.broadcast_to(steps, kept.shape)[kept].astype(np.int8) if self.max_delay else None

    @staticmethod
    def _delays_of(matrix: Any, delays: Any) -> npt.NDArray[np.int64]:
        if np.ndim(delays) == 0 and not hasattr(delays, "tocsr"):
            return integer_array("the delays", delays, 0, DELAY_MAX)
        if delays.shape != matrix.shape:
            raise InputError(
                f"delays have shape {delays.shape}, the weights {matrix.shape}; give one number or a matrix"
            )
        columns = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
        table = delays.tocsr() if hasattr(delays, "tocsr") else np.asarray(delays)
        return integer_array("the delays", np.asarray(table[matrix.indices, columns]).reshape(-1), 0, DELAY_MAX)

    def fan_out(self) -> npt.NDArray[np.int64]:
        return np.diff(self.indptr)

    def rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]] | None:
        return self.indptr, self.indices

    def fan_in_weight(self) -> int:
        return int(np.bincount(self.indices, np.abs(self.values.astype(np.int64)), self.shape[0]).max())

    @property
    def bits_per_synapse(self) -> int:
        return WEIGHT_BITS + INDEX_BITS + (DELAY_BITS if self.max_delay else 0)


class Conv(Synapses):
    """Convolution with a shared kernel (flipped, as in Lava); sums wrap at 24 bits.

    Lava's CPU model neither truncates these weights nor applies an exponent, so neither is offered here.

    Args:
        weights: (channels out, width, height, channels in / groups), integers from -256 to 255.
        input_shape: (width, height, channels) of the source population, in this order.
        stride, padding, dilation: one number or (x, y).
        groups: channel groups.
        graded: multiply by the message's value.

    Raises:
        InputError: shapes or ranges are wrong.
    """

    def __init__(
        self,
        weights: npt.ArrayLike,
        input_shape: tuple[int, int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        graded: bool = False,
    ) -> None:
        kernel = integer_array("the kernel weights", weights, WEIGHT_MIN, WEIGHT_MAX)
        if kernel.ndim != 4 or len(input_shape) != 3:
            raise InputError(f"a kernel has 4 axes and an input 3, got shapes {kernel.shape} and {tuple(input_shape)}")
        self.weights = kernel.astype(np.int16)
        out_channels, width, height, per_group = kernel.shape
        self.input_shape = tuple(integer_in("an input size", s, 1, 2**20) for s in input_shape)
        integer_in("groups", groups, 1, out_channels)
        if self.input_shape[2] != per_group * groups or out_channels % groups:
            raise InputError(
                f"{self.input_shape[2]} input and {out_channels} output channels do not divide into {groups} groups "
                f"with kernels of {per_group} input channels"
            )
        self.stride, self.dilation = _pair("stride", stride, 1), _pair("dilation", dilation, 1)
        self.padding, self.groups, self.graded = _pair("padding", padding, 0), groups, bool(graded)
        size = [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, p, d, k, s in zip(
                self.input_shape[:2], self.padding, self.dilation, (width, height), self.stride, strict=True
            )
        ]
        if min(size) < 1:
            raise InputError(f"a kernel of {width} x {height} leaves no output from {self.input_shape}; pad the input")
        self.output_shape = (size[0], size[1], out_channels)
        self.shape = (int(np.prod(self.output_shape)), int(np.prod(self.input_shape)))

    def packed(self) -> tuple[npt.NDArray[np.int16], tuple[int, ...]]:
        """Weights as (groups, channels in, width, height, channels out per group), and the geometry as integers."""
        out_channels, width, height, per_group = self.weights.shape
        split = self.weights.reshape(self.groups, out_channels // self.groups, width, height, per_group)
        geometry = (
            *self.input_shape, *self.output_shape, width, height,
            *self.stride, *self.padding, *self.dilation, self.groups,
        )  # fmt: skip
        return np.ascontiguousarray(split.transpose(0, 4, 2, 3, 1)), tuple(int(g) for g in geometry)

    def fan_out(self) -> npt.NDArray[np.int64]:
        per_axis = []
        for axis in range(2):
            n, out = self.input_shape[axis], self.output_shape[axis]
            at = np.arange(n)[:, None] + self.padding[axis]
            taps = at - np.arange(self.weights.shape[1 + axis])[None, :] * self.dilation[axis]
            hit = (taps >= 0) & (taps % self.stride[axis] == 0) & (taps // self.stride[axis] < out)
            per_axis.append(hit.sum(axis=1))
        channels = np.full(self.input_shape[2], self.weights.shape[0] // self.groups)
        return (per_axis[0][:, None, None] * per_axis[1][None, :, None] * channels).reshape(-1).astype(np.int64)

    def rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]] | None:
        pointers = np.concatenate([[0], np.cumsum(self.fan_out())]).astype(np.int64)
        targets = np.empty(int(pointers[-1]), np.int32)
        _conv_rows(np.array(self.packed()[1], np.int64), pointers, targets)
        return pointers, targets

    def fan_in_weight(self) -> int:
        return int(np.abs(self.weights.astype(np.int64)).sum(axis=(1, 2, 3)).max())

    @property
    def bits_per_synapse(self) -> int:
        return WEIGHT_BITS


class Pattern(Synapses):
    """Where synapses lead, without their weights: enough to count and to place a program that an accelerator runs.

    Args:
        shape: (targets, sources).
        rows: row pointers by source neuron, and targets; None where all are connected with all.
        delayed: each synapse also stores a delay.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        rows: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]] | None = None,
        *,
        delayed: bool = False,
    ) -> None:
        self.shape, self.graded, self._rows, self._delayed = shape, True, rows, delayed

    def fan_out(self) -> npt.NDArray[np.int64]:
        if self._rows is None:
            return np.full(self.shape[1], self.shape[0], np.int64)
        return np.diff(self._rows[0])

    def rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]] | None:
        return self._rows

    def fan_in_weight(self) -> int:
        raise InputError("a pattern of synapses has no weights: it is placed and counted, and cannot be run")

    @property
    def bits_per_synapse(self) -> int:
        index = 0 if self._rows is None else INDEX_BITS
        return WEIGHT_BITS + index + (DELAY_BITS if self._delayed else 0)


class Direct(Synapses):
    """A source's values reach the same-numbered neurons within the step, without synapses (Lava: port to port)."""

    def __init__(self, n: int) -> None:
        self.shape, self.graded = (n, n), True

    def fan_out(self) -> npt.NDArray[np.int64]:
        return np.zeros(self.shape[1], np.int64)

    def rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]] | None:
        return np.zeros(self.shape[1] + 1, np.int64), np.zeros(0, np.int32)

    def fan_in_weight(self) -> int:
        return 0

    @property
    def bits_per_synapse(self) -> int:
        return 0


def _pair(name: str, value: int | tuple[int, int], low: int) -> tuple[int, int]:
    both = (value, value) if isinstance(value, (int, np.integer)) else tuple(value)
    if len(both) != 2:
        raise InputError(f"{name} is one number or two, got {value!r}")
    return integer_in(name, both[0], low, 127), integer_in(name, both[1], low, 127)


@njit(cache=True, error_model="numpy")
def _conv_rows(g: Any, rows: Any, targets: Any) -> None:
    """Fill ``targets`` with the synapses' targets per source, at ``rows``; ``g`` is `Conv.packed`'s geometry."""
    per_out = g[5] // g[14]
    for source in range(rows.shape[0] - 1):
        e = rows[source]
        c, y, x = source % g[2], (source // g[2]) % g[1], source // (g[2] * g[1])
        for i in range(g[6]):
            px = x + g[10] - i * g[12]
            for j in range(g[7]):
                py = y + g[11] - j * g[13]
                if px < 0 or py < 0 or px % g[8] or py % g[9] or px // g[8] >= g[3] or py // g[9] >= g[4]:
                    continue
                start = ((px // g[8]) * g[4] + py // g[9]) * g[5] + (c // (g[2] // g[14])) * per_out
                for o in range(per_out):
                    targets[e] = start + o
                    e += 1
