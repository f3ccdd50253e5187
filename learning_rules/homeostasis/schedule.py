"""How the homeostasis coefficient changes over a training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from hw_profiles.errors import InputError

__all__ = ["CoefficientSchedule"]


@dataclass(frozen=True)
class CoefficientSchedule:
    """lambda goes from ``start`` to ``end`` while the progress goes from ``begin`` to ``finish``.

    Args:
        start: value up to ``begin``.
        end: value from ``finish`` on.
        begin, finish: shares of the training, 0 to 1.
        shape: ``linear``, ``cosine``, or ``geometric`` (both ends above zero).
    """

    start: float
    end: float
    begin: float = 0.0
    finish: float = 1.0
    shape: Literal["linear", "cosine", "geometric"] = "linear"

    def __post_init__(self) -> None:
        if not (0 <= self.start < math.inf and 0 <= self.end < math.inf):
            raise InputError(f"homeostasis coefficients must be zero or more, got {self.start} and {self.end}")
        if not 0 <= self.begin <= self.finish <= 1:
            raise InputError(f"a schedule runs from 0 <= begin <= finish <= 1, got {self.begin} and {self.finish}")
        if self.shape not in ("linear", "cosine", "geometric"):
            raise InputError(f"no schedule {self.shape!r}; there are linear, cosine, geometric")
        if self.shape == "geometric" and not (self.start > 0 and self.end > 0):
            raise InputError("a geometric schedule needs both ends above zero")

    def at(self, progress: float) -> float:
        """lambda at ``progress``."""
        if progress <= self.begin:
            return self.start
        if progress >= self.finish:
            return self.end
        x = (progress - self.begin) / (self.finish - self.begin)
        if self.shape == "geometric":
            return self.start * (self.end / self.start) ** x
        if self.shape == "cosine":
            x = 0.5 - 0.5 * math.cos(math.pi * x)
        return self.start + (self.end - self.start) * x
