"""Memristive conductances: one array of cells between a smallest and a largest conductance, written and read.

Unlike a signed weight, which is a pair of cells and may be zero, a conductance is one cell: it lies between g_max
/ ratio and g_max, on one of ``levels`` equally spaced values where the chip has levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from substrates.analog.imperfections.parameters import ChipParameters
from substrates.seeds import stream

__all__ = ["Cells"]

Floats = npt.NDArray[np.float64]


@dataclass
class Cells:
    """The cells of one array, in the network's units of conductance.

    Attributes:
        wanted: what was asked for at the last write.
        stored: what was written, before mismatch and drift.
        written_s: chip time of each cell's last write, seconds.
        low, high: the range a cell can hold; ``high`` may be infinite (no limit).
        mismatch, drift: standard normal draws of each cell, made once.
    """

    wanted: Floats
    stored: Floats
    written_s: Floats
    low: float
    high: float
    mismatch: Floats
    drift: Floats
    writes: int = 0

    @classmethod
    def draw(cls, wanted: Floats, p: ChipParameters, seed: int, index: int) -> Cells:
        """A fresh array for conductances of about the size of ``wanted``; nothing is written yet."""
        largest = float(wanted.max(initial=0.0)) or 1.0
        bounded = p.weight_range or p.on_off_ratio or p.levels or p.programming_error or p.open_loop
        high = (p.weight_range or p.range_headroom * largest) if bounded else np.inf
        low = high / p.on_off_ratio if p.on_off_ratio else 0.0
        shape = wanted.shape
        return cls(
            wanted=np.full(shape, low),
            stored=np.full(shape, low),
            written_s=np.zeros(shape),
            low=low,
            high=high,
            mismatch=stream(seed, "resistive conductance mismatch", index).standard_normal(shape),
            drift=stream(seed, "resistive drift", index).standard_normal(shape),
        )

    def level(self, wanted: Floats, p: ChipParameters) -> Floats:
        """The nearest conductance a cell can be asked to hold."""
        if p.levels:
            gap = (self.high - self.low) / (p.levels - 1)
            wanted = np.round((wanted - self.low) / gap) * gap + self.low
        return np.clip(wanted, self.low, self.high)

    def write(self, wanted: Floats, p: ChipParameters, seed: int, index: int, clock_s: float) -> int:
        """Write; returns how many cells were rewritten.

        Write-and-verify: cells whose level changes, each with a new programming error. Open loop: the change since the
        last write as pulses, which shrink towards the end of the range (asymmetry) and spread (write noise).
        """
        random = stream(seed, "resistive write", index, self.writes)
        self.writes += 1
        if p.open_loop and self.writes > 1:
            change = wanted - self.wanted
            if p.levels:  # whole pulses, rounded at random so that small changes are not lost
                pulse = (self.high - self.low) / (p.levels - 1)
                change = np.floor(change / pulse + random.random(change.shape)) * pulse
            middle = (self.high + self.low) / 2
            share = (self.stored - middle) / (self.high - middle)
            change = change * (1.0 - np.sign(change) * p.write_asymmetry * share)
            change = change * (1.0 + p.write_noise * random.standard_normal(change.shape))
            touched = change != 0
            self.stored = np.clip(self.stored + change, self.low, self.high)
        else:
            target = self.level(wanted, p)
            touched = (target != self.level(self.wanted, p)) if self.writes > 1 else np.ones(target.shape, bool)
            if p.programming_error:
                target = target + p.programming_error * self.high * random.standard_normal(target.shape)
            self.stored = np.where(touched, np.clip(target, self.low, self.high), self.stored)
        self.written_s = np.where(touched, clock_s, self.written_s)
        self.wanted = wanted.copy()
        return int(np.count_nonzero(touched))

    def read(self, p: ChipParameters, clock_s: float) -> Floats:
        """The conductances now: mismatch (log-normal, so that none is negative) and drift applied to what was
        stored.
        """
        g = self.stored * np.exp(p.conductance_mismatch * self.mismatch) if p.conductance_mismatch else self.stored
        if p.drift_exponent:
            nu = p.drift_exponent * (1.0 + p.drift_spread * self.drift)
            g = g * (1.0 + (clock_s - self.written_s) / p.drift_time_s) ** -nu
        return g
