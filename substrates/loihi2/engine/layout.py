"""Lay a program out in flat arrays, the only thing the compiled kernel sees.

Each population, each outlet (a source, or an output port of a population) and each connection is one row of an integer
table; the column numbers are the constants below. Memory is linear in neurons plus stored synapses: about 40 bytes per
LIF neuron, 1 per dense and 6 per sparse synapse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.neurons.base import MAX_PARAMETERS
from substrates.loihi2.neurons.registry import step_address
from substrates.loihi2.program import Program, port_name
from substrates.loihi2.synapses import Conv, Dense, Direct, Sparse, Synapses
from substrates.loihi2.widths import STATE_MAX

__all__ = ["Cells", "Events", "Layout", "Stored", "Tables", "lay_out"]

# Columns of the population table
P_STEP, P_SIZE, P_STATE, P_VARIABLES, P_BIAS, P_TABLE, P_TABLE_END, P_IN, P_INPUTS, P_OUTLET, P_OUTPUTS, P_LARGEST = (
    range(12)
)
# Columns of the outlet table; a source has events, an output port has none
O_START, O_SIZE, O_REPORTS, O_EVENTS, O_EVENT_STEPS, O_REPEAT = range(6)
# Columns of the connection table
C_KIND, C_SOURCE, C_TARGET, C_SIZE, C_GRADED, C_EXPONENT, C_SLOTS, C_RING, C_SCRATCH = range(9)
C_WEIGHTS, C_ROWS, C_SCALE, C_ZERO, C_GEOMETRY, C_DELAYS, C_WIDE, C_POPULATION, C_SAFE = range(9, 18)
C_COLUMNS = 18
# Kinds of connection
DENSE, SPARSE, CONV, DIRECT = range(4)


class Tables(NamedTuple):
    """What there is, one row each."""

    populations: npt.NDArray[np.int64]
    outlets: npt.NDArray[np.int64]  #: sources first
    connections: npt.NDArray[np.int64]


class Cells(NamedTuple):
    """What neurons are made of."""

    parameters: npt.NDArray[np.int64]
    bias: npt.NDArray[np.int32]
    tables: npt.NDArray[np.int32]


class Stored(NamedTuple):
    """Synapses of every kind, end to end."""

    dense: npt.NDArray[np.int8]
    rows: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    sparse: npt.NDArray[np.int16]
    delays: npt.NDArray[np.int8]
    conv: npt.NDArray[np.int16]
    geometry: npt.NDArray[np.int64]


class Events(NamedTuple):
    """Events of the sources, end to end."""

    starts: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    values: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Layout:
    """The arrays of one program.

    Attributes:
        outlets: name of an outlet -> its row.
        populations: name of a population -> its row.
        state: initial state.
        messages, inputs: slots for the messages of all outlets, and for the inputs of all input ports.
    """

    outlets: Mapping[str, int]
    populations: Mapping[str, int]
    tables: Tables
    cells: Cells
    stored: Stored
    events: Events
    state: npt.NDArray[np.int32]
    messages: int
    inputs: int
    ring_size: int
    scratch_size: int


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
        """Add the connection from outlet number ``source`` to the input slots that begin at ``target``."""
        row = np.zeros(C_COLUMNS, np.int64)
        n = synapses.shape[0]
        slots = synapses.max_delay + 1
        row[[C_SOURCE, C_TARGET, C_SIZE]] = source, target, n
        row[[C_GRADED, C_EXPONENT]] = synapses.graded, synapses.exponent
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
        row[C_SAFE] = _safe_message(synapses)
        self.table.append(row)

    def _dense(self, synapses: Any, row: npt.NDArray[np.int64]) -> None:
        if synapses.max_delay:  # walked like sparse ones, zeros included
            targets, sources = synapses.shape
            row[C_KIND], row[C_WIDE] = SPARSE, 1  # Lava sums these in 64 bits before its shift, all others in 32
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


def _safe_message(synapses: Synapses) -> int:
    """The largest |message| with which no sum of ``synapses`` can leave its register, whoever sends.

    The register has 32 bits, that of a convolution 24. Binary messages are 1.
    """
    most = int(synapses.fan_in_weight()) << max(synapses.exponent, 0)
    return (STATE_MAX if isinstance(synapses, Conv) else 2**31 - 1) // max(most, 1)


def lay_out(program: Program) -> Layout:
    """Return the arrays of ``program``.

    Raises:
        InputError: a neuron whose step cannot be compiled, or synapses without a kernel.
    """
    outlets: dict[str, int] = {}
    table = np.zeros((len(program.outlets), O_REPEAT + 1), np.int64)
    messages = 0
    for name, n in program.outlets.items():
        row = outlets[name] = len(outlets)
        table[row, [O_START, O_SIZE]] = messages, n
        messages += n
    events = _events(program, table)
    lines, cells = _Connections(), _Cells(program)
    for i, (name, population) in enumerate(program.populations.items()):
        ports = [port_name(name, port, population.neuron.outputs) for port in population.neuron.outputs]
        cells.rows[i, [P_OUTLET, P_OUTPUTS]] = outlets[ports[0]], len(ports)
        for outlet, port in zip(ports, population.neuron.outputs, strict=True):
            table[outlets[outlet], O_REPORTS] = port in population.neuron.reports
    for connection in program.connections:
        population = program.populations[connection.target]
        number = population.neuron.inputs.index(connection.target_port)
        into = int(cells.rows[cells.names[connection.target], P_IN]) + number * population.n
        lines.add(connection.synapses, outlets[connection.outlet], into)
        lines.table[-1][C_POPULATION] = cells.names[connection.target]
    connections = np.array(lines.table, np.int64).reshape(-1, C_COLUMNS)
    stored = Stored(
        lines.dense.array(), lines.rows.array(), lines.indices.array(), lines.sparse.array(), lines.delays.array(),
        lines.conv.array(), lines.geometry.array(),
    )  # fmt: skip
    return Layout(
        outlets, cells.names, Tables(cells.rows, table, connections),
        Cells(cells.parameters, cells.bias.array(), cells.tables.array()), stored, events,
        cells.state.array(), messages, cells.inputs, lines.ring, lines.scratch,
    )  # fmt: skip


def _events(program: Program, table: npt.NDArray[np.int64]) -> Events:
    """The events of all sources; where each one's are goes into its row of ``table``."""
    starts, who, what = _Pool(np.int64), _Pool(np.int32), _Pool(np.int32)
    for row, source in zip(table, program.sources.values()):
        first = who.put(source.indices)
        what.put(source.values)
        row[O_EVENTS] = starts.put(source.starts + first)
        row[[O_EVENT_STEPS, O_REPEAT]] = len(source.starts) - 1, source.repeat
    return Events(starts.array(), who.array(), what.array())


