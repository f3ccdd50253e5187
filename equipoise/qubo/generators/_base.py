"""What a generated instance offers: its QUBO, and the way back from a solution to the problem's own terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt

from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError

__all__ = ["Density", "GraphModel", "Instance", "check_density", "graph_arrays", "positive", "random_graph"]

Density = Annotated[float, "Share of the pairs, 0 to 1."]
GraphModel = Annotated[Literal["gnm", "gnp"], "Of the random graph; NeuroBench uses gnm."]


class Instance(ABC):
    """A problem that knows what it means.

    Attributes:
        problem: its QUBO.
    """

    problem: Problem

    @abstractmethod
    def decode(self, x: npt.ArrayLike) -> Any:
        """A solution (n,) of zeros and ones in the problem's own terms (a set, a tour, colours)."""

    @abstractmethod
    def violations(self, x: npt.ArrayLike) -> int:
        """How many constraints the solution breaks."""

    @abstractmethod
    def value(self, x: npt.ArrayLike) -> float:
        """The problem's own objective for this solution (size of the set, length of the tour)."""

    def feasible(self, x: npt.ArrayLike) -> bool:
        """Whether the solution breaks no constraint."""
        return self.violations(x) == 0


def graph_arrays(graph: Any) -> tuple[list[Hashable], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[Any]]:
    """(nodes, rows, cols, weights) of a networkx graph; loops are refused, they have no meaning here."""
    if graph.is_directed() or graph.is_multigraph():
        raise InputError("expected an undirected simple graph; convert it to networkx.Graph")
    nodes = list(graph.nodes)
    if not nodes:
        raise InputError("the graph has no nodes")
    place = {node: i for i, node in enumerate(nodes)}
    edges = [(place[u], place[v], d.get("weight", 1)) for u, v, d in graph.edges(data=True)]
    if any(u == v for u, v, _ in edges):
        raise InputError("the graph has an edge from a node to itself; remove it first")
    rows, cols = (np.array([e[k] for e in edges], np.int64) for k in (0, 1))
    return nodes, rows, cols, np.array([e[2] for e in edges]) if edges else np.zeros(0, np.int64)


def random_graph(nodes: int, density: float, seed: int, model: str = "gnm") -> Any:
    """NeuroBench's ``gnm_random_graph(n, int(0.5 d n n), seed)``, or G(n, p) with p = density."""
    import networkx as nx

    positive("nodes", nodes)
    check_density(density)
    if seed < 0:
        raise InputError(f"the seed must be zero or more, got {seed}")
    if model == "gnm":
        return nx.gnm_random_graph(nodes, int(0.5 * density * nodes * nodes), seed=seed)
    if model == "gnp":
        return nx.fast_gnp_random_graph(nodes, density, seed=seed) if density < 1 else nx.complete_graph(nodes)
    raise InputError(f"no graph model {model!r}; there are gnm, gnp")


def positive(name: str, *values: int) -> None:
    """Raise unless every value is at least 1."""
    if any(value < 1 for value in values):
        raise InputError(f"{name} must be at least 1, got {min(values)}")


def check_density(density: float) -> None:
    """Raise unless 0 <= density <= 1 (a per cent figure is the usual mistake)."""
    if not 0 <= density <= 1:
        hint = "; 5 % is 0.05" if density > 1 else ""
        raise InputError(f"the density must lie between 0 and 1, got {density}{hint}")
