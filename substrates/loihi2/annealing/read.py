"""What every scheme's anneal in progress shares: its counters, its trace, and how it goes on."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from substrates.loihi2.annealing.counters import BEST_COST, BEST_STEP, COST, FOUND, HEAT, SHARED, STEP
from substrates.loihi2.annealing.layout import Layout
from substrates.loihi2.annealing.settings import Settings

__all__ = ["NO_TARGET", "Read"]

NO_TARGET = -(2**62)
IMPROVEMENTS = 1024  #: improvements noted before a kernel hands back
I64 = npt.NDArray[np.int64]


class Read(ABC):
    """One anneal in progress. ``advance`` may be called with any stretch of temperatures; the trajectory is the same.

    Args:
        layout: the problem.
        settings: the open choices of the specification.
        exponent: of the stored Q.
        cost: of the start.
        own: counters that the scheme's kernel adds.

    Attributes:
        counters: see `substrates.loihi2.annealing.counters`.
        noted: (IMPROVEMENTS, 2) step and cost of the improvements since the last look.
        trace: of all before.
    """

    def __init__(self, layout: Layout, settings: Settings, exponent: int, cost: int, own: int = 0) -> None:
        self.layout, self.settings, self.exponent = layout, settings, exponent
        self.counters = np.zeros(SHARED + own, np.int64)
        self.counters[[COST, BEST_COST]] = cost
        self.counters[HEAT] = -1
        self.noted = np.zeros((IMPROVEMENTS, 2), np.int64)
        self.trace = [np.array([[0, cost]], np.int64)]

    @property
    def best_cost(self) -> int:
        return int(self.counters[BEST_COST])

    @property
    def cost(self) -> int:
        return int(self.counters[COST])

    @property
    def best_step(self) -> int:
        return int(self.counters[BEST_STEP])

    @property
    def steps(self) -> int:
        return int(self.counters[STEP])

    def advance(self, temperatures: npt.NDArray[np.int32], target: int = NO_TARGET) -> None:
        """Do one step per temperature, fewer if ``target`` is reached."""
        end = self.steps + len(temperatures)
        while self.steps < end and self.best_cost > target:
            self.counters[FOUND] = 0
            self._kernel(temperatures[len(temperatures) - end + self.steps :], target)
            if found := int(self.counters[FOUND]):
                self.trace.append(self.noted[:found].copy())

    def copies(self) -> list[Read]:
        """The reads that make it up: itself."""
        return [self]

    def improvements(self) -> I64:
        """(k, 2): step and cost of every improvement, the start first."""
        return np.concatenate(self.trace)

    @abstractmethod
    def _kernel(self, temperatures: npt.NDArray[np.int32], target: int) -> None:
        """Some steps, at least one: until the temperatures end, ``noted`` is full or at target."""

    @abstractmethod
    def x(self) -> npt.NDArray[np.uint8]:
        """(n,) the assignment now."""

    @abstractmethod
    def inputs(self) -> I64:
        """(n,) u now: what the neighbours that are on add up to."""

    @abstractmethod
    def best_state(self) -> npt.NDArray[np.uint8]:
        """(n,) the best x so far."""

    @abstractmethod
    def sent(self) -> dict[str, I64]:
        """How many messages each neuron of the annealing program sent, by outlet, read-out included."""
