"""Reading activities back from membranes, by the neurons' own rule."""

from __future__ import annotations

import numpy as np
from numba import njit

from substrates.loihi2.neurons.relaxation import activate
from substrates.loihi2.relaxation.layout import Int32, Int64, Rules

__all__ = ["activities_of"]


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
