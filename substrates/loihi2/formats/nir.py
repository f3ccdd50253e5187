"""NIR graphs on the chip's integers: `from_nir`.

    network = from_nir("graph.nir", dt=1e-4)
    run = Engine(network.program(spikes)).run(100, [Probe(network.output.name)])

The format is continuous in time; the step is the user's. What is exact, rounded and refused is in README.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hw_profiles.errors import InputError
from substrates.loihi2.formats.network import ImportedNetwork
from substrates.loihi2.formats.nir_graph import NirGraph, read_graph
from substrates.loihi2.formats.nir_populations import float_network
from substrates.loihi2.formats.nir_quantise import quantise

__all__ = ["from_nir"]


def from_nir(
    source: Any,
    *,
    dt: float | None = None,
    connections: int = 1,
    graded_input: bool | None = None,
    stepwise_loops: bool = False,
    scales: Mapping[str, float] | None = None,
) -> ImportedNetwork:
    """Read a NIR graph and bring it into the chip's integers.

    Args:
        source: an HDF5 file, or a ``nir.NIRGraph``.
        dt: seconds of a step. The format does not say it: snnTorch and lava-dl's scripts write for 1e-4, Norse for
            1e-3, Sinabs counts steps (1). Files of `to_nir` say it.
        connections: per link: 1 (eight bits a weight) or 2 (fourteen).
        graded_input: the values of the input count; else each is a spike.
        stepwise_loops: let each connection of a loop through several layers take a step.
        scales: units of input per volt, by population; chosen when None (those of a file of `to_nir` are kept).

    Raises:
        InputError: no NIR graph, damaged, or with what is not here (all is named at once, with the nearest that is).
    """
    graph = read_graph(source)
    step = _number(graph, "dt") if dt is None else dt
    if step is None:
        raise InputError(
            f"{graph.name} does not say the length of a step; give dt in seconds (--dt): 1e-4 for graphs of snnTorch "
            "and lava-dl, 1e-3 for Norse, 1 for Sinabs"
        )
    if isinstance(step, bool) or not isinstance(step, (int, float)) or not 0 < step < np.inf:
        raise InputError(f"dt is a number of seconds above 0, got {step!r}")
    network = float_network(graph, float(step), stepwise_loops=stepwise_loops)
    graded = bool(_number(graph, "graded_input")) if graded_input is None else graded_input
    return quantise(network, connections=connections, graded_input=graded, scales=_scales(graph, scales))


def _number(graph: NirGraph, key: str) -> float | None:
    """A number that `to_nir` left in the graph's metadata."""
    value = np.asarray(graph.metadata.get(key, ""))
    return float(value) if value.ndim == 0 and value.dtype.kind in "biuf" else None


def _scales(graph: NirGraph, given: Mapping[str, float] | None) -> Mapping[str, float] | None:
    if given is not None:
        return given
    kept = graph.metadata.get("scales")
    if not isinstance(kept, Mapping):
        return None
    found = {}
    for name, node in graph.nodes.items():
        value = np.asarray(kept.get(name.replace("/", "|"), ""))
        if node.kind not in ("Input", "Output") and value.ndim == 0 and value.dtype.kind in "iuf" and value > 0:
            found[name] = float(value)
    return found