class _Cells:
    """The rows and arrays of all populations."""

    def __init__(self, program: Program) -> None:
        self.names = {name: i for i, name in enumerate(program.populations)}
        self.rows = np.zeros((len(self.names), P_LARGEST + 1), np.int64)
        self.parameters = np.zeros((len(self.names), MAX_PARAMETERS), np.int64)
        self.bias, self.state, self.tables = _Pool(np.int32), _Pool(np.int32), _Pool(np.int32)
        self.inputs = 0
        for row, packed, population in zip(self.rows, self.parameters, program.populations.values()):
            neuron, n = population.neuron, population.n
            rest = neuron.rest(n)
            for key, values in population.initial.items():
                rest[key][:] = values
            row[[P_STEP, P_SIZE, P_VARIABLES]] = step_address(type(neuron)), n, len(neuron.variables)
            row[P_STATE], row[P_BIAS] = self.state.put(rest.values), self.bias.put(neuron.bias_values(n))
            row[P_TABLE] = self.tables.put(neuron.table())
            row[P_TABLE_END] = self.tables.size
            row[[P_IN, P_INPUTS, P_LARGEST]] = self.inputs, len(neuron.inputs), neuron.largest_input
            self.inputs += n * len(neuron.inputs)
            numbers = neuron.parameters()
            if len(numbers) > MAX_PARAMETERS:
                raise InputError(
                    f"the neuron {neuron.name!r} has {len(numbers)} parameters, at most {MAX_PARAMETERS} fit"
                )
            packed[: len(numbers)] = numbers
