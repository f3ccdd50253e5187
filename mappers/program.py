"""From a program to what the mapper places, and back to the placement that the engine and the counter read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mappers.connectivity import Connectivity, Group
from mappers.limits import ChipLimits, System, load_system
from mappers.partition import neurons_that_fit, synapse_bits_of, synaptic_bytes_for
from mappers.partition_kernels import by_first
from mappers.placement import DoesNotFitError, Misfit, Placement, place
from substrates.loihi2 import program as engine
from substrates.loihi2.synapses import Direct

__all__ = [
    "SYSTEMS",
    "Demand",
    "check_size",
    "connectivity_of",
    "place_on_smallest",
    "place_program",
    "surely_fits",
]

#: Loihi 2 systems from the smallest, see `place_on_smallest`
SYSTEMS = ("oheo-gulch", "kapoho-point", "hala-point")

#: senders that one neuron of a tree of adders hears
TREE_FAN_IN = 8192


def connectivity_of(program: engine.Program) -> Connectivity:
    """Populations and connections of ``program``. Sources are outside the cores; their synapses are stored on them.

    A population counts as densely connected when all its connections are. A single neuron that only adds up more than
    `TREE_FAN_IN` senders (`Neuron.adds`) gets a tree of further neurons, last in the order.
    """
    links = _Links(program)
    groups = [
        Group(
            name,
            population.neuron.name,
            population.n,
            state_words=len(population.neuron.variables) + 1,  # and the bias
            dense=name not in links.sparse_onto,
        )
        for name, population in program.populations.items()
    ]
    groups += [Group(f"{name} tree", "adder", size, 1, dense=True) for name, size in links.trees.items()]
    source, target = _joined(links.rows), _joined(links.columns)
    outside = _joined(links.outside_rows), _joined(links.outside_columns)
    return Connectivity(tuple(groups), *by_first(source, target, links.total), *by_first(*outside, links.outside))


def _joined(parts: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


class _Links:
    """All synapses, neurons numbered through the populations, then through the trees of adders; sources apart."""

    def __init__(self, program: engine.Program) -> None:
        self.rows: list[npt.NDArray[np.int64]] = []
        self.columns: list[npt.NDArray[np.int64]] = []
        self.outside_rows: list[npt.NDArray[np.int64]] = []
        self.outside_columns: list[npt.NDArray[np.int64]] = []
        self._outside_starts: dict[str, int] = {}
        self.outside = 0
        for name, source in program.sources.items():
            self._outside_starts[name] = self.outside
            self.outside += source.n
        self.sparse_onto: set[str] = set()
        self.trees: dict[str, int] = {}
        self._starts: dict[str, int] = {}
        self.total = 0
        for name, population in program.populations.items():
            self._starts[name] = self.total
            self.total += population.n
        for connection in program.connections:
            if not isinstance(connection.synapses, Direct):  # what the host injects is stored nowhere
                self._add(program, connection)

    def _add(self, program: engine.Program, connection: engine.Connection) -> None:
        pattern = connection.synapses.rows()
        if pattern is not None:
            self.sparse_onto.add(connection.target)
        into = self._starts[connection.target]
        targets, sources = connection.synapses.shape
        if connection.source not in self._starts:
            source, target = _entries(pattern, targets, sources)
            self.outside_rows.append(source + self._outside_starts[connection.source])
            self.outside_columns.append(target + into)
            return
        first = self._starts[connection.source]
        if targets == 1 and sources > TREE_FAN_IN and program.populations[connection.target].neuron.adds:
            size = self.trees[connection.target] = -(-sources // TREE_FAN_IN)
            self.rows += [first + np.arange(sources), self.total + np.arange(size)]
            self.columns += [self.total + np.arange(sources) // TREE_FAN_IN, np.full(size, into)]
            self.total += size
            return
        source, target = _entries(pattern, targets, sources)
        self.rows.append(source + first)
        self.columns.append(target + into)


def _entries(pattern: Any, targets: int, sources: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(source, target) of every stored synapse, by source; a pattern of None is all to all."""
    fan_out = np.full(sources, targets) if pattern is None else np.diff(pattern[0])
    target = np.tile(np.arange(targets), sources) if pattern is None else pattern[1].astype(np.int64)
    return np.repeat(np.arange(sources), fan_out), target


@dataclass(frozen=True)
class Demand:
    """Bounds of what a group of neurons asks for, trees of adders included as groups of their own.

    Attributes:
        group: with at least as many state words, and dense only if it certainly is.
        synapses: stored for all its neurons, at most.
        most: stored for any one of them, at most.
        senders: different neurons that send to the group, at most.
    """

    group: Group
    synapses: int
    most: int
    senders: int


