"""A program's Lava graph as plain values: which processes, with which arguments, and which port leads to which.

| program                                 | Lava process                                       |
|-----------------------------------------|----------------------------------------------------|
| a neuron that names one (`Neuron.lava`) | Lava's own                                         |
| any other neuron                        | made from it (`processes.generated`)               |
| Dense, Sparse (with delays)             | Lava's Dense, Sparse, DelayDense, DelaySparse      |
| Conv, Direct                            | Lava's Conv; a port connected to a port            |
| LearningDense, LearningSparse           | Lava's own, with its learning rule                 |
| a reset                                 | Lava's Reset                                       |
| Source                                  | Lava's RingBuffer                                  |

`builder` makes the processes of a plan, `script` writes them down: one description, so the two cannot drift apart.
Nothing here needs Lava.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.lava.names import input_name, output_name
from substrates.loihi2.learning.rule import LearningRule
from substrates.loihi2.learning.synapses import LearningDense, LearningSparse, LearningSynapses
from substrates.loihi2.neurons.base import LavaCall, LavaName, Neuron
from substrates.loihi2.program import Program, Source, port_name
from substrates.loihi2.synapses import Conv, Dense, Direct, Sparse, Synapses
from substrates.loihi2.widths import MESSAGE_BITS

__all__ = [
    "Link",
    "Node",
    "Plan",
    "Port",
    "Write",
    "add_sinks",
    "components",
    "outlets",
    "plan_of",
    "public_variables",
    "sink_key",
]


@dataclass(frozen=True)
class Port:
    """A port of a node, flattened or brought into ``shape`` where the other end has another one."""

    node: str
    name: str
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class Node:
    """One process.

    Attributes:
        kind: source, neurons, synapses, sink or adapter.
        process: the public process; None where it is made from ``neuron``.
        arguments: of its constructor; a `LavaName` stands for what it names.
        neuron: the neuron whose own step runs, with the number of neurons in ``n``.
        initial: state variables that do not start as the process starts them.
        repeats: a source whose events begin again.
        model: the CPU model, where Lava's run configurations do not find it by its tag.
    """

    kind: str
    process: LavaName | None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    neuron: Neuron | None = None
    n: int = 0
    initial: Mapping[str, npt.NDArray[np.int32]] = field(default_factory=dict)
    repeats: bool = False
    model: LavaName | None = None


@dataclass(frozen=True)
class Link:
    """One connection between ports."""

    out: Port
    into: Port


@dataclass(frozen=True)
class Write:
    """A node that sets a Var of another."""

    node: str
    process: str
    variable: str


@dataclass(frozen=True, eq=False)
class Plan:
    """Nodes by name, links in order.

    Attributes:
        connections: per connection of the program the name of its node; None for a direct one.
        variables: state variables of each population that are Vars of its process.
        writes: which node sets which Var.
    """

    nodes: dict[str, Node]
    links: list[Link]
    connections: list[str | None]
    variables: dict[str, tuple[str, ...]]
    writes: list[Write] = field(default_factory=list)


def plan_of(program: Program, steps: int, raw_weights: Mapping[str, Any] | None = None) -> Plan:
    """The graph of ``program``.

    Args:
        program: any program of the engine.
        steps: how long it will run: sources that do not repeat fall silent within it.
        raw_weights: per connection, weights as the user gave them, for Lava to clip and truncate by itself.

    Raises:
        InputError: the program has synapses without a Lava process.
    """
    raw = raw_weights or {}
    plan = Plan({}, [], [], {})
    for name, source in program.sources.items():
        process, data = LavaName("lava.proc.io.source", "RingBuffer"), {"data": _raster(source, steps)}
        plan.nodes[name] = Node("source", process, data, n=source.n, repeats=source.repeat)
    for name, population in program.populations.items():
        public = population.neuron.lava(population.n)
        initial = {variable: np.asarray(values, np.int32) for variable, values in population.initial.items()}
        if public is None:
            node = Node("neurons", None, {}, population.neuron, population.n, initial)
        else:
            node = Node(
                "neurons", public.process, public.arguments, population.neuron, population.n, initial,
                model=public.model,
            )  # fmt: skip
        plan.nodes[name] = node
        plan.variables[name] = public_variables(population.neuron)
    for number, connection in enumerate(program.connections):
        make = _SYNAPSES.get(type(connection.synapses))
        if make is None:
            raise InputError(f"{type(connection.synapses).__name__} synapses have no Lava process")
        key = f"{number} {connection.name}"
        into = Port(
            connection.target, input_name(program.populations[connection.target].neuron, connection.target_port)
        )
        leaving = "s_out"
        if connection.source in program.populations:
            leaving = output_name(program.populations[connection.source].neuron, connection.source_port)
        out = Port(connection.source, leaving)
        synapses = make(connection.synapses, raw.get(connection.name))
        plan.connections.append(None if synapses is None else key)
        if synapses is None:
            plan.links.append(Link(out, into))
            continue
        plan.nodes[key] = synapses
        shapes: tuple[Any, Any] = (None, None)
        if isinstance(connection.synapses, Conv):
            shapes = connection.synapses.input_shape, (connection.synapses.shape[0],)
        plan.links.append(Link(Port(out.node, out.name, shapes[0]), Port(key, "s_in")))
        plan.links.append(Link(Port(key, "a_out", shapes[1]), into))
        for port, outlet in connection.hears.items():
            sender, leaving = _sender(program, outlet)
            plan.links.append(
                Link(Port(sender, leaving), Port(key, "s_in_bap" if port == "spikes" else f"s_in_{port}"))
            )
    for number, reset in enumerate(program.resets):
        arguments = {"reset_value": reset.value, "interval": reset.interval, "offset": reset.offset}
        name = f"reset {number} of {reset.population}"
        plan.nodes[name] = Node("reset", LavaName("lava.proc.io.reset", "Reset"), arguments)
        plan.writes.append(Write(name, reset.population, reset.variable))
    return plan


def _sender(program: Program, outlet: str) -> tuple[str, str]:
    """(process, Lava's name of the port) of an outlet."""
    if outlet in program.sources:
        return outlet, "s_out"
    return next((name, port) for known, name, port in outlets(program) if known == outlet)


def public_variables(neuron: Neuron) -> tuple[str, ...]:
    """State variables that can be read from the neuron's process."""
    return tuple(variable for variable in neuron.variables if variable not in neuron.lava_hides)


def outlets(program: Program) -> Iterator[tuple[str, str, str]]:
    """(outlet, population, Lava's name of the port) of every output port."""
    for name, population in program.populations.items():
        for port in population.neuron.outputs:
            outlet = port_name(name, port, population.neuron.outputs)
            yield outlet, name, output_name(population.neuron, port)


def sink_key(outlet: str) -> str:
    """The node that records ``outlet``; no population can be called so."""
    return f"{outlet} -> record"


def add_sinks(plan: Plan, program: Program, steps: int, kept: Container[str] | None = None) -> None:
    """A buffer of ``steps`` steps behind every output port, or behind those that are ``kept``."""
    for outlet, name, port in outlets(program):
        if kept is not None and outlet not in kept:
            continue
        n = program.populations[name].n
        arguments = {"shape": (n,), "buffer": steps}
        plan.nodes[sink_key(outlet)] = Node("sink", LavaName("lava.proc.io.sink", "RingBuffer"), arguments, n=n)
        plan.links.append(Link(Port(name, port), Port(sink_key(outlet), "a_in")))


def components(program: Program) -> list[list[str]]:
    """Names that are connected with each other; Lava runs one such part at a time."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names = list(program.names)
    number = {name: i for i, name in enumerate(names)}
    ends = [(number[c.source], number[c.target]) for c in program.connections]
    heard = [(number[_sender(program, o)[0]], number[c.target]) for c in program.connections for o in c.hears.values()]
    ends += heard
    rows, columns = np.array(ends, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(rows.size), (rows, columns)), shape=(len(names), len(names)))
    _, label = connected_components(graph, directed=False)
    return [[name for name in names if label[number[name]] == k] for k in range(int(label.max(initial=-1)) + 1)]


def _raster(source: Source, steps: int) -> npt.NDArray[np.int32]:
    """(n, steps) of the source, with silence at the end unless it repeats."""
    length = source.starts.size - 1
    raster = np.zeros((source.n, length if source.repeat else max(steps, length)), np.int32)
    times = np.repeat(np.arange(length), np.diff(source.starts))
    raster[source.indices, times] = source.values
    return raster


def _format(synapses: Dense | Sparse | LearningSynapses) -> dict[str, Any]:
    """The number format, as Lava's Dense and Sparse take it."""
    return {
        "weight_exp": synapses.exponent,
        "num_weight_bits": synapses.format.bits,
        "sign_mode": LavaName("lava.utils.weightutils", f"SignMode.{synapses.sign_mode.name}"),
        "num_message_bits": MESSAGE_BITS if synapses.graded else 0,
    }


def _dense(synapses: Dense, raw: Any) -> Node:
    weights = np.asarray(synapses.weights if raw is None else raw, np.int64)
    module = "lava.proc.dense.process"
    if synapses.delays is None:
        return Node("synapses", LavaName(module, "Dense"), {"weights": weights, **_format(synapses)})
    arguments = {"weights": weights, "delays": synapses.delays.astype(np.int64), **_format(synapses)}
    return Node("synapses", LavaName(module, "DelayDense"), arguments)


def _sparse(synapses: Sparse, raw: Any) -> Node:
    from scipy.sparse import csc_matrix, csr_matrix

    module = "lava.proc.sparse.process"
    pattern = (synapses.indices, synapses.indptr)
    stored = csc_matrix((synapses.values.astype(np.int64), *pattern), shape=synapses.shape).tocsr()
    if synapses.delays is None:
        weights = stored if raw is None else csr_matrix(raw, dtype=np.int64)
        return Node("synapses", LavaName(module, "Sparse"), {"weights": weights, **_format(synapses)})
    delays = csc_matrix((synapses.delays.astype(np.int64), *pattern), shape=synapses.shape).tocsr()
    arguments = {"weights": stored, "delays": delays, "max_delay": synapses.max_delay, **_format(synapses)}
    return Node("synapses", LavaName(module, "DelaySparse"), arguments)


def _conv(synapses: Conv, raw: Any) -> Node:
    arguments = {
        "weight": synapses.weights.astype(np.int64), "input_shape": synapses.input_shape, "padding": synapses.padding,
        "stride": synapses.stride, "dilation": synapses.dilation, "groups": synapses.groups,
        "num_message_bits": MESSAGE_BITS if synapses.graded else 0,
    }  # fmt: skip
    return Node("synapses", LavaName("lava.proc.conv.process", "Conv"), arguments)


def _rule(rule: LearningRule) -> LavaCall:
    """Lava's object for a rule; x1's impulse is taken away there, as here, where spikes bring their own value."""
    arguments: dict[str, Any] = {
        "dw": rule.dw or None, "dd": rule.dd or None, "dt": rule.dt or None, "t_epoch": rule.epoch,
        "rng_seed": rule.seed,
    }  # fmt: skip
    for name in ("x1", "x2") if rule.third_factor else ("x1", "x2", "y1", "y2", "y3"):
        arguments |= {f"{name}_{what}": float(getattr(rule, f"{name}_{what}")) for what in ("impulse", "tau")}
    kind = "Loihi3FLearningRule" if rule.third_factor else "Loihi2FLearningRule"
    return LavaCall(LavaName("lava.magma.core.learning.learning_rule", kind), arguments)


def _learning(synapses: LearningSynapses, raw: Any) -> Node:
    from scipy.sparse import csc_matrix

    matrices: list[Any] = list(synapses.matrix(synapses.values.astype(np.int32)).astype(np.int64))
    module, kind = "lava.proc.dense.process", "LearningDense"
    if synapses.targets is not None:
        module, kind = "lava.proc.sparse.process", "LearningSparse"
        pattern = (synapses.targets, synapses.pointers)
        matrices = [csc_matrix((v.astype(np.int64), *pattern), shape=synapses.shape).tocsr() for v in synapses.values]
    if raw is not None:
        matrices[0] = np.asarray(raw, np.int64) if synapses.targets is None else type(matrices[0])(raw, dtype=np.int64)
    use = LavaName("lava.magma.core.learning.constants", f"GradedSpikeCfg.{_SPIKE_USE[synapses.spikes]}")
    arguments = {
        "weights": matrices[0], "tag_2": matrices[1], "tag_1": matrices[2], "learning_rule": _rule(synapses.rule),
        "graded_spike_cfg": use, **_format(synapses),
    }  # fmt: skip
    return Node("synapses", LavaName(module, kind), arguments)


_SPIKE_USE = ("USE_REGULAR_IMPULSE", "OVERWRITE", "ADD_WITH_SATURATION", "ADD_WITHOUT_SATURATION")


def _direct(synapses: Direct, raw: Any) -> None:
    return None


_SYNAPSES: dict[type[Synapses], Callable[[Any, Any], Node | None]] = {
    Dense: _dense,
    Sparse: _sparse,
    Conv: _conv,
    Direct: _direct,
    LearningDense: _learning,
    LearningSparse: _learning,
}
