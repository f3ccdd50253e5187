"""Lay a program out in flat arrays, the only thing the compiled kernel sees.

Each population and each connection is one row of an integer table; the column numbers are the constants below. Memory
is linear in neurons plus stored synapses: about 40 bytes per LIF neuron, 1 per dense and 6 per sparse synapse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.neurons.base import MAX_PARAMETERS
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Conv, Dense, Direct, Sparse, Synapses

__all__ = ["Layout", "lay_out"]

# Columns of the population table
P_CODE, P_START, P_SIZE, P_STATE, P_VARIABLES, P_TABLE, P_TABLE_END, P_EVENTS, P_EVENT_STEPS, P_REPEAT = range(10)
# Columns of the connection table
C_KIND, C_SOURCE, C_TARGET, C_GRADED, C_EXPONENT, C_SLOTS, C_RING, C_SCRATCH = range(8)
C_WEIGHTS, C_ROWS, C_SCALE, C_ZERO, C_GEOMETRY, C_DELAYS = range(8, 14)
C_COLUMNS = 14
# Kinds of connection
DENSE, SPARSE, CONV, DIRECT = range(4)
SOURCE = 0  #: the "neuron code" of a source


@dataclass(frozen=True, eq=False)
class Layout:
    """The arrays of one program; ``names[i]`` is row i of ``populations``."""

    names: tuple[str, ...]
    populations: npt.NDArray[np.int64]
    parameters: npt.NDArray[np.int64]
    bias: npt.NDArray[np.int32]
    state: npt.NDArray[np.int32]  #: initial state
    tables: npt.NDArray[np.int32]
    connections: npt.NDArray[np.int64]
    dense: npt.NDArray[np.int8]
    rows: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    sparse: npt.NDArray[np.int16]
    delays: npt.NDArray[np.int8]
    conv: npt.NDArray[np.int16]
    geometry: npt.NDArray[np.int64]
    ring_size: int
    scratch_size: int
    event_starts: npt.NDArray[np.int64]
    event_indices: npt.NDArray[np.int32]
    event_values: npt.NDArray[np.int32]


class _Pool:
    """Arrays of one type, put end to end."""

    def __init__(self, dtype: Any) -> None:
        self.dtype, self.parts, self.size = dtype, list[npt.NDArray[Any]](), 0

    def put(self, values: npt.NDArray[Any]) -> int:
        start = self.size
        self.parts.append(np.ravel(values))
        self.size += values.size
        return start

    def array(self) -> npt.NDArray[Any]:
        if len(self.parts) == 1:  # no copy: this is the big one
            return np.ascontiguousarray(self.parts[0], dtype=self.dtype)
        return np.concatenate([np.zeros(0, self.dtype), *self.parts]).astype(self.dtype, copy=False)


class _Connections:
    """Collects connections of every kind; one method per kind fills the columns that are its own."""

    def __init__(self) -> None:
        self.dense, self.rows, self.indices = _Pool(np.int8), _Pool(np.int64), _Pool(np.int32)
        self.sparse, self.delays = _Pool(np.int16), _Pool(np.int8)
        self.conv, self.geometry = _Pool(np.int16), _Pool(np.int64)
        self.ring = self.scratch = 0
        self.table: list[npt.NDArray[np.int64]] = []

    def add(self, synapses: Synapses, source: int, target: int) -> None:
        row = np.zeros(C_COLUMNS, np.int64)
        n = synapses.shape[0]
        slots = synapses.max_delay + 1
        row[[C_SOURCE, C_TARGET, C_GRADED, C_EXPONENT]] = source, target, synapses.graded, synapses.exponent
        row[[C_SLOTS, C_RING, C_SCRATCH]] = slots, self.ring, -1
        fill = {Dense: self._dense, Sparse: self._sparse, Conv: self._conv, Direct: self._direct}.get(type(synapses))
        if fill is None:
            raise InputError(
                f"the engine has no kernel for {type(synapses).__name__}; it has Dense, Sparse, Conv, Direct"
            )
        fill(synapses, row)
        if row[C_KIND] != DIRECT:
            self.ring += n * slots
        if synapses.max_delay and synapses.exponent < 0:  # each step's partial sum is rounded by itself
            row[C_SCRATCH] = self.scratch
            self.scratch += n * slots
        self.table.append(row)

    def _dense(self, synapses: Any, row: npt.NDArray[np.int64]) -> None:
        if synapses.max_delay:  # walked like sparse ones, zeros included
            targets, sources = synapses.shape
            row[C_KIND] = SPARSE
            self._rows(
                row,
                np.arange(sources + 1, dtype=np.int64) * targets,
                np.tile(np.arange(targets, dtype=np.int32), sources),
                synapses.weights.T.astype(np.int16),
                np.ascontiguousarray(synapses.delays.T),
            )
            return
        values, row[C_SCALE], row[C_ZERO] = synapses.packed()
        row[C_KIND], row[C_WEIGHTS] = DENSE, self.dense.put(values)

    def _sparse(self, synapses: Any, row: npt.NDArray[np.int64]) -> None:
        row[C_KIND] = SPARSE
        self._rows(row, synapses.indptr, synapses.indices, synapses.values, synapses.delays)

    def _rows(self, row: npt.NDArray[np.int64], indptr: Any, indices: Any, values: Any, delays: Any) -> None:
        base = self.indices.put(indices)
        self.sparse.put(values)
        row[C_ROWS] = self.rows.put(indptr + base)
        if delays is not None:
            row[C_DELAYS] = self.delays.put(delays) - base  # the k-th index has delay number k + row[C_DELAYS]

    def _conv(self, synapses: Any, row: npt.NDArray[np.int64]) -> None:
        values, geometry = synapses.packed()
        row[C_KIND], row[C_WEIGHTS] = CONV, self.conv.put(values)
        row[C_GEOMETRY] = self.geometry.put(np.array(geometry, np.int64))

    @staticmethod
    def _direct(synapses: Any, row: npt.NDArray[np.int64]) -> None:
        row[C_KIND] = DIRECT


def lay_out(program: Program) -> Layout:
    """Return the arrays of ``program``."""
    names = program.names
    table = np.zeros((len(names), P_REPEAT + 1), np.int64)
    parameters = np.zeros((len(names), MAX_PARAMETERS), np.int64)
    bias, state, tables = _Pool(np.int32), _Pool(np.int32), _Pool(np.int32)
    starts, who, what = _Pool(np.int64), _Pool(np.int32), _Pool(np.int32)
    start = 0
    for i, name in enumerate(names):
        n = program.size(name)
        table[i, [P_START, P_SIZE]] = start, n
        start += n
        if name in program.sources:
            source = program.sources[name]
            first = who.put(source.indices)
            what.put(source.values)
            table[i, P_EVENTS] = starts.put(source.starts + first)
            table[i, [P_EVENT_STEPS, P_REPEAT]] = len(source.starts) - 1, source.repeat
            bias.put(np.zeros(n, np.int32))
            continue
        population = program.populations[name]
        neuron = population.neuron
        rest = neuron.rest(n)
        for key, values in population.initial.items():
            rest[key][:] = values
        table[i, [P_CODE, P_VARIABLES]] = neuron.code, len(neuron.variables)
        table[i, P_STATE] = state.put(rest.values)
        table[i, P_TABLE] = tables.put(neuron.table())
        table[i, P_TABLE_END] = tables.size
        packed = neuron.parameters()
        parameters[i, : len(packed)] = packed
        bias.put(neuron.bias_values(n))
    lines = _Connections()
    for connection in program.connections:
        lines.add(connection.synapses, names.index(connection.source), names.index(connection.target))
    connections = np.array(lines.table, np.int64).reshape(-1, C_COLUMNS)
    return Layout(
        names, table, parameters, bias.array(), state.array(), tables.array(), connections,
        lines.dense.array(), lines.rows.array(), lines.indices.array(), lines.sparse.array(), lines.delays.array(),
        lines.conv.array(), lines.geometry.array(), lines.ring, lines.scratch,
        starts.array(), who.array(), what.array(),
    )  # fmt: skip
