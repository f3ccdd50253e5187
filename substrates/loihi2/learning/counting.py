"""How often a learning rule is worked out, from spikes alone: the engine counts the same as it goes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from substrates.loihi2.learning.products import ALWAYS, CONDITION_X, CONDITION_Y, P_CONDITION
from substrates.loihi2.learning.synapses import LearningSynapses

__all__ = ["rule_applications"]

Raster = npt.NDArray[np.bool_]


def rule_applications(synapses: LearningSynapses, sources: Raster, targets: Raster) -> npt.NDArray[np.int64]:
    """(target neurons,) synapses for which a product's condition held, summed over the epochs.

    Args:
        synapses: of the connection.
        sources, targets: (steps, n) who sent when; the first step is step 1. With `SpikeUse.ADD_OVERFLOW` a source's
            spike counts only when its trace overflows, so every spike is an upper bound there.
    """
    rule = synapses.rule
    conditions = set(rule.table()[:, P_CONDITION].tolist())
    epochs = len(sources) // rule.epoch
    found = np.zeros(synapses.shape[0], np.int64)
    fan_out = np.diff(synapses.pointers)
    columns = np.repeat(np.arange(synapses.shape[1]), fan_out)
    rows = np.tile(np.arange(synapses.shape[0]), synapses.shape[1]) if synapses.targets is None else synapses.targets
    for k in range(epochs):
        steps = slice(k * rule.epoch, (k + 1) * rule.epoch)
        if ALWAYS in conditions and (k + 1) % rule.every == 0:
            concerns = np.ones(rows.size, bool)
        else:
            concerns = np.zeros(rows.size, bool)
            if CONDITION_X in conditions:
                concerns |= sources[steps].any(axis=0)[columns]
            if CONDITION_Y in conditions:
                concerns |= targets[steps].any(axis=0)[rows]
        found += np.bincount(rows[concerns], minlength=found.size)
    return found
