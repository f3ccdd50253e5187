"""Lay a program out in flat arrays, the only thing the compiled kernel sees.

Each population, each outlet (a source, or an output port of a population) and each connection is one row of an integer
table; the column numbers are the constants below. Memory is linear in neurons plus stored synapses: about 40 bytes per
LIF neuron, 1 per dense and 6 per sparse synapse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.engine import learning_kernel as lk
from substrates.loihi2.learning.products import CONDITION_X, CONDITION_Y, MAX_FACTORS, P_CONDITION, P_FACTORS, P_TARGET
from substrates.loihi2.learning.synapses import LearningDense, LearningSparse, LearningSynapses
from substrates.loihi2.neurons.base import MAX_PARAMETERS
from substrates.loihi2.neurons.registry import step_address
from substrates.loihi2.program import Program, port_name
from substrates.loihi2.synapses import Conv, Dense, Direct, Sparse, Synapses
from substrates.loihi2.weights import SignMode
from substrates.loihi2.widths import STATE_MAX

__all__ = ["Cells", "Events", "Layout", "Stored", "Tables", "fed", "lay_out"]

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
DENSE, SPARSE, CONV, DIRECT, LEARNING = range(5)
#: Columns of the table of resets: where in the state, how many, when, and what to
R_START, R_SIZE, R_INTERVAL, R_OFFSET, R_VALUE = range(5)


class Tables(NamedTuple):
    """What there is, one row each."""

    populations: npt.NDArray[np.int64]
    outlets: npt.NDArray[np.int64]  #: sources first
    connections: npt.NDArray[np.int64]
    learning: npt.NDArray[np.int64]  #: learning connections, see `learning_kernel`
    resets: npt.NDArray[np.int64]


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
    learnt_targets: npt.NDArray[np.int32]
    products: npt.NDArray[np.int64]  #: of all learning rules
    kept: npt.NDArray[np.float64]  #: what a step leaves of each trace, per learning connection


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
    plastic: npt.NDArray[np.int32]  #: weights, delays and tags where learning begins
    traces: int
    history: int
    updates: int


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
        self.learnt_targets, self.plastic, self.kept = _Pool(np.int32), _Pool(np.int32), list[npt.NDArray[Any]]()
        self.products: list[npt.NDArray[np.int64]] = []
        self.learning: list[npt.NDArray[np.int64]] = []
        self.traces = self.history = self.updates = 0

    def add(self, synapses: Synapses, source: int, target: int) -> None:
        """Add the connection from outlet number ``source`` to the input slots that begin at ``target``."""
        row = np.zeros(C_COLUMNS, np.int64)
        n = synapses.shape[0]
        slots = synapses.max_delay + 1
        row[[C_SOURCE, C_TARGET, C_SIZE]] = source, target, n
        row[[C_GRADED, C_EXPONENT]] = synapses.graded, synapses.exponent
        row[[C_SLOTS, C_RING, C_SCRATCH]] = slots, self.ring, -1
        kinds = {
            Dense: self._dense, Sparse: self._sparse, Conv: self._conv, Direct: self._direct,
            LearningDense: self._learning, LearningSparse: self._learning,
        }  # fmt: skip
        fill = kinds.get(type(synapses))
        if fill is None:
            raise InputError(
                f"the engine has no kernel for {type(synapses).__name__}; it has {', '.join(k.__name__ for k in kinds)}"
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

    def _learning(self, synapses: Any, row: npt.NDArray[np.int64]) -> None:
        """The connection's row, and the first half of its row in the table of learning connections."""
        row[C_KIND], row[C_ROWS] = LEARNING, self.rows.put(synapses.pointers)
        row[C_WEIGHTS] = self.plastic.put(synapses.values)
        learning, (targets, sources), rule = np.zeros(lk.L_COLUMNS, np.int64), synapses.shape, synapses.rule
        products = rule.table()
        learning[[lk.L_CONNECTION, lk.L_SOURCES, lk.L_TARGETS]] = len(self.table), sources, targets
        learning[[lk.L_STORED, lk.L_DENSE]] = synapses.values.shape[1], synapses.targets is None
        learning[[lk.L_VALUES, lk.L_POINTERS]] = row[C_WEIGHTS], row[C_ROWS]
        learning[lk.L_TARGET_LIST] = 0 if synapses.targets is None else self.learnt_targets.put(synapses.targets)
        row[C_GEOMETRY] = learning[lk.L_TARGET_LIST]
        row[C_WIDE] = synapses.targets is None
        learning[[lk.L_TRACES, lk.L_HISTORY, lk.L_UPDATES]] = self.traces, self.history, self.updates
        self.traces += 3 * sources + 4 * targets
        self.history += (rule.epoch + 1) * (2 * sources + 3 * targets)
        self.updates += targets
        first = sum(len(part) for part in self.products)
        learning[[lk.L_PRODUCTS, lk.L_PRODUCTS_END]] = first, first + len(products)
        learning[[lk.L_EPOCH, lk.L_EVERY, lk.L_SPIKES]] = rule.epoch, rule.every, synapses.spikes
        learning[[lk.L_GRADED, lk.L_THIRD]] = synapses.graded, rule.third_factor
        learning[[lk.L_LOW, lk.L_HIGH]] = _WEIGHT_RANGE[synapses.sign_mode]
        conditions = products[:, P_CONDITION]
        learning[[lk.L_BY_X, lk.L_BY_Y]] = (conditions == CONDITION_X).any(), (conditions == CONDITION_Y).any()
        learning[lk.L_CHANGES + np.unique(products[:, P_TARGET])] = 1
        learning[lk.L_IMPULSES : lk.L_COLUMNS] = rule.impulses(regular=synapses.spikes == 0).ravel()
        self.products.append(products)
        self.kept.append(rule.kept())
        self.learning.append(learning)

    @staticmethod
    def _direct(synapses: Any, row: npt.NDArray[np.int64]) -> None:
        row[C_KIND] = DIRECT


