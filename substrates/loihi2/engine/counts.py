"""The one counter: exact event counts of a program, from how often each neuron sent a message.

Every count that a message causes is the same each time its neuron sends: so many synapses, memory words, deliveries,
hops. So whoever runs a program (the engine, a batched or event-driven accelerator, Lava, the chip) only has to say how
often each neuron sent, and for how many steps it ran; the rest is one product per connection.

Who is counted where: messages, deliveries and hops by the outlet that sends; synaptic operations and memory reads by
the input port that receives, on the core that stores the synapse; neuron updates on the neuron's core. An update is
active when the neuron sends on a port that is no report. Events of sources are written by the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from hw_profiles.later import Later
from hw_profiles.ledger import Component, Event, Ledger, Phase, Uncounted
from substrates.loihi2.program import Connection, Placement, Population, Program, port_name
from substrates.loihi2.synapses import Direct, Synapses

__all__ = ["Activity", "check_placement", "count"]

WORD_BITS = 64  #: width of a synaptic memory word (Loihi 1; Loihi 2's is not public)
TILE_CORES, TILE_COLUMNS = 4, 8  #: four cores share a router; routers form rows of eight
DELIVERIES = (
    Event.MESSAGES_WITHIN_CORE,
    Event.MESSAGES_BETWEEN_CORES,
    Event.MESSAGES_BETWEEN_CHIPS,
    Event.HOPS_EAST_WEST,
    Event.HOPS_NORTH_SOUTH,
)
OUTSIDE = -1  #: "core" of a source
Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]


@njit(cache=True, error_model="numpy")
def _deliveries(
    rows: Any, targets: Any, own: Any, cores: Any, seen: Any, per_chip: int, sent: Any, result: Any
) -> None:
    """Add, for every source, ``sent`` times its distinct target cores of each kind to ``result`` (5,)."""
    for s in range(own.shape[0]):
        if sent[s] == 0:
            continue
        here = own[s]
        for e in range(rows[s], rows[s + 1]):
            core = cores[targets[e]]
            if seen[core] == s:
                continue
            seen[core] = s
            if here == OUTSIDE:
                result[1] += sent[s]
            elif core == here:
                result[0] += sent[s]
            elif core // per_chip != here // per_chip:
                result[2] += sent[s]
            else:
                result[1] += sent[s]
                a, b = (here % per_chip) // TILE_CORES, (core % per_chip) // TILE_CORES
                result[3] += sent[s] * abs(a % TILE_COLUMNS - b % TILE_COLUMNS)
                result[4] += sent[s] * abs(a // TILE_COLUMNS - b // TILE_COLUMNS)


@njit(cache=True, error_model="numpy")
def _reads_per_core(
    rows: Any, targets: Any, cores: Any, sent: Any, bits: int, held: Any, operations: Any, words: Any
) -> None:
    """Synaptic operations and memory words on every core; a message reads whole words of each core it goes to.

    ``held`` (cores,) is scratch of zeros.
    """
    for s in range(sent.shape[0]):
        if sent[s] == 0:
            continue
        for e in range(rows[s], rows[s + 1]):
            held[cores[targets[e]]] += 1
        for e in range(rows[s], rows[s + 1]):
            core = cores[targets[e]]
            if held[core] > 0:
                operations[core] += sent[s] * held[core]
                words[core] += sent[s] * ((held[core] * bits + WORD_BITS - 1) // WORD_BITS)
                held[core] = 0


def check_placement(program: Program, placement: Placement) -> None:
    """Check that every population has a core for each of its neurons.

    Raises:
        InputError: names the population that has not.
    """
    for name in program.populations:
        cores = placement.cores.get(name)
        if cores is None or np.shape(cores) != (program.size(name),) or np.min(cores) < 0:
            raise InputError(f"the placement needs one core number (zero or more) per neuron of {name!r}")


def count(
    program: Program,
    placement: Placement | None,
    sent: Mapping[str, Int64],
    steps: int,
    *,
    reads: Mapping[str, int] | None = None,
    phase: Phase = Phase.NONE,
    changed: Mapping[int, Int64] | None = None,
    first: int = 1,
) -> Ledger:
    """The ledger of ``steps`` steps of ``program``.

    Args:
        program: what ran; its synapses' patterns are read, not their weights.
        placement: cores of the neurons; without it nothing is told apart by core, and no deliveries are counted.
        sent: per outlet (see `Program.outlets`) how many messages each neuron sent, (n,); one that is absent is silent.
        steps: time steps of the machine, all samples or reads together.
        reads: values that the host read, by population.
        phase: what all this was done for.
        changed: of learning connections, by ``id``: for how many synapses of each target neuron the rule
            was worked out.
        first: number of the first of these steps; resets fall due by it.
    """
    ledger = Ledger()
    silent = np.zeros(0, np.int64)
    ledger.add(Event.STEPS, steps, component=Component.MACHINE, phase=phase)
    for population in program.populations.values():
        _count_population(ledger, population, placement, sent, steps, phase)
    for name in program.sources:
        events = int(sent.get(name, silent).sum())
        ledger.add(Event.MESSAGES, events, component=Component.SOURCES, layer=name, phase=phase)
        ledger.add(Event.HOST_WRITES, events, component=Component.HOST, layer=name, phase=phase)
    for connection in program.connections:
        messages = sent.get(connection.outlet, silent)
        if messages.any() and not isinstance(connection.synapses, Direct):
            _count_connection(ledger, connection, placement, np.ascontiguousarray(messages, np.int64), phase)
        if changed and id(connection) in changed:
            _count_learning(ledger, connection, placement, changed[id(connection)], phase)
    for reset in program.resets:
        last, before = first + steps - 2 - reset.offset, first - 2 - reset.offset
        times = last // reset.interval - before // reset.interval
        written = times * program.populations[reset.population].n
        ledger.add(Event.HOST_WRITES, written, component=Component.HOST, layer=reset.population, phase=phase)
    for name, values in (reads or {}).items():
        ledger.add(Event.HOST_READS, values, component=Component.HOST, layer=name, phase=phase)
    return ledger


@dataclass(frozen=True, eq=False)
class Activity:
    """What `count` needs, kept until somebody asks for the counts: they are linear in it, so runs can be added up.

    Args:
        program, placement: made when the counts are.
        sent, steps, reads, phase: as for `count`; the arrays are kept and must not change.
    """

    program: Later[Program]
    placement: Later[Placement | None]
    sent: Mapping[str, Int64]
    steps: int
    reads: Mapping[str, int]
    phase: Phase = Phase.NONE

    def count(self) -> Ledger:
        """The counts."""
        return count(
            self.program.value, self.placement.value, self.sent, self.steps, reads=self.reads, phase=self.phase
        )

    def joined(self, other: Uncounted) -> Activity | None:
        """Both as one, where they ran the same program at the same place for the same purpose."""
        if (
            not isinstance(other, Activity)
            or other.program is not self.program
            or other.placement is not self.placement
            or other.phase is not self.phase
            or other.sent.keys() != self.sent.keys()
        ):
            return None
        reads = {name: self.reads.get(name, 0) + other.reads.get(name, 0) for name in {**self.reads, **other.reads}}
        sent = {outlet: messages + other.sent[outlet] for outlet, messages in self.sent.items()}
        return replace(self, sent=sent, steps=self.steps + other.steps, reads=reads)


def _count_population(
    ledger: Ledger,
    population: Population,
    placement: Placement | None,
    sent: Mapping[str, Int64],
    steps: int,
    phase: Phase,
) -> None:
    name, neuron = population.name, population.neuron
    component = Component.BUILT_IN_NEURONS if neuron.built_in else Component.NEURONS
    active = np.zeros(population.n, np.int64)
    for port in neuron.outputs:
        outlet = port_name(name, port, neuron.outputs)
        if outlet in sent:
            messages = int(sent[outlet].sum())
            ledger.add(Event.MESSAGES, messages, component=component, layer=outlet, phase=phase)
            if port not in neuron.reports:
                np.maximum(active, sent[outlet], out=active)  # sending on two ports at once is one update
    for core, (fired, stepped) in _by_core(active, steps, placement, name).items():
        where: dict[str, Any] = {"component": component, "layer": name, "core": core, "phase": phase}
        ledger.add(Event.NEURON_UPDATES_ACTIVE, fired, **where)
        ledger.add(Event.NEURON_UPDATES_INACTIVE, stepped - fired, **where)


def _by_core(active: Int64, steps: int, placement: Placement | None, name: str) -> dict[int, tuple[int, int]]:
    if placement is None:
        return {-1: (int(active.sum()), active.size * steps)}
    used, at = np.unique(placement.cores[name], return_inverse=True)
    fired = np.zeros(used.size, np.int64)
    np.add.at(fired, at, active)
    sizes = np.bincount(at)
    return {int(core): (int(f), int(s) * steps) for core, f, s in zip(used, fired, sizes, strict=True)}


def _count_connection(
    ledger: Ledger, connection: Connection, placement: Placement | None, sent: Int64, phase: Phase
) -> None:
    synapses = connection.synapses
    stored: dict[str, Any] = {"component": Component.SYNAPSES, "layer": connection.inlet, "phase": phase}
    if placement is None:
        fan_out = synapses.fan_out()
        words = -(-fan_out * synapses.bits_per_synapse // WORD_BITS)
        ledger.add(Event.SYNAPTIC_OPERATIONS, int(sent @ fan_out), **stored)
        ledger.add(Event.SYNAPTIC_MEMORY_READS, int(sent @ words), **stored)
        return
    cores = np.ascontiguousarray(placement.cores[connection.target], np.int32)
    size = int(cores.max()) + 1
    operations, words = _per_core(synapses, cores, sent, size)
    for core in np.flatnonzero(operations):
        ledger.add(Event.SYNAPTIC_OPERATIONS, int(operations[core]), core=int(core), **stored)
        ledger.add(Event.SYNAPTIC_MEMORY_READS, int(words[core]), core=int(core), **stored)
    own = placement.cores.get(connection.source)
    if own is None:
        own = np.full(sent.size, OUTSIDE, np.int32)
    rows, targets, target_cores = _axons(synapses, cores)
    result = np.zeros(len(DELIVERIES), np.int64)
    seen = np.full(size, -1, np.int64)
    _deliveries(
        rows, targets, np.ascontiguousarray(own, np.int32), target_cores, seen, placement.cores_per_chip, sent, result
    )
    component = Component.SOURCES if connection.source not in placement.cores else Component.NEURONS
    for event, number in zip(DELIVERIES, result, strict=True):
        ledger.add(event, int(number), component=component, layer=connection.outlet, phase=phase)


def _count_learning(
    ledger: Ledger, connection: Connection, placement: Placement | None, changed: Int64, phase: Phase
) -> None:
    where: dict[str, Any] = {"component": Component.SYNAPSES, "layer": connection.inlet, "phase": phase}
    if placement is None:
        ledger.add(Event.SYNAPTIC_UPDATES, int(changed.sum()), **where)
        return
    by_core = np.bincount(placement.cores[connection.target], changed).astype(np.int64)
    for core in np.flatnonzero(by_core):
        ledger.add(Event.SYNAPTIC_UPDATES, int(by_core[core]), core=int(core), **where)


def _axons(synapses: Synapses, cores: Int32) -> tuple[Int64, Int32, Int32]:
    """(row pointers, targets, core of each target); all-to-all synapses have one target per distinct core."""
    rows = synapses.rows()
    if rows is not None:
        return rows[0], rows[1], cores
    distinct = np.unique(cores).astype(np.int32)
    sources = synapses.shape[1]
    pointers = np.arange(sources + 1, dtype=np.int64) * distinct.size
    return pointers, np.tile(np.arange(distinct.size, dtype=np.int32), sources), distinct


def _per_core(synapses: Synapses, cores: Int32, sent: Int64, size: int) -> tuple[Int64, Int64]:
    """(operations, memory words) on each core of the target population."""
    bits = synapses.bits_per_synapse
    rows = synapses.rows()
    if rows is None:
        held = np.bincount(cores, minlength=size).astype(np.int64)
        total = int(sent.sum())
        return held * total, -(-held * bits // WORD_BITS) * total
    operations, words = np.zeros(size, np.int64), np.zeros(size, np.int64)
    _reads_per_core(rows[0], rows[1], cores, sent, bits, np.zeros(size, np.int64), operations, words)
    return operations, words
