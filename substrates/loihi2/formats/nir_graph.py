"""A NIR graph as it is in a file or an object, flat: nodes by name, edges, everything unknown named at once.

Files are read here rather than by the package ``nir``: it follows nested graphs only as far as its own type checks do,
and scalar parameters, non-square kernels and graphs of older versions fail them. Reading needs no further package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.reading import open_hdf5
from hw_profiles.texts import shown

__all__ = ["LINEAR", "NEURONS", "NirGraph", "NirNode", "read_graph"]

WHAT = "NIR graph"
FIX = "write it again with nir.write"
DEEPEST = 16  #: graphs within graphs

NEURONS = ("LIF", "IF", "CubaLIF", "LI", "I", "CubaLI", "Threshold")
LINEAR = ("Linear", "Affine", "Scale", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten", "Delay")
ENDS = ("Input", "Output", "NIRGraph")
#: nodes that NIR or its users have and that are not here -> what comes nearest
NEAREST = {
    "ALIF": "LIF without the adapting threshold",
    "Conv3d": "Conv2d per slice",
    "MaxPool2d": "SumPool2d",
    "Sequence": "NIRGraph with edges",
    "GRU": "CubaLIF with a recurrent Linear",
    "LSTM": "CubaLIF with a recurrent Linear",
    "RNN": "LIF with a recurrent Linear",
}


@dataclass(frozen=True, eq=False)
class NirNode:
    """One node: its type and its parameters by NIR's names."""

    name: str
    kind: str
    parameters: Mapping[str, Any]

    def array(self, key: str, default: float | None = None) -> npt.NDArray[np.float64]:
        """A parameter as floats.

        Raises:
            InputError: it is missing, no number, or not finite (a time constant may be infinite).
        """
        value = self.parameters.get(key, default)
        values = np.asarray(value if value is not None else [], dtype=object if value is None else None)
        if value is None or values.dtype.kind not in "biuf" or values.size == 0:
            raise InputError(f"node {shown(self.name)!r} ({self.kind}) has no numbers {key!r}; {FIX}")
        found: npt.NDArray[np.float64] = values.astype(np.float64)
        if np.isnan(found).any() or (np.isinf(found).any() and not key.startswith("tau")):
            raise InputError(f"node {shown(self.name)!r} ({self.kind}): {key} holds a value that is not finite")
        return found

    def text(self, key: str) -> str | None:
        """A parameter that is a text; None where it is something else."""
        value = self.parameters.get(key)
        value = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
        value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        return value if isinstance(value, str) else None

    def pair(self, key: str, default: int) -> tuple[int, int]:
        """One or two whole numbers, as (first, second axis)."""
        values = self.array(key, default).reshape(-1)
        if values.size not in (1, 2) or (values != np.floor(values)).any() or np.abs(values).max() > 2**20:
            raise InputError(
                f"node {shown(self.name)!r} ({self.kind}): {key} is {values.tolist()}, expected one or two"
            )
        return int(values[0]), int(values[-1])

    def shape(self) -> tuple[int, ...] | None:
        """The shape that an Input or Output says; None where it says none."""
        if self.parameters.get("shape") is None:
            return None
        sizes = self.array("shape").reshape(-1)
        if (sizes < 1).any() or (sizes != np.floor(sizes)).any() or float(np.prod(sizes)) > 2**31 - 1:
            raise InputError(f"node {shown(self.name)!r} ({self.kind}) has the shape {sizes.tolist()}")
        return tuple(int(k) for k in sizes)


@dataclass(frozen=True, eq=False)
class NirGraph:
    """Nodes by name, nested graphs unfolded (``outer/inner``), and edges between them."""

    name: str
    nodes: dict[str, NirNode]
    edges: list[tuple[str, str]]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[NirNode]:
        """The nodes of one type."""
        return [node for node in self.nodes.values() if node.kind == kind]

    def into(self, name: str) -> list[str]:
        """Where the edges into ``name`` come from."""
        return [a for a, b in self.edges if b == name]

    def out_of(self, name: str) -> list[str]:
        """Where the edges from ``name`` lead."""
        return [b for a, b in self.edges if a == name]