#: smallest and largest weight that learning reaches
_WEIGHT_RANGE = {SignMode.MIXED: (-256, 255), SignMode.EXCITATORY: (0, 255), SignMode.INHIBITORY: (-255, 0)}


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
        if isinstance(connection.synapses, LearningSynapses):
            learning, heard = lines.learning[-1], connection.hears
            learning[[lk.L_SOURCE, lk.L_POST]] = outlets[connection.outlet], outlets[heard["spikes"]]
            learning[lk.L_Y : lk.L_Y + 3] = [outlets[heard[y]] if y in heard else -1 for y in ("y1", "y2", "y3")]
    connections = np.array(lines.table, np.int64).reshape(-1, C_COLUMNS)
    stored = Stored(
        lines.dense.array(), lines.rows.array(), lines.indices.array(), lines.sparse.array(), lines.delays.array(),
        lines.conv.array(), lines.geometry.array(), lines.learnt_targets.array(),
        np.concatenate([np.zeros((0, P_FACTORS + 3 * MAX_FACTORS), np.int64), *lines.products]),
        np.array(lines.kept, np.float64).reshape(-1, 5),
    )  # fmt: skip
    learning = np.array(lines.learning, np.int64).reshape(-1, lk.L_COLUMNS)
    return Layout(
        outlets, cells.names, Tables(cells.rows, table, connections, learning, _resets(program, cells)),
        Cells(cells.parameters, cells.bias.array(), cells.tables.array()), stored, events,
        cells.state.array(), messages, cells.inputs, lines.ring, lines.scratch, lines.plastic.array(), lines.traces,
        lines.history, lines.updates,
    )  # fmt: skip


def fed(layout: Layout, program: Program) -> Layout:
    """``layout`` with the sources and biases of ``program``; the rest of it must be the same."""
    outlets = layout.tables.outlets.copy()
    events, bias = _events(program, outlets), layout.cells.bias.copy()
    for name, population in program.populations.items():
        start = int(layout.tables.populations[layout.populations[name], P_BIAS])
        bias[start : start + population.n] = population.neuron.bias_values(population.n)
    return replace(
        layout, tables=layout.tables._replace(outlets=outlets), cells=layout.cells._replace(bias=bias), events=events
    )


def _resets(program: Program, cells: _Cells) -> npt.NDArray[np.int64]:
    rows = np.zeros((len(program.resets), R_VALUE + 1), np.int64)
    for row, reset in zip(rows, program.resets, strict=True):
        population = program.populations[reset.population]
        start = cells.rows[cells.names[reset.population], P_STATE]
        start += population.neuron.variables.index(reset.variable) * population.n
        row[:] = start, population.n, reset.interval, reset.offset, reset.value
    return rows


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
