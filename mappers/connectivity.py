"""What a mapper needs to know of a program: groups of neurons, and who sends to whom."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError

__all__ = ["Connectivity", "Group"]


@dataclass(frozen=True)
class Group:
    """Neurons of one model with one parameter set.

    Attributes:
        name: of the population.
        model: name of the neuron model ("lif", "sigma-delta", ...).
        size: number of neurons.
        state_words: state variables per neuron, each one 32-bit word of core memory.
        dense: its incoming weights are stored as full rows, zeros included.
    """

    name: str
    model: str
    size: int
    state_words: int = 2
    dense: bool = False

    def __post_init__(self) -> None:
        if self.size < 1 or self.state_words < 0:
            raise InputError(f"group {self.name!r} needs at least one neuron and no negative state, got {self}")


@dataclass(frozen=True)
class Connectivity:
    """Groups, and all their synapses in compressed rows by sending neuron.

    Neurons are numbered through all groups in order. Several synapses of one pair may be stored.

    Attributes:
        groups: the populations; their sizes add up to n.
        indptr: (n + 1,) int64; synapses of neuron i are ``indices[indptr[i]:indptr[i + 1]]``.
        indices: (nnz,) int32; receiving neurons.
    """

    groups: tuple[Group, ...]
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "indptr", np.ascontiguousarray(self.indptr, np.int64))
        object.__setattr__(self, "indices", np.ascontiguousarray(self.indices, np.int32))
        starts = np.concatenate([[0], np.cumsum([group.size for group in self.groups])]).astype(np.int64)
        object.__setattr__(self, "starts", starts)
        n = int(starts[-1])
        if self.indptr.shape != (n + 1,) or self.indptr[0] != 0 or self.indptr[-1] != self.indices.size:
            raise InputError(
                f"indptr must hold {n + 1} entries from 0 to {self.indices.size}, got shape {self.indptr.shape}"
            )
        if np.any(np.diff(self.indptr) < 0):
            raise InputError("indptr must not decrease")
        if self.indices.size and (int(self.indices.min()) < 0 or int(self.indices.max()) >= n):
            raise InputError(f"synapses must point to neurons 0 to {n - 1}")

    @property
    def neurons(self) -> int:
        return int(self.starts[-1])

    @property
    def synapses(self) -> int:
        return int(self.indices.size)

    def group_of(self) -> npt.NDArray[np.int32]:
        """(n,) the group number of every neuron."""
        return np.repeat(np.arange(len(self.groups), dtype=np.int32), [group.size for group in self.groups])
