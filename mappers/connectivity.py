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
        outside_indptr, outside_indices: the same of senders outside the cores (the host's inputs): their synapses are
            stored with the neurons that receive.
    """

    groups: tuple[Group, ...]
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    outside_indptr: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    outside_indices: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    starts: npt.NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "indptr", np.ascontiguousarray(self.indptr, np.int64))
        object.__setattr__(self, "indices", np.ascontiguousarray(self.indices, np.int32))
        object.__setattr__(self, "outside_indptr", np.ascontiguousarray(self.outside_indptr, np.int64))
        object.__setattr__(self, "outside_indices", np.ascontiguousarray(self.outside_indices, np.int32))
        starts = np.concatenate([[0], np.cumsum([group.size for group in self.groups])]).astype(np.int64)
        object.__setattr__(self, "starts", starts)
        n = int(starts[-1])
        if self.indptr.shape != (n + 1,):
            raise InputError(
                f"indptr must hold {n + 1} entries from 0 to {self.indices.size}, got shape {self.indptr.shape}"
            )
        for name in ("indptr", "outside_indptr"):
            pointers, to = getattr(self, name), getattr(self, name.replace("indptr", "indices"))
            if not pointers.size or pointers[0] != 0 or pointers[-1] != to.size:
                raise InputError(f"{name} must begin with 0 and end with {to.size}")
            if np.any(np.diff(pointers) < 0):
                raise InputError(f"{name} must not decrease")
            if to.size and (int(to.min()) < 0 or int(to.max()) >= n):
                raise InputError(f"synapses must point to neurons 0 to {n - 1}")

    @property
    def neurons(self) -> int:
        return int(self.starts[-1])

    @property
    def synapses(self) -> int:
        return int(self.indices.size + self.outside_indices.size)

    @property
    def outside(self) -> int:
        """Senders outside the cores."""
        return int(self.outside_indptr.size - 1)

    def group_of(self) -> npt.NDArray[np.int32]:
        """(n,) the group number of every neuron."""
        return np.repeat(np.arange(len(self.groups), dtype=np.int32), [group.size for group in self.groups])
