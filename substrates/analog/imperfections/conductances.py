"""One array of cells: how a wanted weight matrix becomes the one the array has, write after write."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from substrates.analog.imperfections.parameters import ChipParameters
from substrates.seeds import stream

__all__ = ["Array"]

Floats = npt.NDArray[np.float64]


@dataclass
class Array:
    """The cells of one coupling. Signed weights are pairs of cells; all weights here are in the network's units.

    Attributes:
        wanted: what the network asked for at the last write.
        stored: what was written, quantised and clipped, errors included, before mismatch and drift.
        written_s: chip time of each cell's last write, seconds.
        w_max: the largest weight the array can hold.
        mismatch, drift: standard normal draws of each cell, made once.
    """

    wanted: Floats
    stored: Floats
    written_s: Floats
    w_max: float
    mismatch: Floats
    drift: Floats
    writes: int = 0

    @classmethod
    def draw(cls, weights: Floats, parameters: ChipParameters, seed: int, index: int) -> Array:
        """A fresh array (all weights zero) of coupling number ``index``."""
        shape = weights.shape
        largest = float(np.abs(weights).max(initial=0.0)) or 1.0
        return cls(
            wanted=np.zeros(shape),
            stored=np.zeros(shape),
            written_s=np.zeros(shape),
            w_max=parameters.weight_range or parameters.range_headroom * largest,
            mismatch=stream(seed, "conductance-mismatch", index).standard_normal(shape),
            drift=stream(seed, "drift", index).standard_normal(shape),
        )

    def write(self, weights: Floats, p: ChipParameters, seed: int, index: int, clock_s: float) -> int:
        """Write ``weights``; returns how many cells were rewritten.

        Write-and-verify: only cells whose level changes are touched, each touched one gets a new programming error.
        Open loop: the change since the last write is sent as steps, bent by the asymmetry and spread by the noise,
        and nobody looks at the result.
        """
        random = stream(seed, "write", index, self.writes)
        self.writes += 1
        reach = self.w_max * (1.0 - 1.0 / p.on_off_ratio if p.on_off_ratio else 1.0)
        if p.open_loop and self.writes > 1:
            change = weights - self.wanted
            if p.levels:  # whole pulses, rounded at random so that small changes are not lost
                pulse = self.w_max / (p.levels - 1)
                change = np.floor(change / pulse + random.random(change.shape)) * pulse
            bend = 1.0 - np.sign(change) * p.write_asymmetry * self.stored / self.w_max
            change = change * bend * (1.0 + p.write_noise * random.standard_normal(change.shape))
            touched = change != 0
            self.stored = np.clip(self.stored + change, -reach, reach)
        else:
            target = self._level(weights, p, reach)
            touched = target != self._level(self.wanted, p, reach) if self.writes > 1 else np.ones(target.shape, bool)
            error = p.programming_error * self.w_max * random.standard_normal(target.shape)
            self.stored = np.where(touched, np.clip(target + error, -reach, reach), self.stored)
        self.written_s = np.where(touched, clock_s, self.written_s)
        self.wanted = weights.copy()
        return int(np.count_nonzero(touched))

    def _level(self, weights: Floats, p: ChipParameters, reach: float) -> Floats:
        if p.levels:
            gap = reach / (p.levels - 1)
            weights = np.round(weights / gap) * gap
        return np.clip(weights, -reach, reach) if (p.levels or p.on_off_ratio or p.weight_range) else weights

    def read(self, p: ChipParameters, clock_s: float) -> Floats:
        """The weights as they conduct now: mismatch and drift applied to what was stored."""
        weights = self.stored * (1.0 + p.conductance_mismatch * self.mismatch)
        if p.drift_exponent:
            nu = p.drift_exponent * (1.0 + p.drift_spread * self.drift)
            weights = weights * (1.0 + (clock_s - self.written_s) / p.drift_time_s) ** -nu
        return weights