def surely_fits(demands: Sequence[Demand], system: System) -> bool:
    """Whether `place` certainly finds room on one chip, found from bounds alone; False says nothing.

    A core is closed because it has its share of neurons, or because its synapses, axons and those of the next neuron
    exceed its memory. The second kind hold at least that memory less the most that one neuron takes, so that the sum
    of all synapses bounds how many there are.
    """
    chip = system.chip
    if chip.fan_in_axons_per_core is not None or chip.fan_out_axons_per_core is not None:
        return False
    cores = 0
    for demand in demands:
        found = _cores_at_most(demand, chip)
        if found is None:
            return False
        cores += found
    return cores <= system.cores_per_chip


def _cores_at_most(demand: Demand, chip: ChipLimits) -> int | None:
    """Cores that the partitioner takes for one group, at most; None where a neuron may be too large for any."""
    group, axon = demand.group, 8 * chip.axon_bytes
    bits, size = synapse_bits_of(group, chip), group.size
    most = neurons_that_fit(group, chip)
    if most < 1:
        return None
    share = -(-size // -(-size // most))  # neurons of a core: the partitioner takes no more, but for its slack
    room = 8 * synaptic_bytes_for(group, max(share, min(most, share + share // 50)), chip)
    largest = demand.most * (bits + axon)
    if largest > room:
        return None
    fit = most
    if chip.memory_bytes_per_core is not None:
        each = 4 * group.state_words + demand.synapses / size * bits / 8
        fit = max(1, min(fit, int(chip.memory_bytes_per_core / max(each, 1e-9))))
    full = -(-size // fit)
    # Two bounds of the cores closed by memory: every synapse with an axon of its own, or every sender on every core.
    bounds = []
    if room > largest:
        bounds.append(demand.synapses * (bits + axon) // (room - largest))
    left = (room - demand.senders * axon) // bits - demand.most
    if left > 0:
        bounds.append(demand.synapses // left)
    return full + min(bounds) + 1 if bounds else None


def check_size(program: engine.Program, system: System) -> None:
    """Raise if ``program`` is certainly too large for ``system``: sums over all cores, found without placing it.

    Raises:
        DoesNotFitError: more neurons, or more synaptic memory, than there is.
    """
    neurons = sum(population.n for population in program.populations.values())
    chip = system.chip
    bits = 0
    for connection in program.connections:
        fan_out = int(connection.synapses.fan_out().sum())
        bits += fan_out * (chip.weight_bits if connection.synapses.rows() is None else chip.sparse_synapse_bits)
    room = system.cores * chip.synaptic_bytes_per_core
    wanted = (("neurons", neurons, system.neurons), ("bytes of synaptic memory", bits // 8, room))
    misfits = [Misfit(f"the program ({neurons:,} neurons)", what, n, most) for what, n, most in wanted if n > most]
    if misfits:
        raise DoesNotFitError(system.title, misfits)


def place_program(
    program: engine.Program, system: System | str = "oheo-gulch", *, passes: int = 4
) -> tuple[engine.Placement, Placement]:
    """Place ``program`` on ``system``; returns the engine's placement and ours, with the utilisation.

    Raises:
        DoesNotFitError: with everything that does not fit.
    """
    system = load_system(system) if isinstance(system, str) else system
    check_size(program, system)
    placed = place(connectivity_of(program), system, passes=passes)
    # number cores so that core // cores_per_chip is the chip, as the engine reads it
    per_chip = placed.system.cores_per_chip
    within = np.zeros(placed.chip.size, np.int64)
    for chip in range(int(placed.chip.max()) + 1):
        members = np.flatnonzero(placed.chip == chip)
        within[members] = np.arange(members.size)
    numbers = (placed.chip * per_chip + within)[placed.core].astype(np.int32)
    ends = np.cumsum([population.n for population in program.populations.values()])
    parts = np.split(numbers, ends)[: len(ends)]  # after them come trees of adders
    cores = dict(zip(program.populations, parts, strict=True))
    return engine.Placement(cores, per_chip), placed


def place_on_smallest(program: engine.Program) -> tuple[engine.Placement, Placement]:
    """Place ``program`` on the smallest Loihi 2 system that holds it: one chip, a board of 8, or 1152 chips.

    Beyond one chip the cut is refined once only: a program of a million neurons is placed in seconds, and further
    passes moved less than a thousandth of its messages.

    Raises:
        DoesNotFitError: with everything that does not fit the largest.
    """
    for name in SYSTEMS[:-1]:
        try:
            return place_program(program, name, passes=4 if name == SYSTEMS[0] else 1)
        except DoesNotFitError:
            continue
    return place_program(program, SYSTEMS[-1], passes=1)
