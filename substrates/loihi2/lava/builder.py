"""From a program to a Lava process graph. The chip and ``lava-sim`` get the same graph.

| program                                 | Lava process                                       |
|-----------------------------------------|----------------------------------------------------|
| a neuron that names one (`Neuron.lava`) | Lava's own                                         |
| any other neuron                        | made from it (`processes.generated`)               |
| Dense, Sparse (with delays)             | Lava's Dense, Sparse, DelayDense, DelaySparse      |
| Conv, Direct                            | Lava's Conv; a port connected to a port            |
| Source                                  | Lava's RingBuffer                                  |
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hw_profiles.errors import InputError
from substrates.loihi2.lava.loader import lava_module, load_lava, wide_convolutions
from substrates.loihi2.neurons.base import LavaName, Neuron
from substrates.loihi2.program import Connection, Program, Source
from substrates.loihi2.synapses import Conv, Dense, Direct, Sparse, Synapses
from substrates.loihi2.widths import MESSAGE_BITS

__all__ = ["LavaGraph", "build"]


@dataclass(frozen=True, eq=False)
class LavaGraph:
    """The processes of one program, by the names the program gives them.

    Attributes:
        neurons: a Lava process per population and source.
        connections: a Lava process per connection (None for a direct one), in the program's order.
        variables: state variables of each population that are Vars of its process.
    """

    neurons: dict[str, Any]
    connections: list[Any]
    variables: dict[str, tuple[str, ...]]


def build(program: Program, steps: int, *, raw_weights: Mapping[str, Any] | None = None) -> LavaGraph:
    """Build the process graph of ``program``.

    Args:
        program: any program of the engine.
        steps: how long it will run: sources that do not repeat fall silent within it.
        raw_weights: per connection, weights as the user gave them, for Lava to clip and truncate by itself.

    Raises:
        TargetUnavailableError: Lava cannot be used here.
        InputError: the program has a neuron or connection without a Lava process.
    """
    load_lava()
    raw = raw_weights or {}
    neurons: dict[str, Any] = {name: _source(source, steps) for name, source in program.sources.items()}
    variables: dict[str, tuple[str, ...]] = {}
    for name, population in program.populations.items():
        process = _neuron(population.neuron, population.n)
        for variable, values in population.initial.items():
            getattr(process, variable).init = np.asarray(values, np.int32)
        neurons[name] = process
        variables[name] = population.neuron.variables
    connections = []
    for connection in program.connections:
        link = _LINKS.get(type(connection.synapses))
        if link is None:
            raise InputError(f"{type(connection.synapses).__name__} synapses have no Lava process")
        out, into = _ends(program, connection, neurons)
        connections.append(link(out, into, connection.synapses, raw.get(connection.name)))
    return LavaGraph(neurons, connections, variables)


def _neuron(neuron: Neuron, n: int) -> Any:
    """The process of a population: the public one that the neuron names, or one made from it."""
    public = neuron.lava(n)
    if public is None:
        process_of = lava_module("substrates.loihi2.lava.processes").process_of
        return process_of(type(neuron))(shape=(n,), neuron=neuron)
    arguments = {
        key: _named(value) if isinstance(value, LavaName) else value for key, value in public.arguments.items()
    }
    return _named(public.process)(**arguments)


def _named(name: LavaName) -> Any:
    return operator.attrgetter(name.name)(lava_module(name.module))


def _ends(program: Program, connection: Connection, neurons: Mapping[str, Any]) -> tuple[Any, Any]:
    """Lava's ports at both ends of a connection."""
    names = lava_module("substrates.loihi2.lava.engine_neuron")
    source, target = neurons[connection.source], neurons[connection.target]
    into = names.input_name(program.populations[connection.target].neuron, connection.target_port)
    if connection.source in program.sources:
        return source.s_out, getattr(target, into)
    out = names.output_name(program.populations[connection.source].neuron, connection.source_port)
    return getattr(source, out), getattr(target, into)


def _source(source: Source, steps: int) -> Any:
    """A ring buffer of the source's raster, with silence at the end unless it repeats."""
    length = source.starts.size - 1
    raster = np.zeros((source.n, length if source.repeat else max(steps, length)), np.int32)
    times = np.repeat(np.arange(length), np.diff(source.starts))
    raster[source.indices, times] = source.values
    return lava_module("lava.proc.io.source").RingBuffer(data=raster)


def _format(synapses: Dense | Sparse) -> dict[str, Any]:
    """The number format, as Lava's Dense and Sparse take it."""
    sign_mode = lava_module("lava.utils.weightutils").SignMode(int(synapses.sign_mode))
    return {
        "weight_exp": synapses.exponent,
        "num_weight_bits": synapses.format.bits,
        "sign_mode": sign_mode,
        "num_message_bits": MESSAGE_BITS if synapses.graded else 0,
    }


def _dense(out: Any, into: Any, synapses: Dense, raw: Any) -> Any:
    dense = lava_module("lava.proc.dense.process")
    weights = np.asarray(synapses.weights if raw is None else raw, np.int64)
    if synapses.delays is None:
        process = dense.Dense(weights=weights, **_format(synapses))
    else:
        process = dense.DelayDense(weights=weights, delays=synapses.delays.astype(np.int64), **_format(synapses))
    out.connect(process.s_in)
    process.a_out.connect(into)
    return process


def _sparse(out: Any, into: Any, synapses: Sparse, raw: Any) -> Any:
    from scipy.sparse import csc_matrix, csr_matrix

    sparse = lava_module("lava.proc.sparse.process")
    pattern = (synapses.indices, synapses.indptr)
    stored = csc_matrix((synapses.values.astype(np.int64), *pattern), shape=synapses.shape).tocsr()
    weights = stored if raw is None else csr_matrix(raw, dtype=np.int64)
    if synapses.delays is None:
        process = sparse.Sparse(weights=weights, **_format(synapses))
    else:
        delays = csc_matrix((synapses.delays.astype(np.int64), *pattern), shape=synapses.shape).tocsr()
        process = sparse.DelaySparse(weights=stored, delays=delays, max_delay=synapses.max_delay, **_format(synapses))
    out.connect(process.s_in)
    process.a_out.connect(into)
    return process


def _conv(out: Any, into: Any, synapses: Conv, raw: Any) -> Any:
    wide_convolutions()
    process = lava_module("lava.proc.conv.process").Conv(
        weight=synapses.weights.astype(np.int64), input_shape=synapses.input_shape, padding=synapses.padding,
        stride=synapses.stride, dilation=synapses.dilation, groups=synapses.groups,
        num_message_bits=MESSAGE_BITS if synapses.graded else 0,
    )  # fmt: skip
    out.reshape(synapses.input_shape).connect(process.s_in)
    process.a_out.reshape((synapses.shape[0],)).connect(into)
    return process


def _direct(out: Any, into: Any, synapses: Direct, raw: Any) -> None:
    out.connect(into)


_LINKS: dict[type[Synapses], Callable[[Any, Any, Any, Any], Any]] = {
    Dense: _dense,
    Sparse: _sparse,
    Conv: _conv,
    Direct: _direct,
}
