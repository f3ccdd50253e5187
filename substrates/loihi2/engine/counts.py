"""Exact event counts of a run, from how often each neuron sent a message.

Every count that a message causes is the same each time its neuron sends: so many synapses, memory words, deliveries,
hops. The kernel therefore only counts messages per neuron; the rest is one product per connection, afterwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from hw_profiles.ledger import Component, Event, Ledger
from substrates.loihi2.program import Connection, Placement, Program
from substrates.loihi2.synapses import Dense, Direct, Sparse

__all__ = ["check_placement", "count_events"]

WORD_BITS = 64  #: width of a synaptic memory word (Loihi 1; Loihi 2's is not public)
TILE_CORES, TILE_COLUMNS = 4, 8  #: four cores share a router; routers form rows of eight
DELIVERIES = (
    Event.MESSAGES_WITHIN_CORE,
    Event.MESSAGES_BETWEEN_CORES,
    Event.MESSAGES_BETWEEN_CHIPS,
    Event.HOPS_EAST_WEST,
    Event.HOPS_NORTH_SOUTH,
)
Int64 = npt.NDArray[np.int64]


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
            if core == here:
                result[0] += sent[s]
            elif core // per_chip != here // per_chip:
                result[2] += sent[s]
            else:
                result[1] += sent[s]
                a, b = (here % per_chip) // TILE_CORES, (core % per_chip) // TILE_CORES
                result[3] += sent[s] * abs(a % TILE_COLUMNS - b % TILE_COLUMNS)
                result[4] += sent[s] * abs(a // TILE_COLUMNS - b // TILE_COLUMNS)


@njit(cache=True, error_model="numpy")
def _conv_rows(g: Any, rows: Any, targets: Any) -> None:
    """Fill ``targets`` with the synapses' targets per source, at ``rows``; ``g`` is `Conv.packed`'s geometry."""
    per_out = g[5] // g[14]
    for source in range(rows.shape[0] - 1):
        e = rows[source]
        c, y, x = source % g[2], (source // g[2]) % g[1], source // (g[2] * g[1])
        for i in range(g[6]):
            px = x + g[10] - i * g[12]
            for j in range(g[7]):
                py = y + g[11] - j * g[13]
                if px < 0 or py < 0 or px % g[8] or py % g[9] or px // g[8] >= g[3] or py // g[9] >= g[4]:
                    continue
                start = ((px // g[8]) * g[4] + py // g[9]) * g[5] + (c // (g[2] // g[14])) * per_out
                for o in range(per_out):
                    targets[e] = start + o
                    e += 1


def _rows_of(synapses: Any, cores: npt.NDArray[np.int32]) -> tuple[Int64, Any, npt.NDArray[np.int32]]:
    """(row pointers, targets, core of each target); a dense connection is one target per distinct core."""
    sources = synapses.shape[1]
    if isinstance(synapses, Sparse):
        return synapses.indptr, synapses.indices, cores
    if isinstance(synapses, Dense):
        distinct = np.unique(cores).astype(np.int32)
        rows = np.arange(sources + 1, dtype=np.int64) * distinct.size
        return rows, np.tile(np.arange(distinct.size, dtype=np.int32), sources), distinct
    rows = np.concatenate([[0], np.cumsum(synapses.fan_out())]).astype(np.int64)
    targets = np.empty(int(rows[-1]), np.int32)
    _conv_rows(np.array(synapses.packed()[1], np.int64), rows, targets)
    return rows, targets, cores


def check_placement(program: Program, placement: Placement) -> None:
    """Check that every population has a core for each of its neurons.

    Raises:
        InputError: names the population that has not.
    """
    for name in program.populations:
        cores = placement.cores.get(name)
        if cores is None or np.shape(cores) != (program.size(name),) or np.min(cores) < 0:
            raise InputError(f"the placement needs one core number (zero or more) per neuron of {name!r}")


def _synapses_per_core(synapses: Any, sent: Int64, cores: npt.NDArray[np.int32]) -> Int64:
    """Synaptic operations on each core of the target population."""
    size = int(cores.max()) + 1
    if isinstance(synapses, Dense):
        return np.bincount(cores, minlength=size).astype(np.int64) * int(sent.sum())
    if isinstance(synapses, Sparse):
        rows, targets = synapses.indptr, synapses.indices
    else:
        rows, targets, cores = _rows_of(synapses, cores)
    result = np.zeros(size, np.int64)
    _add_per_core(rows, targets, cores, sent, result)
    return result


@njit(cache=True, error_model="numpy")
def _add_per_core(rows: Any, targets: Any, cores: Any, sent: Any, result: Any) -> None:
    for s in range(sent.shape[0]):
        if sent[s] != 0:
            for e in range(rows[s], rows[s + 1]):
                result[cores[targets[e]]] += sent[s]


def count_events(program: Program, placement: Placement | None, sent: dict[str, Int64], steps: int) -> Ledger:
    """The ledger of ``steps`` steps in which neuron i of population ``name`` sent ``sent[name][i]`` messages."""
    ledger = Ledger()
    ledger.add(Event.STEPS, steps, component=Component.MACHINE)
    for name, population in program.populations.items():
        active = sent[name]
        component = Component.BUILT_IN_NEURONS if population.neuron.built_in else Component.NEURONS
        ledger.add(Event.MESSAGES, int(active.sum()), component=component, layer=name)
        per_core = _by_core(active, steps, placement, name)
        for core, (fired, stepped) in per_core.items():
            where: dict[str, Any] = {"component": component, "layer": name, "core": core}
            ledger.add(Event.NEURON_UPDATES_ACTIVE, fired, **where)
            ledger.add(Event.NEURON_UPDATES_INACTIVE, stepped - fired, **where)
    for name in program.sources:
        ledger.add(Event.MESSAGES, int(sent[name].sum()), component=Component.SOURCES, layer=name)
    for connection in program.connections:
        if not isinstance(connection.synapses, Direct):
            _count_connection(ledger, connection, placement, sent[connection.source])
    return ledger


def _by_core(active: Int64, steps: int, placement: Placement | None, name: str) -> dict[int, tuple[int, int]]:
    if placement is None:
        return {-1: (int(active.sum()), active.size * steps)}
    used, at = np.unique(placement.cores[name], return_inverse=True)
    fired = np.zeros(used.size, np.int64)
    np.add.at(fired, at, active)
    sizes = np.bincount(at)
    return {int(core): (int(f), int(s) * steps) for core, f, s in zip(used, fired, sizes, strict=True)}


def _count_connection(ledger: Ledger, connection: Connection, placement: Placement | None, sent: Int64) -> None:
    synapses = connection.synapses
    where: dict[str, Any] = {"component": Component.SYNAPSES, "layer": connection.name}
    fan_out = synapses.fan_out()
    words = -(-fan_out * synapses.bits_per_synapse // WORD_BITS)
    ledger.add(Event.SYNAPTIC_MEMORY_READS, int(sent @ words), **where)
    if placement is None:
        ledger.add(Event.SYNAPTIC_OPERATIONS, int(sent @ fan_out), **where)
        return
    cores = np.ascontiguousarray(placement.cores[connection.target], np.int32)
    for core, operations in enumerate(_synapses_per_core(synapses, sent, cores)):
        ledger.add(Event.SYNAPTIC_OPERATIONS, int(operations), core=core, **where)
    if connection.source not in placement.cores:  # a source is outside the chip
        return
    own = np.ascontiguousarray(placement.cores[connection.source], np.int32)
    rows, targets, target_cores = _rows_of(synapses, cores)
    result = np.zeros(len(DELIVERIES), np.int64)
    seen = np.full(int(cores.max()) + 1, -1, np.int64)
    _deliveries(rows, targets, own, target_cores, seen, placement.cores_per_chip, sent, result)
    for event, count in zip(DELIVERIES, result, strict=True):
        ledger.add(event, int(count), **where)