def read_graph(source: Any) -> NirGraph:
    """Read a NIR graph from a file, or take one of the package ``nir``.

    Raises:
        InputError: no NIR graph, damaged, with edges to nodes that are not there, or with nodes that are not here (all
            are named, each with the nearest that is).
    """
    if isinstance(source, (str, Path)):
        with open_hdf5(source, WHAT, FIX) as file:
            if "node" not in file or not hasattr(file["node"], "keys"):
                raise InputError(f"{source} has no group 'node'; it holds {shown(', '.join(file)) or 'nothing'}. {FIX}")
            raw: Any = _plain(file["node"], 0)
        name = Path(source).name
    elif hasattr(source, "to_dict") and hasattr(source, "nodes"):
        raw, name = source.to_dict(), "NIR graph"
    else:
        raise InputError(f"a NIR graph is a file or a nir.NIRGraph, got {type(source).__name__}")
    if not isinstance(raw, dict) or "nodes" not in raw:
        raise InputError(f"{name} holds no graph (a group with nodes and edges); {FIX}")
    nodes: dict[str, NirNode] = {}
    edges: list[tuple[str, str]] = []
    _unfold(raw, "", nodes, edges, 0)
    known = (*NEURONS, *LINEAR, *ENDS)
    unknown = [n for n in nodes.values() if n.kind not in (*known, "Joint")]
    if unknown:
        each = "; ".join(
            f"{shown(n.name)!r} is {shown(n.kind)!r} (nearest: {NEAREST.get(n.kind, 'none')})" for n in unknown
        )
        raise InputError(f"{name} needs what is not here: {each}. There are {', '.join(known)}")
    return NirGraph(name, nodes, _joined(nodes, edges), raw.get("metadata") or {})


def _plain(group: Any, depth: int) -> Any:
    """An HDF5 group as nested dictionaries."""
    if depth > 4 * DEEPEST:
        raise InputError(f"the graph is nested more than {DEEPEST} deep; {FIX}")
    return {key: _plain(item, depth + 1) if hasattr(item, "keys") else item[()] for key, item in group.items()}


def _text(value: Any) -> str:
    value = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _unfold(
    raw: Mapping[str, Any], prefix: str, nodes: dict[str, NirNode], edges: list[tuple[str, str]], depth: int
) -> None:
    """Add the nodes of a graph; a nested one keeps its Input and Output as joints, which `_joined` takes out."""
    if depth > DEEPEST:
        raise InputError(f"the graph is nested more than {DEEPEST} deep; {FIX}")
    inside = raw.get("nodes")
    if not isinstance(inside, Mapping):
        raise InputError(f"the graph {shown(prefix) or 'of the file'} has no nodes; {FIX}")
    nested: dict[str, tuple[str, str]] = {}
    for key, node in inside.items():
        name = prefix + _text(key)
        if not isinstance(node, Mapping) or "type" not in node:
            raise InputError(f"node {shown(name)!r} says no type; {FIX}")
        kind = _text(node["type"])
        if kind == "NIRGraph":
            _unfold(node, f"{name}/", nodes, edges, depth + 1)
            nested[_text(key)] = _joints(node, name)
            continue
        if kind in ("Input", "Output") and depth:
            kind = "Joint"
        nodes[name] = NirNode(name, kind, {k: v for k, v in node.items() if k not in ("type", "metadata")})
    pairs = np.asarray(raw.get("edges", []), dtype=object)
    if pairs.size and (pairs.ndim != 2 or pairs.shape[1] != 2):
        raise InputError(f"edges of shape {pairs.shape}; expected (edges, 2), the names of their ends. {FIX}")
    for edge in pairs.reshape(-1, 2):
        a, b = _text(edge[0]), _text(edge[1])
        missing = [end for end in (a, b) if end not in inside]
        if missing:
            there = ", ".join(shown(_text(key)) for key in inside)
            raise InputError(
                f"an edge of the graph leads to {shown(missing[0])!r}, which is not there; there are {there}"
            )
        start = nested[a][1] if a in nested else prefix + a
        end = nested[b][0] if b in nested else prefix + b
        edges.append((start, end))


def _joints(graph: Mapping[str, Any], name: str) -> tuple[str, str]:
    """Names of the one Input and the one Output of a nested graph."""
    ends = []
    for wanted in ("Input", "Output"):
        found = [_text(key) for key, node in graph["nodes"].items() if _text(node.get("type", "")) == wanted]
        if len(found) != 1:
            raise InputError(f"the nested graph {shown(name)!r} has {len(found)} nodes {wanted}; expected one")
        ends.append(f"{name}/{found[0]}")
    return ends[0], ends[1]


def _joined(nodes: dict[str, NirNode], edges: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The edges without the joints of nested graphs: whoever led to a joint leads to what it leads to."""
    for joint in [name for name, node in nodes.items() if node.kind == "Joint"]:
        before = [a for a, b in edges if b == joint]
        after = [b for a, b in edges if a == joint]
        edges = [(a, b) for a, b in edges if joint not in (a, b)] + [(a, b) for a in before for b in after]
        del nodes[joint]
    if len(set(edges)) != len(edges):
        twice = next(edge for edge in edges if edges.count(edge) > 1)
        raise InputError(
            f"the edge from {shown(twice[0])!r} to {shown(twice[1])!r} is there twice; put Scale 2 instead"
        )
    return edges
