"""The random numbers of the learning engine: few, and the same for all neurons of a connection, as in Lava.

One number rounds the traces' decay, one their impulses (each for source and target neurons), and one the changed
synapses. Lava draws them with NumPy's generator, twice a step; here they are drawn ahead of the kernel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from substrates.loihi2.learning.rule import TRACE_MAX, LearningRule

__all__ = ["CHUNK", "Drawn", "Draws"]

CHUNK = 1 << 14  #: steps drawn at a time
ROUNDING_SEED = 2  #: of the changed synapses, whatever the rule's seed


class Drawn(NamedTuple):
    """For some steps of all learning connections: (connections, steps, 3) each.

    ``shares``: decay of x, decay of y, synapses; ``whole``: impulses of x, of y in the spiking phase, of y after it.
    """

    shares: npt.NDArray[np.float64]
    whole: npt.NDArray[np.int64]


class Draws:
    """The generators of one connection; step 1 comes first."""

    def __init__(self, rule: LearningRule) -> None:
        self._epoch, self._step = rule.epoch, 0
        self._shares = [np.random.default_rng(rule.seed + k) for k in (0, 2)]
        self._whole = [np.random.default_rng(rule.seed + k) for k in (1, 3)]
        self._rounding = np.random.default_rng(ROUNDING_SEED)
        # Lava draws once when the connection is made, and never uses it
        for generator in (*self._shares, self._rounding):
            generator.random()
        for generator in self._whole:
            generator.integers(0, TRACE_MAX + 1)

    def take(self, steps: int) -> Drawn:
        """The numbers of the next ``steps`` steps, (1, steps, 3)."""
        shares, whole = np.zeros((1, steps, 3)), np.zeros((1, steps, 3), np.int64)
        for k, generator in enumerate(self._shares):
            shares[0, :, k] = generator.random(2 * steps)[1::2]
        x, y = (generator.integers(0, TRACE_MAX + 1, 2 * steps) for generator in self._whole)
        whole[0, :, 0], whole[0, :, 1], whole[0, :, 2] = x[1::2], y[::2], y[1::2]
        first = self._step + 1
        ends = np.arange(-first % self._epoch, steps, self._epoch)  # steps that end an epoch
        shares[0, ends, 2] = self._rounding.random(ends.size)
        self._step += steps
        return Drawn(shares, whole)
