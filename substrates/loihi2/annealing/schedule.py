"""Schedules: the temperature of every step, as the temperature neuron makes it. Integers from 0 to 65535.

`Schedule.temperatures(first, count)` gives any stretch, so a run can be cut into chunks without changing it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.widths import TEMPERATURE_MAX

__all__ = ["Geometric", "Linear", "Reanneal", "Schedule", "Series"]


class Schedule(ABC):
    """Temperature over steps. ``length`` is the number of steps of one anneal, None without end."""

    length: int | None

    @abstractmethod
    def temperatures(self, first: int, count: int) -> npt.NDArray[np.int32]:
        """Temperatures of the steps ``first`` to ``first + count - 1``."""


def _check(high: float, low: float) -> None:
    if not 0 <= low <= high <= TEMPERATURE_MAX:
        raise InputError(f"temperatures {high},{low}: expected HIGH,LOW with 0 <= LOW <= HIGH <= {TEMPERATURE_MAX}")


@dataclass(frozen=True)
class Linear(Schedule):
    """T falls from ``high`` to ``low`` in equal steps, rounded down, over ``length`` steps; then stays."""

    high: int
    low: int
    length: int = 1000

    def __post_init__(self) -> None:
        _check(self.high, self.low)
        if self.length < 0:
            raise InputError(f"the number of steps cannot be negative, got {self.length}")

    def temperatures(self, first: int, count: int) -> npt.NDArray[np.int32]:
        step = np.minimum(np.arange(first, first + count, dtype=np.int64), max(self.length - 1, 0))
        span = max(self.length - 1, 1)
        return (self.high - ((self.high - self.low) * step) // span).astype(np.int32)


@dataclass(frozen=True)
class Geometric(Schedule):
    """T falls from ``high`` to ``low`` by a constant factor over ``length`` steps; then stays."""

    high: int
    low: int
    length: int = 1000

    def __post_init__(self) -> None:
        _check(self.high, self.low)
        if self.low < 1:
            raise InputError("a geometric schedule needs a low temperature of at least 1")

    def temperatures(self, first: int, count: int) -> npt.NDArray[np.int32]:
        step = np.minimum(np.arange(first, first + count), max(self.length - 1, 0))
        ratio = self.low / self.high
        return np.rint(self.high * ratio ** (step / max(self.length - 1, 1))).astype(np.int32)


@dataclass(frozen=True)
class Series(Schedule):
    """The user's own temperatures, one per step; the last one stays."""

    values: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise InputError("a temperature series needs at least one value")
        _check(max(self.values), min(self.values))

    @property
    def length(self) -> int:  # type: ignore[override]
        return len(self.values)

    def temperatures(self, first: int, count: int) -> npt.NDArray[np.int32]:
        values = np.asarray(self.values, np.int32)
        result: npt.NDArray[np.int32] = values[np.minimum(np.arange(first, first + count), len(values) - 1)]
        return result


@dataclass(frozen=True)
class Reanneal(Schedule):
    """Linear anneals one after the other, each ``growth`` times as long as the one before, up to ``longest``.

    Good at any time; and where one long anneal gains less than several tries.

    The trajectory does not depend on when it will be stopped, so a timeout cuts it without changing it.
    """

    high: int
    low: int
    shortest: int = 1000
    growth: int = 2
    length: int | None = None
    longest: int | None = None

    def __post_init__(self) -> None:
        _check(self.high, self.low)
        if self.shortest < 1 or self.growth < 1:
            raise InputError("a re-anneal needs a shortest length and a growth of at least 1")
        if self.longest is not None and self.longest < self.shortest:
            raise InputError(f"the longest anneal ({self.longest}) cannot be below the shortest ({self.shortest})")

    def temperatures(self, first: int, count: int) -> npt.NDArray[np.int32]:
        pieces: list[npt.NDArray[np.int32]] = []
        start, length = 0, self.shortest
        while count > 0:
            if first >= start + length and length == self._next(length):
                start += (first - start) // length * length  # all anneals from here on are alike: a long run has many
            if first < start + length:
                take = min(count, start + length - first)
                pieces.append(Linear(self.high, self.low, length).temperatures(first - start, take))
                first, count = first + take, count - take
            start, length = start + length, self._next(length)
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int32)

    def _next(self, length: int) -> int:
        """How long the anneal after one of ``length`` is."""
        return min(length * self.growth, self.longest or length * self.growth)
