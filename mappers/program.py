"""From a program to what the mapper places, and back to the placement that the engine and the counter read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mappers.connectivity import Connectivity, Group
from mappers.limits import System
from mappers.placement import Placement, place
from substrates.loihi2 import program as engine
from substrates.loihi2.synapses import Direct

__all__ = ["connectivity_of", "place_program"]


def connectivity_of(program: engine.Program) -> Connectivity:
    """Populations and connections of ``program``. Sources are outside the cores and are left out.

    A population counts as densely connected when all its connections are.
    """
    starts: dict[str, int] = {}
    total = 0
    for name, population in program.populations.items():
        starts[name] = total
        total += population.n
    rows: list[npt.NDArray[np.int64]] = []
    columns: list[npt.NDArray[np.int64]] = []
    sparse_onto: set[str] = set()
    for connection in program.connections:
        if isinstance(connection.synapses, Direct):  # injected by the host, nothing is stored
            continue
        pattern = connection.synapses.rows()
        if pattern is not None:
            sparse_onto.add(connection.target)
        if connection.source in starts:
            targets, sources = connection.synapses.shape
            fan_out = np.full(sources, targets) if pattern is None else np.diff(pattern[0])
            target = np.tile(np.arange(targets), sources) if pattern is None else pattern[1].astype(np.int64)
            rows.append(np.repeat(np.arange(sources), fan_out) + starts[connection.source])
            columns.append(target + starts[connection.target])
    source = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    target = np.concatenate(columns) if columns else np.zeros(0, np.int64)
    order = np.argsort(source, kind="stable")
    groups = tuple(
        Group(
            name,
            population.neuron.name,
            population.n,
            state_words=len(population.neuron.variables) + 1,  # and the bias
            dense=name not in sparse_onto,
        )
        for name, population in program.populations.items()
    )
    return Connectivity(groups, np.searchsorted(source[order], np.arange(total + 1)), target[order].astype(np.int32))


def place_program(
    program: engine.Program, system: System | str = "oheo-gulch", *, passes: int = 4
) -> tuple[engine.Placement, Placement]:
    """Place ``program`` on ``system``; returns the engine's placement and ours, with the utilisation.

    Raises:
        DoesNotFitError: with everything that does not fit.
    """
    placed = place(connectivity_of(program), system, passes=passes)
    # number cores so that core // cores_per_chip is the chip, as the engine reads it
    per_chip = placed.system.cores_per_chip
    within = np.zeros(placed.chip.size, np.int64)
    for chip in range(int(placed.chip.max()) + 1):
        members = np.flatnonzero(placed.chip == chip)
        within[members] = np.arange(members.size)
    numbers = (placed.chip * per_chip + within)[placed.core].astype(np.int32)
    ends = np.cumsum([population.n for population in program.populations.values()])
    cores = dict(zip(program.populations, np.split(numbers, ends[:-1]), strict=True))
    return engine.Placement(cores, per_chip), placed
