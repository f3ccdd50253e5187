"""From a program to a Lava process graph. The chip and ``lava-sim`` get the same graph; `plan` says what is in it."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from substrates.loihi2.lava.loader import lava_module, load_lava, wide_convolutions
from substrates.loihi2.lava.plan import Node, Plan, Port, plan_of
from substrates.loihi2.neurons.base import LavaCall, LavaName
from substrates.loihi2.program import Program

__all__ = ["LavaGraph", "build", "make_graph"]


@dataclass(frozen=True, eq=False)
class LavaGraph:
    """The processes of one program, by the names the program gives them.

    Attributes:
        neurons: a Lava process per population and source.
        connections: a Lava process per connection (None for a direct one), in the program's order.
        variables: state variables of each population that are Vars of its process.
        nodes: every process, by its name in the plan.
        models: CPU model by process class, where Lava would not find one.
    """

    neurons: dict[str, Any]
    connections: list[Any]
    variables: dict[str, tuple[str, ...]]
    nodes: dict[str, Any]
    models: dict[type, type]


def build(program: Program, steps: int, *, raw_weights: Mapping[str, Any] | None = None) -> LavaGraph:
    """Build the process graph of ``program``; arguments as for `plan_of`.

    Raises:
        TargetUnavailableError: Lava cannot be used here.
        InputError: the program has a neuron or connection without a Lava process.
    """
    return make_graph(plan_of(program, steps, raw_weights))


def make_graph(plan: Plan) -> LavaGraph:
    """Make and connect the processes of ``plan``.

    Raises:
        TargetUnavailableError: Lava cannot be used here.
    """
    load_lava()
    nodes = {key: _process(node) for key, node in plan.nodes.items()}
    for link in plan.links:
        _port(nodes, link.out).connect(_port(nodes, link.into))
    for write in plan.writes:
        nodes[write.node].connect_var(getattr(nodes[write.process], write.variable))
    return LavaGraph(
        {key: nodes[key] for key, node in plan.nodes.items() if node.kind in ("source", "neurons")},
        [None if key is None else nodes[key] for key in plan.connections],
        dict(plan.variables),
        nodes,
        {type(nodes[key]): _named(node.model) for key, node in plan.nodes.items() if node.model is not None},
    )


def _process(node: Node) -> Any:
    """The process of a node: the public one that it names, or one made from its neuron."""
    if node.process is None:
        process_of = lava_module("substrates.loihi2.lava.processes").process_of
        process = process_of(type(node.neuron))(shape=(node.n,), neuron=node.neuron)
    else:
        if node.process == LavaName("lava.proc.conv.process", "Conv"):
            wide_convolutions()
        arguments = {key: _value(value) for key, value in node.arguments.items()}
        process = _named(node.process)(**arguments)
    for variable, values in node.initial.items():
        getattr(process, variable).init = np.asarray(values, np.int32)
    return process


def _value(value: Any) -> Any:
    """An argument: what it names, what its call makes, or itself."""
    if isinstance(value, LavaCall):
        return _named(value.name)(**value.arguments)
    return _named(value) if isinstance(value, LavaName) else value


def _named(name: LavaName) -> Any:
    return operator.attrgetter(name.name)(lava_module(name.module))


def _port(nodes: Mapping[str, Any], port: Port) -> Any:
    found = getattr(nodes[port.node], port.name)
    return found if port.shape is None else found.reshape(port.shape)
