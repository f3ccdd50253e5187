"""Where a network on the chip meets Python: the adapters that hardware needs, and the sign of what comes back.

A Python process cannot be connected with a core. Between them stand processes of Intel's extension
(``lava.proc.embedded_io.spike``), which public programs for boards use so:

    source.s_out -> PyToNxAdapter.inp,  PyToNxAdapter.out -> synapses.s_in         (a convolution: PyToN3ConvAdapter)
    neurons.s_out -> NxToPyAdapter.inp, NxToPyAdapter.out -> sink.a_in

``num_message_bits`` is 24 for graded messages and 0 for spikes. What comes back is 24 bits without their sign. Ports
and arguments are as those programs have them; nothing here was run on a chip by us.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from substrates.loihi2.lava.plan import Link, Node, Plan, Port
from substrates.loihi2.neurons.base import LavaName
from substrates.loihi2.widths import MESSAGE_BITS

__all__ = ["ADAPTERS", "adapter_for", "extend_sign", "with_adapters"]

ADAPTERS = "lava.proc.embedded_io.spike"  #: the module of Intel's extension that has the adapters


def adapter_for(plan: Plan, link: Link) -> Node | None:
    """The adapter that ``link`` needs on hardware; None inside the chip."""
    sender, receiver = plan.nodes[link.out.node], plan.nodes[link.into.node]
    if sender.kind == "source" and receiver.kind in ("synapses", "neurons"):
        conv = receiver.process == LavaName("lava.proc.conv.process", "Conv")
        graded = receiver.kind == "neurons" or receiver.arguments["num_message_bits"] > 0
        shape = link.out.shape if conv and link.out.shape else (sender.n,)
        return _adapter("PyToN3ConvAdapter" if conv else "PyToNxAdapter", shape, graded)
    if sender.kind == "neurons" and receiver.kind == "sink":
        return _adapter("NxToPyAdapter", (sender.n,), sender.neuron is not None and sender.neuron.graded)
    return None


def with_adapters(plan: Plan) -> Plan:
    """``plan`` with an adapter on every link between Python and the chip."""
    nodes, links = dict(plan.nodes), []
    for link in plan.links:
        adapter = adapter_for(plan, link)
        if adapter is None:
            links.append(link)
            continue
        key = f"{link.out.node}.{link.out.name} -> {link.into.node}.{link.into.name} (adapter)"
        nodes[key] = adapter
        links += [Link(link.out, Port(key, "inp")), Link(Port(key, "out"), link.into)]
    return Plan(nodes, links, plan.connections, plan.variables)


def extend_sign(values: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """24-bit messages as they come back, with their sign.

    >>> extend_sign(np.array([16777215, 5, -1]))
    array([-1,  5, -1], dtype=int32)
    """
    whole = np.rint(np.asarray(values)).astype(np.int64) & (2**MESSAGE_BITS - 1)
    return ((whole << (64 - MESSAGE_BITS)) >> (64 - MESSAGE_BITS)).astype(np.int32)


def _adapter(name: str, shape: tuple[int, ...], graded: bool) -> Node:
    arguments = {"shape": shape, "num_message_bits": MESSAGE_BITS if graded else 0}
    return Node("adapter", LavaName(ADAPTERS, name), arguments)
