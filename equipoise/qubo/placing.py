"""Where a problem's annealing program goes on Loihi 2 chips: does it fit, and on which cores is it counted."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from equipoise.qubo.problem import Problem
from hw_profiles.later import Later
from mappers.connectivity import Group
from mappers.limits import load_system
from mappers.placement import DoesNotFitError, Placement
from mappers.program import SYSTEMS, TREE_FAN_IN, Demand, place_on_smallest, surely_fits
from substrates.loihi2 import program as engine
from substrates.loihi2.annealing.program import pattern_program, stored_in_full

if TYPE_CHECKING:
    from substrates.loihi2.annealing import Loihi2Annealer
    from substrates.loihi2.annealing.layout import Layout
    from substrates.loihi2.annealing.settings import Settings
    from substrates.loihi2.lava.annealer import LavaAnnealer

__all__ = ["demands_of", "place_annealer"]

Placed = tuple[engine.Placement, Placement]


def place_annealer(annealer: Loihi2Annealer | LavaAnnealer, problem: Problem) -> Later[Placement | None]:
    """Put the program of ``annealer`` on the smallest system that holds it, so that everything is counted on its core.

    What certainly fits one chip is placed when somebody looks at its counts. More chips are said in a warning. A
    simulation runs what no system holds all the same: then there is a warning as well, counts are told apart by no
    core, and have no time on the chip.
    """
    stored = annealer.stored
    placed: Later[Placed] = Later(lambda: place_on_smallest(stored.value))
    if not surely_fits(demands_of(annealer.layout, annealer.settings), load_system(SYSTEMS[0])):
        try:
            whole = placed.value[1]
        except DoesNotFitError as error:
            degree = np.bincount(problem.rows, minlength=problem.num_variables)
            degree += np.bincount(problem.cols, minlength=problem.num_variables)
            most = int(degree.argmax())
            warnings.warn(
                f"the problem would not fit: {error}; its variable {problem.labels[most]!r} has most neighbours, "
                f"{int(degree[most])}. The simulation runs it all the same",
                stacklevel=4,
            )
            return Later(lambda: None)
        chips = whole.utilisation.chips_used
        if chips > 1:
            warnings.warn(
                f"the problem does not fit one chip: it is placed on {chips} chips of {whole.system.title}",
                stacklevel=4,
            )
    annealer.place_later(Later(lambda: placed.value[0]))
    return Later(lambda: placed.value[1])


def demands_of(layout: Layout, settings: Settings) -> list[Demand]:
    """Bounds of what the program of a problem asks of the chip; found from its rows' lengths, without the program."""
    n, starts = layout.n, layout.rows.indptr
    pairs, fullest = int(starts[-1]), int((starts[1:] - starts[:-1]).max())
    full = stored_in_full(n, pairs)
    if full:
        pairs, fullest = n * n, n
    # Digits of 7 bits; no weight is above half the largest flip energy. And the rivals.
    links = max(1, -(-(layout.worst // 2).bit_length() // 7)) + 1
    words = _state_words(settings)
    trees = -(-n // TREE_FAN_IN) if n > TREE_FAN_IN else 0
    fan = [Demand(Group("", "", 1, words[1], dense=True), max(trees, min(n, TREE_FAN_IN)), min(n, TREE_FAN_IN), n)]
    if trees:
        fan.append(Demand(Group("", "", trees, 1, dense=True), n, TREE_FAN_IN, n))
    return [
        Demand(Group("", "", n, words[0], dense=full), links * pairs + 2 * n, links * fullest + 2, n + 2),
        *fan,
        Demand(Group("", "", 1, words[2], dense=True), 0, 0, 0),
    ]


@lru_cache(maxsize=32)
def _state_words(settings: Settings) -> tuple[int, ...]:
    """Of the populations of an annealing program, in order; a word of each is the bias."""
    nothing = np.zeros(0, np.int32)
    program = pattern_program(np.zeros(2, np.int64), nothing, nothing, 1, settings)
    return tuple(len(population.neuron.variables) + 1 for population in program.populations.values())
