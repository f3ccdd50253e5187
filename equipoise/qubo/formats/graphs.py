"""Graph files, through networkx: GraphML, GML, edge lists, adjacency lists. A graph is no problem yet.

What is asked of it is said by ``kind`` (``--as`` on the command line), one of `KINDS`. A graph whose edges all carry a
weight may also be a QUBO itself: ``weights``, the cost of having both ends on; nodes may carry one too.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from equipoise.qubo.formats._base import Fit, Format, Source, text_of
from equipoise.qubo.generators import Colouring, IndependentSet, MaxCut, VertexCover
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError
from hw_profiles.reading import check_size
from hw_profiles.registry import nearest

__all__ = ["ADJLIST", "EDGELIST", "GML", "GRAPHML", "KINDS", "graph_problem"]


def _mis(graph: Any) -> Problem:
    return IndependentSet(graph).problem


def _cover(graph: Any) -> Problem:
    return VertexCover(graph).problem


def _maxcut(graph: Any) -> Problem:
    return MaxCut(graph).problem


def _colouring(colours: int) -> Callable[[Any], Problem]:
    def make(graph: Any) -> Problem:
        return Colouring(graph, colours).problem

    return make


def _weights(graph: Any) -> Problem:
    return Problem.of(graph)


#: what can be asked of a graph
KINDS: dict[str, Callable[[Any], Problem]] = {
    "mis": _mis,
    "cover": _cover,
    "maxcut": _maxcut,
    "colouring": _colouring(3),
    "colouring-4": _colouring(4),
    "weights": _weights,
}


def graph_problem(graph: Any, name: str, kind: str | None) -> Problem:
    """The problem ``kind`` on a graph, its nodes as labels.

    Raises:
        InputError: no such kind, or none was given and the edges carry no weights.
    """
    if kind is None:
        weighted = [data.get("weight") for _, _, data in graph.edges(data=True)]
        if not weighted or any(not isinstance(w, (int, float)) for w in weighted):
            raise InputError(
                f"{name} is a graph of {graph.number_of_nodes()} nodes without weights: say what is asked of it, "
                f"--as {', '.join(KINDS)}"
            )
        kind = "weights"
    if kind not in KINDS:
        raise InputError(f"no problem {kind!r} on graphs; {nearest(kind, KINDS)}there are {', '.join(KINDS)}")
    if graph.number_of_nodes() == 0:
        raise InputError(f"{name}: the graph has no nodes")
    return KINDS[kind](_simple(graph)).renamed(name=name)


def _simple(graph: Any) -> Any:
    """Undirected, one edge a pair; files often say ``directed`` and mean nothing by it."""
    import networkx as nx

    return nx.Graph(graph) if graph.is_directed() or graph.is_multigraph() else graph


def _parse(source: Source, parse: Callable[[io.BytesIO], Any]) -> Any:
    check_size(300 * len(source.data), source.name, "the graph")
    return parse(io.BytesIO(source.data))


def graphml(source: Source) -> Any:
    import networkx as nx

    if b"<!ENTITY" in source.data or b"<!DOCTYPE" in source.data:
        raise InputError(f"{source.name} declares XML entities, which GraphML does not need; remove the declaration")
    return _parse(source, nx.read_graphml)


def gml(source: Source) -> Any:
    import networkx as nx

    return _parse(source, lambda file: nx.read_gml(file, label="label" if b"label" in source.data else "id"))


def edgelist(source: Source) -> Any:
    """``u v``, ``u v w`` or ``u v {'weight': w}``."""
    import networkx as nx

    text_of(source)
    lines = [words for words in source.words if not words[0].startswith("#")]
    weighted = bool(lines) and len(lines[0]) == 3 and not lines[0][2].startswith("{")
    return _parse(source, nx.read_weighted_edgelist if weighted else nx.read_edgelist)


def adjlist(source: Source) -> Any:
    import networkx as nx

    text_of(source)
    return _parse(source, nx.read_adjlist)


def _graph_format(
    name: str,
    text: str,
    parse: Callable[[Source], Any],
    suffixes: tuple[str, ...],
    fits: Callable[[Source], Fit] | None,
) -> Format:
    def read(source: Source) -> Problem:
        return graph_problem(parse(source), source.name, None)

    return Format(name, text, read, None, suffixes, fits=fits, graph=parse)


def _is_graphml(source: Source) -> Fit:
    return "yes" if b"<graphml" in source.data[:4096] else "no"


def _is_gml(source: Source) -> Fit:
    lines = [line.split("#")[0].strip() for line in source.lines[:100]]
    return "yes" if any(line.startswith("graph") and line[5:].strip()[:1] in ("", "[") for line in lines) else "no"


GRAPHML = _graph_format("graphml", "graph: GraphML", graphml, (".graphml",), _is_graphml)
GML = _graph_format("gml", "graph: GML", gml, (".gml",), _is_gml)
EDGELIST = _graph_format("edgelist", "graph: lines u v [w]", edgelist, (".edgelist", ".edges"), None)
ADJLIST = _graph_format("adjlist", "graph: lines u v w ..., the neighbours of u", adjlist, (".adjlist",), None)
