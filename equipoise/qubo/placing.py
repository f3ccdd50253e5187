"""Where a problem's annealing program goes on Loihi 2 chips: does it fit, and on which cores is it counted."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from equipoise.qubo.problem import Problem
from mappers.placement import DoesNotFitError, Placement
from mappers.program import place_on_smallest

if TYPE_CHECKING:
    from substrates.loihi2.annealing import Loihi2Annealer
    from substrates.loihi2.lava.annealer import LavaAnnealer

__all__ = ["place_annealer"]


def place_annealer(annealer: Loihi2Annealer | LavaAnnealer, problem: Problem) -> Placement | None:
    """Put the program of ``annealer`` on the smallest system that holds it, so that everything is counted on its core.

    More chips than one are said in a warning. A simulation runs what no system holds all the same: then there is a
    warning as well, counts are told apart by no core, and have no time on the chip.
    """
    try:
        cores, placed = place_on_smallest(annealer.pattern)
    except DoesNotFitError as error:
        degree = np.bincount(problem.rows, minlength=problem.num_variables)
        degree += np.bincount(problem.cols, minlength=problem.num_variables)
        most = int(degree.argmax())
        warnings.warn(
            f"the problem would not fit: {error}; its variable {problem.labels[most]!r} has most neighbours, "
            f"{int(degree[most])}. The simulation runs it all the same",
            stacklevel=4,
        )
        return None
    chips = placed.utilisation.chips_used
    if chips > 1:
        warnings.warn(
            f"the problem does not fit one chip: it is placed on {chips} chips of {placed.system.title}", stacklevel=4
        )
    annealer.placement = cores
    return placed
