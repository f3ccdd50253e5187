"""From a NIR graph to populations and links at a time step: neurons, the maps between them, ways of equal length.

Each neuron node is a population. The linear nodes between two of them are one link: their product. Every connection of
the engine takes a step, in NIR it takes none; so the shorter of two ways to one neuron is delayed, and all that a layer
sends is late by its depth. A neuron's loop onto itself through weights takes one step in the tools, as here. A longer
loop would take one step per connection here and one in all there: refused, unless asked for.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from math import prod

import networkx as nx
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array

from hw_profiles.errors import InputError
from hw_profiles.texts import shown
from substrates.loihi2.formats.nir_float import SOURCE, FloatLayer, FloatLink, FloatNetwork
from substrates.loihi2.formats.nir_graph import LINEAR, NEURONS, NirGraph, NirNode
from substrates.loihi2.formats.nir_maps import LinearMap, identity, through
from substrates.loihi2.widths import DELAY_MAX

__all__ = ["float_network", "loop_timing"]

Float = npt.NDArray[np.float64]
MOST_WAYS = 10_000  #: between the neurons of one graph
SUMMED = "sum"  #: kind of the read-out that stands for weights without neurons behind them


def float_network(graph: NirGraph, dt: float, *, stepwise_loops: bool = False) -> FloatNetwork:
    """The populations and links of ``graph`` at a step of ``dt`` seconds.

    Raises:
        InputError: shapes do not fit, or something has no counterpart; all such nodes of one kind are named together.
    """
    inputs, outputs = graph.of_kind("Input"), graph.of_kind("Output")
    if len(inputs) != 1 or len(outputs) != 1:
        raise InputError(f"{graph.name} has {len(inputs)} Input and {len(outputs)} Output nodes; expected one of each")
    walk = _Walk(graph, inputs[0], outputs[0])
    maps = walk.maps()
    last = walk.last
    names = [SOURCE, *walk.shapes]
    order, depths, lags = _timing(graph.name, names, [(a, b) for a, b, _ in maps], last, stepwise_loops)
    offsets = walk.offsets()
    layers: list[FloatLayer] = []
    gains: dict[str, Float] = {}
    for name in order:
        layer, gain = _layer(walk.node(name), name, walk.shapes[name], offsets[name], dt)
        layers.append(replace(layer, depth=depths[name]))
        gains[name] = gain
    _only_the_last_reads_out(graph.name, layers, maps)
    links = [_link(a, b, m, gains[b], lags[a, b], dt) for a, b, m in maps if b in gains]
    return FloatNetwork(graph.name, dt, walk.input_shape, tuple(layers), tuple(links))


class _Walk:
    """Shapes and maps between the neurons of a graph."""

    def __init__(self, graph: NirGraph, start: NirNode, end: NirNode) -> None:
        self.graph, self.start, self.end = graph, start, end
        shape = start.shape()
        if shape is None:
            raise InputError(f"{graph.name}: the Input {shown(start.name)!r} says no shape")
        self.input_shape = shape
        self.successors: dict[str, list[str]] = defaultdict(list)
        for a, b in graph.edges:
            self.successors[a].append(b)
        self.shapes: dict[str, tuple[int, ...]] = {}  #: of the neurons found so far
        self.last = end.name
        self._maps: list[tuple[str, str, LinearMap]] = []
        self._explore()
        if self.last != end.name and end.name in self.shapes:
            raise InputError(
                f"the Output gets messages of {shown(self.last)!r} and weighted sums; expected one of them"
            )
        lost = [name for name, node in graph.nodes.items() if node.kind in NEURONS and name not in self.shapes]
        if lost or not self.shapes:
            raise InputError(f"{graph.name}: no way leads from the input to {', '.join(map(shown, lost)) or 'neurons'}")

    def node(self, name: str) -> NirNode:
        """The node of a population; of a read-out that stands for weights, the Output."""
        return self.graph.nodes[name]

    def maps(self) -> list[tuple[str, str, LinearMap]]:
        """(source, target, map): one per way between two populations, the input being the first."""
        return self._maps

    def _explore(self) -> None:
        waiting = [(SOURCE, self.start.name, self.input_shape)]
        while waiting:
            name, node, shape = waiting.pop()
            for target, found in self._ways(node, identity(shape), ()):
                if target == self.end.name and self._ends_at(name, found):
                    continue
                if target not in self.shapes:
                    self.shapes[target] = found.shape
                    waiting.append((target, target, found.shape))
                known = self.shapes[target]
                if prod(known) != prod(found.shape):
                    raise InputError(
                        f"node {shown(target)!r} gets {known} from one side and {found.shape} from another"
                    )
                self._maps.append((name, target, found))
                if len(self._maps) > MOST_WAYS:
                    raise InputError(f"{self.graph.name} has more than {MOST_WAYS:,} ways between its neurons")

    def _ends_at(self, name: str, found: LinearMap) -> bool:
        """Whether this way to the Output comes straight from neurons, whose messages are the output."""
        if not found.plain or found.delay.any() or name == SOURCE:
            return False
        if self.last not in (self.end.name, name):
            raise InputError(
                f"the Output gets messages of {shown(self.last)!r} and {shown(name)!r}; expected one of them"
            )
        self.last = name
        return True

    def _ways(self, node: str, so_far: LinearMap, path: tuple[str, ...]) -> list[tuple[str, LinearMap]]:
        """Every way from ``node`` through linear nodes to the next neuron or the Output."""
        found = []
        for following in self.successors[node]:
            there = self.graph.nodes[following]
            if there.kind in NEURONS or following == self.end.name:
                found.append((following, so_far))
            elif there.kind in LINEAR:
                if following in path:
                    raise InputError(f"a loop of linear nodes without a neuron: {' -> '.join(map(shown, path))}")
                found += self._ways(following, through(so_far, there), (*path, following))
            else:
                raise InputError(f"an edge leads into the {there.kind} {shown(following)!r}")
        return found

    def offsets(self) -> dict[str, Float]:
        """What the biases of linear nodes add to each population's input: each once, however many ways lead to it."""
        totals = {name: np.zeros(prod(shape)) for name, shape in self.shapes.items()}
        for node in self.graph.nodes.values():
            if node.kind not in ("Affine", "Conv1d", "Conv2d") or not node.array("bias", 0.0).any():
                continue
            alone = through(identity(self._shape_before(node.name)), node)
            only = replace(identity(alone.shape), offset=alone.offset)
            for target, found in self._ways(node.name, only, (node.name,)):
                totals[target] += found.offset
        return totals

    def _shape_before(self, name: str) -> tuple[int, ...]:
        """The shape of what enters a linear node."""
        seen = {name}
        waiting = [name]
        while waiting:
            for before in self.graph.into(waiting.pop()):
                shape = self.input_shape if before == self.start.name else self.shapes.get(before)
                if shape is not None:
                    return self._shape_along(before, shape, name)
                if before not in seen:
                    seen.add(before)
                    waiting.append(before)
        raise InputError(f"no way leads from the input to {shown(name)!r}")

    def _shape_along(self, start: str, shape: tuple[int, ...], end: str) -> tuple[int, ...]:
        """The shape of values from ``start`` when they enter ``end``, along any way of linear nodes."""
        waiting: list[tuple[str, LinearMap]] = [(start, identity(shape))]
        seen = set()
        while waiting:
            node, so_far = waiting.pop()
            for following in self.successors[node]:
                if following == end:
                    return so_far.shape
                if following not in seen and self.graph.nodes[following].kind in LINEAR:
                    seen.add(following)
                    waiting.append((following, through(so_far, self.graph.nodes[following])))
        raise InputError(f"no way leads from {shown(start)!r} to {shown(end)!r}")


