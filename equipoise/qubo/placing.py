"""Where a problem's annealing program goes on one Loihi 2 chip: does it fit, and on which cores is it counted."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from equipoise.qubo.problem import Problem
from mappers.placement import DoesNotFitError, Placement
from mappers.program import place_program

if TYPE_CHECKING:
    from substrates.loihi2.annealing import Loihi2Annealer
    from substrates.loihi2.lava.annealer import LavaAnnealer

__all__ = ["place_annealer"]

SYSTEM = "oheo-gulch"  #: one chip


def place_annealer(annealer: Loihi2Annealer | LavaAnnealer, problem: Problem) -> Placement | None:
    """Put the program of ``annealer`` on one chip, so that everything is counted on its core.

    A simulation runs what does not fit all the same: then there is a warning, and counts are told apart by no core.
    """
    try:
        cores, placed = place_program(annealer.pattern, SYSTEM)
    except DoesNotFitError as error:
        degree = np.bincount(problem.rows, minlength=problem.num_variables)
        degree += np.bincount(problem.cols, minlength=problem.num_variables)
        most = int(degree.argmax())
        warnings.warn(
            f"the problem would not fit one chip: {error}; its variable {problem.labels[most]!r} has most neighbours, "
            f"{int(degree[most])}. The simulation runs it all the same",
            stacklevel=4,
        )
        return None
    annealer.placement = cores
    return placed
