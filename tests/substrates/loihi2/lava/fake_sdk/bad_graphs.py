"""Graphs that no board takes; the functions run in a worker, which imports them from here."""

from __future__ import annotations

import numpy as np

from substrates.loihi2.lava.border import with_adapters
from substrates.loihi2.lava.builder import make_graph
from substrates.loihi2.lava.loader import lava_module
from substrates.loihi2.lava.plan import add_sinks, plan_of
from substrates.loihi2.neurons import LIF
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Conv, Dense


def graded_as_spikes() -> Program:
    program = Program()
    program.source("in", [[0], [3], [0]])
    program.population("a", 1, LIF())
    program.connect("in", "a", Dense([[90]]))
    return program


def badly_connected(kind: str) -> None:
    """Runs in the worker: a graph that no board takes."""
    program = Program()
    if kind == "conv":
        program.source("image", np.ones((2, 9), int))
        program.population("a", 4, LIF())
        program.connect("image", "a", Conv(np.ones((1, 2, 2, 1), int), (3, 3, 1)))
    else:
        program = graded_as_spikes()
    plan = plan_of(program, 2)
    add_sinks(plan, program, 2)
    if kind != "python":
        plan = with_adapters(plan)
    nodes = dict(plan.nodes)
    for key, node in plan.nodes.items():
        if node.kind != "adapter":
            continue
        arguments, process = dict(node.arguments), node.process
        if kind == "bits":
            arguments["num_message_bits"] = 16
        if kind == "conv" and process is not None and process.name == "PyToN3ConvAdapter":
            process = type(process)(process.module, "PyToNxAdapter")
        nodes[key] = type(node)(node.kind, process, arguments)
    graph = make_graph(type(plan)(nodes, plan.links, plan.connections, plan.variables))
    condition = lava_module("lava.magma.core.run_conditions").RunSteps(num_steps=2)
    head = graph.neurons["a"]
    head.run(condition=condition, run_cfg=lava_module("lava.magma.core.run_configs").Loihi2HwCfg(select_tag="fixed_pt"))
    head.stop()
