"""Synapses that learn: weights, delays and tags by source neuron, as the engine walks them."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.learning.rule import LearningRule
from substrates.loihi2.synapses import INDEX_BITS, Synapses
from substrates.loihi2.weights import SignMode, WeightFormat
from substrates.loihi2.widths import WEIGHT_BITS, integer_array

__all__ = ["LearningDense", "LearningSparse", "LearningSynapses", "SpikeUse"]

DELAY_MAX_LEARNT, TAG_MIN, TAG_MAX = 255, -257, 255
TAG_BITS = 9  #: a tag and its sign


class SpikeUse(IntEnum):
    """What a source neuron's message does to the trace x1; the numbers are Lava's ``GradedSpikeCfg``."""

    IMPULSE = 0  #: the rule's impulse, whatever the message carries
    OVERWRITE = 1  #: x1 becomes half the message
    ADD = 2  #: half the message is added, up to 127
    ADD_OVERFLOW = 3  #: likewise, what exceeds 127 stays, and x2 gets its impulse then


class LearningSynapses(Synapses):
    """What dense and sparse learning synapses share.

    ``pointers`` (sources + 1,) and ``targets`` say where the values of a source are; ``values`` (3, stored) are
    weight, delay and tag. The delay is learnt and delays nothing, as in Lava.
    """

    rule: LearningRule
    spikes: SpikeUse
    sign_mode: SignMode
    format: WeightFormat
    pointers: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int32] | None  #: None where all are connected with all
    values: npt.NDArray[np.int32]

    def _set(
        self, rule: LearningRule, spikes: SpikeUse, graded: bool, weights: Any, delays: Any, tags: Any
    ) -> None:  # fmt: skip
        if not isinstance(rule, LearningRule):
            raise InputError(f"learning synapses need a LearningRule, got {type(rule).__name__}")
        self.rule, self.spikes, self.graded = rule, SpikeUse(spikes), bool(graded)
        self.exponent = self.format.exponent
        stored, self.sign_mode = self.format.store(weights)
        self.values = np.stack(
            [
                stored,
                integer_array("the learnt delays", delays, 0, DELAY_MAX_LEARNT).astype(np.int32),
                integer_array("the tags", tags, TAG_MIN, TAG_MAX).astype(np.int32),
            ]
        ).astype(np.int32)

    def fan_out(self) -> npt.NDArray[np.int64]:
        return np.diff(self.pointers)

    def rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]] | None:
        return None if self.targets is None else (self.pointers, self.targets)

    def fan_in_weight(self) -> int:
        """The largest sum that weights can grow to: learning may take every weight to its limit."""
        largest = 256 if self.sign_mode == SignMode.MIXED else 255
        if self.targets is None:
            return largest * self.shape[1]
        return largest * int(np.bincount(self.targets, minlength=self.shape[0]).max())

    @property
    def bits_per_synapse(self) -> int:
        more = sum(TAG_BITS for text in (self.rule.dd, self.rule.dt) if text)
        return WEIGHT_BITS + more + (0 if self.targets is None else INDEX_BITS)

    def matrix(self, values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """``values`` (..., stored) as (..., targets, sources); 0 where there is no synapse."""
        targets, sources = self.shape
        if self.targets is None:
            return np.ascontiguousarray(np.swapaxes(values.reshape(*values.shape[:-1], sources, targets), -1, -2))
        whole = np.zeros((*values.shape[:-1], targets, sources), np.int32)
        whole[..., self.targets, np.repeat(np.arange(sources), self.fan_out())] = values
        return whole


class LearningDense(LearningSynapses):
    """All-to-all synapses that learn.

    Args:
        weights: (targets, sources) integers from -256 to 255, where learning begins.
        rule: how they change.
        bits, exponent, sign_mode: the `WeightFormat`; signs are mixed unless it says otherwise. Only the weights at the
            beginning are truncated to ``bits``.
        graded: multiply by the message's value.
        spikes: what a message does to the source neuron's trace.
        delays, tags: where they begin, one number or (targets, sources).

    Raises:
        InputError: shapes or ranges are wrong.
    """

    def __init__(
        self,
        weights: npt.ArrayLike,
        rule: LearningRule,
        *,
        bits: int = WEIGHT_BITS,
        exponent: int = 0,
        sign_mode: SignMode = SignMode.MIXED,
        graded: bool = False,
        spikes: SpikeUse = SpikeUse.IMPULSE,
        delays: npt.ArrayLike = 0,
        tags: npt.ArrayLike = 0,
    ) -> None:
        matrix = np.asarray(weights)
        if matrix.ndim != 2 or 0 in matrix.shape:
            raise InputError(f"dense weights have shape (targets, sources), got {matrix.shape}")
        self.format = WeightFormat(bits, exponent, sign_mode)
        self.shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        self.pointers = np.arange(self.shape[1] + 1, dtype=np.int64) * self.shape[0]
        self.targets = None
        self._set(rule, spikes, graded, *(_spread(values, matrix.shape) for values in (matrix, delays, tags)))


class LearningSparse(LearningSynapses):
    """Synapses that learn, where there is a weight at the beginning; one that learns to be 0 stays and can grow again.

    Args:
        weights: (targets, sources), a SciPy sparse matrix or an array; explicit zeros are synapses.
        rule, bits, exponent, sign_mode, graded, spikes: as for `LearningDense`.
        delays, tags: where they begin, one number or a matrix of the weights' shape.

    Raises:
        InputError: shapes or ranges are wrong.
    """

    def __init__(
        self,
        weights: Any,
        rule: LearningRule,
        *,
        bits: int = WEIGHT_BITS,
        exponent: int = 0,
        sign_mode: SignMode = SignMode.MIXED,
        graded: bool = False,
        spikes: SpikeUse = SpikeUse.IMPULSE,
        delays: npt.ArrayLike = 0,
        tags: npt.ArrayLike = 0,
    ) -> None:
        from scipy.sparse import csc_array

        try:
            matrix = csc_array(weights)
        except (TypeError, ValueError) as error:
            raise InputError(f"sparse weights must be a SciPy sparse matrix or an array: {error}") from None
        if matrix.ndim != 2 or 0 in matrix.shape or matrix.nnz == 0:
            raise InputError(f"sparse weights have shape (targets, sources) and at least one entry, got {matrix.shape}")
        matrix.sum_duplicates()
        self.format = WeightFormat(bits, exponent, sign_mode)
        self.shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        self.pointers, self.targets = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)
        columns = np.repeat(np.arange(self.shape[1]), np.diff(self.pointers))
        others = (np.broadcast_to(np.asarray(v), self.shape)[self.targets, columns] for v in (delays, tags))
        self._set(rule, spikes, graded, matrix.data, *others)


def _spread(values: npt.ArrayLike, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Values of every synapse, one source after the other."""
    array = np.asarray(values)
    if array.shape not in ((), shape):
        raise InputError(f"delays and tags have shape {shape} or are one number, got {array.shape}")
    return np.broadcast_to(array, shape).T.reshape(-1)
