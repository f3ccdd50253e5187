"""The chip's network and its states as flat integer arrays: what the kernel reads and writes.

All neurons of all populations lie side by side; population p owns ``offset[p]:offset[p + 1]``. These are named tuples
of arrays so that compiled code takes them whole.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.relaxation import activate

__all__ = ["Int8", "Int32", "Int64", "Rules", "States", "Tally", "Wiring", "activities_of", "blank_tally"]

Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]


class Rules(NamedTuple):
    """How neurons compute. Arrays have one entry per population."""

    offset: Int64  #: (P + 1,) first neuron of each population
    kind: Int64  #: (P,) activation rule, see neurons.relaxation
    table: Int32  #: (P, T) activation tables (equal lengths; zeros where unused)
    low: Int64  #: (P,) u of a table's first entry
    width: Int64  #: (P,) log2 of a table segment's width
    threshold: Int64  #: (P,) smallest change that is sent
    message_shift: Int64  #: (P,) low bits cleared from a message
    guard_bits: int
    damping: int
    fraction_bits: int


class Wiring(NamedTuple):
    """Recurrent couplings. Weights of coupling c lie row by row, one row per source neuron: one message, one row."""

    source: Int64  #: (C,) population
    target: Int64  #: (C,)
    shift: Int64  #: (C,) arithmetic right shift of the sum (left when negative), to guarded places
    start: Int64  #: (C,) first weight of the coupling in ``weights``
    stride: Int64  #: (C,) length of a row: the target's size rounded up
    weights: Int8  #: (sum of rows x strides,)


class States(NamedTuple):
    """Everything a neuron remembers, (batch, neurons) each; exact to carry over and resume from."""

    current: Int32
    remainder: Int32
    u: Int32
    sent: Int32
    pending: Int32  #: messages sent in the last step, on their way

    def copy(self) -> States:
        return States(*(array.copy() for array in self))

    @classmethod
    def rest(cls, batch: int, neurons: int) -> States:
        """All zero: nothing sent, nothing received."""
        return cls(*(np.zeros((batch, neurons), np.int32) for _ in cls._fields))


class Tally(NamedTuple):
    """What a run of the kernel reports, one row per sample."""

    steps: Int64  #: (batch,) steps taken
    residual: Int64  #: (batch,) largest |target - u| met in the last step; 0 when quiescent
    quiescent: npt.NDArray[np.bool_]  #: (batch,) nothing on its way and nothing left to move
    cycling: npt.NDArray[np.bool_]  #: (batch,) an earlier state came back, and it is not the next one
    sent: Int32  #: (batch, neurons) messages that each neuron sent
    saturations: Int64  #: (batch, P) states clipped to 24 bits
    activity_sum: Int64  #: (batch, neurons) sum of v over the steps, when asked for


def blank_tally(batch: int, populations: int, neurons: int, *, sums: bool) -> Tally:
    """A tally of zeros; ``sums``: activities are to be added up over the steps."""
    return Tally(
        np.zeros(batch, np.int64),
        np.zeros(batch, np.int64),
        np.zeros(batch, np.bool_),
        np.zeros(batch, np.bool_),
        np.zeros((batch, neurons), np.int32),
        np.zeros((batch, populations), np.int64),
        np.zeros((batch, neurons if sums else 0), np.int64),
    )


@njit(cache=True, nogil=True)
def _activities(u, rules, v):  # type: ignore[no-untyped-def]
    for p in range(rules.kind.shape[0]):
        kind, table, low, width = rules.kind[p], rules.table[p], rules.low[p], rules.width[p]
        for b in range(u.shape[0]):
            for i in range(rules.offset[p], rules.offset[p + 1]):
                v[b, i] = activate(u[b, i], kind, table, low, width, rules.fraction_bits)


def activities_of(u: Int32, rules: Rules) -> Int64:
    """v = sigma(u) of all neurons, (batch, neurons)."""
    v = np.empty(u.shape, np.int64)
    _activities(u, rules, v)
    return v
