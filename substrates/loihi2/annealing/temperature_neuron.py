"""The temperature neuron itself: integer arithmetic on one 16-bit temperature, as the public process describes it.

Every ``steps_per_temperature`` steps:

    linear     T <- T - delta
    geometric  T <- (T delta) >> exponent

A value below ``minimum`` is not taken; instead the neuron does what ``floor`` says: ``stay`` at the last value,
``reset`` to ``maximum`` (periodic re-anneal, what the public documentation describes) or go to ``zero`` (a last greedy
phase). Source: lava-optimization 0.5.0, generic/annealing/process.py; the microcode itself is not public.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.annealing.schedule import Schedule
from substrates.loihi2.widths import TEMPERATURE_MAX

__all__ = ["FLOORS", "KINDS", "TemperatureNeuron"]

KINDS = ("linear", "geometric")
FLOORS = ("stay", "reset", "zero")


@dataclass(frozen=True)
class TemperatureNeuron(Schedule):
    """A schedule by the chip's own parameters; ``length`` only says how long a run lasts by default."""

    maximum: int
    minimum: int = 0
    delta: int = 1
    exponent: int = 0
    steps_per_temperature: int = 1
    kind: str = "linear"
    floor: str = "stay"
    length: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum <= TEMPERATURE_MAX:
            raise InputError(f"expected 0 <= minimum <= maximum <= 65535, got {self.minimum} and {self.maximum}")
        if self.kind not in KINDS or self.floor not in FLOORS:
            raise InputError(f"kind must be one of {KINDS} and floor one of {FLOORS}")
        if self.delta < 0 or self.exponent < 0 or self.steps_per_temperature < 1:
            raise InputError("delta and exponent must be zero or more, steps_per_temperature at least 1")
        if self.kind == "geometric" and self.delta >> self.exponent not in (0, 1):
            raise InputError(f"a geometric factor {self.delta} / 2^{self.exponent} must be below 2")

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """The temperatures from the maximum down to the last one taken, each once."""
        values = [self.maximum]
        while True:
            now = values[-1]
            after = now - self.delta if self.kind == "linear" else (now * self.delta) >> self.exponent
            if after < self.minimum or after >= now:  # below the floor, or no longer falling
                return tuple(values)
            values.append(after)

    def temperatures(self, first: int, count: int) -> npt.NDArray[np.int32]:
        level = np.arange(first, first + count) // self.steps_per_temperature
        known = np.array(self.levels, np.int32)
        if self.floor == "reset":
            return known[level % len(known)]
        held = known[np.minimum(level, len(known) - 1)]
        result: npt.NDArray[np.int32] = held if self.floor == "stay" else np.where(level < len(known), held, 0)
        return result.astype(np.int32)
