"""Where a learning connection keeps what can be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.engine.learning_kernel import L_SOURCES, L_STORED, L_TARGETS, L_TRACES, L_UPDATES, L_VALUES
from substrates.loihi2.neurons.base import Int32
from substrates.loihi2.program import Connection

__all__ = ["SYNAPSES", "LearningView"]

SYNAPSES = ("weights", "delays", "tags")
SOURCE_TRACES, TARGET_TRACES = ("x1", "x2"), ("y1", "y2", "y3")


@dataclass(frozen=True, eq=False)
class LearningView:
    """A learning connection and its row of the engine's table."""

    connection: Connection
    row: npt.NDArray[np.int64]

    def place(self, variable: str) -> tuple[int, int, str]:
        """(start, how many, pool) of a variable.

        Raises:
            InputError: there is no such variable.
        """
        stored, sources, targets = (int(self.row[column]) for column in (L_STORED, L_SOURCES, L_TARGETS))
        if variable in SYNAPSES:
            return int(self.row[L_VALUES]) + SYNAPSES.index(variable) * stored, stored, "plastic"
        start = int(self.row[L_TRACES])
        if variable in SOURCE_TRACES:
            return start + SOURCE_TRACES.index(variable) * sources, sources, "traces"
        if variable in TARGET_TRACES:
            return start + 3 * sources + TARGET_TRACES.index(variable) * targets, targets, "traces"
        known = ", ".join((*SYNAPSES, *SOURCE_TRACES, *TARGET_TRACES))
        raise InputError(f"{self.connection.name!r} has no variable {variable!r}; it has {known}")

    def shaped(self, variable: str, values: Int32) -> Int32:
        """Synaptic variables as (..., targets, sources)."""
        synapses: Any = self.connection.synapses
        found: Int32 = synapses.matrix(values) if variable in SYNAPSES else values
        return found

    def updates(self, work: Any) -> npt.NDArray[np.int64]:
        """Synapses changed since the run began, per target neuron."""
        start = int(self.row[L_UPDATES])
        found: npt.NDArray[np.int64] = work.updates[start : start + int(self.row[L_TARGETS])]
        return found