def _timing(
    graph: str, names: list[str], edges: list[tuple[str, str]], last: str, stepwise: bool
) -> tuple[list[str], dict[str, int], dict[tuple[str, str], int]]:
    """Populations in order (the last is the output), their depths, and each link's lag beyond one step.

    Raises:
        InputError: a loop through several populations, unless ``stepwise``.
    """
    wiring = nx.DiGraph()
    wiring.add_nodes_from(names)
    wiring.add_edges_from(edges)
    reached = {SOURCE, *nx.descendants(wiring, SOURCE)}
    forward = nx.DiGraph()
    forward.add_nodes_from(sorted(reached))
    loops = [sorted(group) for group in nx.strongly_connected_components(wiring) if len(group) > 1]
    if loops and not stepwise:
        each = "; ".join(" and ".join(map(shown, group)) for group in loops)
        raise InputError(
            f"{graph} has loops through several layers ({each}): every connection takes a step on the chip, in the "
            "tools only the whole loop does. Give stepwise_loops=True to take them so, or train with a loop per layer"
        )
    rank = {name: k for k, name in enumerate(nx.bfs_tree(wiring, SOURCE))}
    inside = {name: k for k, group in enumerate(loops) for name in group}
    for a, b in edges:
        back = a == b or (inside.get(a, -1) == inside.get(b, -2) and rank[a] >= rank[b])
        if a in reached and not back:
            forward.add_edge(a, b)
    depths = dict.fromkeys(reached, 0)
    for name in nx.topological_sort(forward):
        for following in forward.successors(name):
            depths[following] = max(depths[following], depths[name] + 1)
    lags = {}
    for a, b in edges:
        if a in reached:
            lags[a, b] = depths[b] - depths[a] - 1 if forward.has_edge(a, b) else 0
    order = [name for name in sorted(reached, key=lambda k: (depths[k], rank[k])) if name not in (SOURCE, last)]
    return [*order, last], depths, lags


