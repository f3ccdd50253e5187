"""One thing to run on both sides, and what came out of comparing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from substrates.loihi2.lava.run import LavaTarget
from substrates.loihi2.lava.watchdog import LavaSession

__all__ = ["Case", "Outcome", "compare"]

Integers = npt.NDArray[np.integer[Any]]


@dataclass
class Outcome:
    """How one case went: steps run, integers compared, integers that differ, and where the first one is."""

    steps: int
    compared: int = 0
    mismatches: int = 0
    first: list[str] = field(default_factory=list)


class Case(ABC):
    """A random program that can be run on our engine and on Lava."""

    @abstractmethod
    def run(self, session: LavaSession, target: LavaTarget, timeout_s: float) -> Outcome:
        """Run both sides and compare."""


def compare(
    outcome: Outcome, name: str, ours: npt.NDArray[np.integer[Any]], theirs: npt.NDArray[np.integer[Any]]
) -> None:
    """Add the comparison of two arrays (first axis: steps) to ``outcome``."""
    if ours.shape != theirs.shape:
        outcome.mismatches += 1
        outcome.first.append(f"{name}: shape {ours.shape} against {theirs.shape}")
        return
    outcome.compared += ours.size
    different = np.argwhere(ours != theirs)
    if len(different):
        outcome.mismatches += len(different)
        where = tuple(int(i) for i in different[0])
        outcome.first.append(
            f"{name} at step {where[0] + 1}, neuron {where[-1]}: ours {int(ours[where])}, theirs {int(theirs[where])}"
        )