def loop_timing(names: list[str], edges: list[tuple[str, str]], last: str) -> dict[tuple[str, str], int]:
    """For edges between populations (the first of ``names`` is the input): how many steps each is ahead of the rest."""
    return _timing("the program", names, edges, last, True)[2]


def _layer(node: NirNode, name: str, shape: tuple[int, ...], offset: Float, dt: float) -> tuple[FloatLayer, Float]:
    """The population of a neuron node, and the gain (n,) of what arrives at it.

    Raises:
        InputError: time constants that differ between neurons, or numbers that make no neuron.
    """
    n = prod(shape)

    def spread(key: str, default: float | None = None) -> Float:
        values = node.array(key, default)
        try:
            full: Float = np.broadcast_to(values, shape).reshape(-1)
        except ValueError:
            if values.size not in (1, n):
                raise InputError(
                    f"node {shown(name)!r} ({node.kind}): {key} has shape {values.shape} for neurons of {shape}"
                ) from None
            full = np.broadcast_to(values.reshape(-1), n)
        return full

    def rate(key: str) -> float:
        tau = np.unique(spread(key))
        if tau.size != 1 and not np.ptp(tau) <= 1e-6 * tau[0]:
            raise InputError(
                f"node {shown(name)!r} ({node.kind}): {key} has {tau.size} different values, a population has one; "
                "make a node per value"
            )
        if not tau[0] > 0 or dt / tau[0] > 1 + 1e-9:
            raise InputError(
                f"node {shown(name)!r} ({node.kind}): {key} = {tau[0]:g} s with steps of {dt:g} s; it is at most tau. "
                "snnTorch and Lava write for 1e-4, Norse for 1e-3, Sinabs counts steps (dt = 1)"
            )
        return float(min(dt / tau[0], 1.0))

    reset, threshold = np.zeros(n), None
    if node.kind in ("LIF", "IF", "CubaLIF"):
        reset = spread("v_reset", 0.0)
        threshold = spread("v_threshold") - reset
    elif node.kind == "Threshold":
        threshold = spread("threshold")
    if threshold is not None and threshold.min() <= 0:
        raise InputError(f"node {shown(name)!r} ({node.kind}): a threshold that is not above the reset; expected above")
    keep_u, keep_v, gain = 0.0, 1.0, np.ones(n)
    bias_u, bias_v = np.zeros(n), offset
    if node.kind in ("LIF", "LI"):
        a = rate("tau")
        keep_v, gain = 1 - a, spread("r") * a
        bias_v = gain * offset + a * (spread("v_leak") - reset)
    elif node.kind in ("IF", "I"):
        gain = spread("r")
        bias_v = gain * offset
    elif node.kind in ("CubaLIF", "CubaLI"):
        a, b = rate("tau_mem"), rate("tau_syn")
        keep_u, keep_v, gain = 1 - b, 1 - a, spread("w_in", 1.0) * spread("r") * a * b
        bias_u, bias_v = gain * offset, a * (spread("v_leak") - reset)
    elif node.kind == "Threshold":
        keep_v = 0.0
    kind = SUMMED if node.kind == "Output" else node.kind
    return FloatLayer(name, kind, shape, keep_u, keep_v, threshold, bias_u, bias_v, -reset), gain


def _only_the_last_reads_out(graph: str, layers: list[FloatLayer], maps: list[tuple[str, str, LinearMap]]) -> None:
    senders = {a for a, b, _ in maps}
    silent = [layer for layer in layers if layer.threshold is None and layer.name in senders]
    if silent:
        each = ", ".join(f"{shown(layer.name)!r} ({layer.kind})" for layer in silent)
        raise InputError(f"{graph}: {each} never spikes and feeds other nodes; voltages do not travel (nearest: LIF)")


def _link(source: str, target: str, found: LinearMap, gain: Float, lag: int, dt: float) -> FloatLink:
    steps = np.rint(found.delay / dt).astype(np.int64)
    if steps.max() + max(lag, 0) > DELAY_MAX:
        raise InputError(
            f"from {shown(source)!r} to {shown(target)!r} {int(steps.max()) + lag} steps of delay; at most {DELAY_MAX}"
        )
    weights = csr_array(diags_array(gain) @ found.matrix)
    conv = found.conv if np.ptp(gain) == 0 and not steps.any() and lag == 0 else None
    return FloatLink(source, target, weights, steps, lag, conv, float(gain[0]))
