"""What a generated instance offers: its QUBO, and the way back from a solution to the problem's own terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt

from equipoise.qubo.problem import INTEGER_LIMIT, Problem
from hw_profiles.errors import InputError
from hw_profiles.reading.limits import check_size
from hw_profiles.texts import shown

__all__ = [
    "Density",
    "GraphModel",
    "Instance",
    "check_density",
    "check_room",
    "exact",
    "graph_arrays",
    "positive",
    "random_graph",
    "within",
]

#: bytes at the peak of making an instance, for one variable, one pair, one edge of a networkx graph: the most that
#: tracemalloc saw of any generator here (500 and 200; 260 for an edge with its pair)
VARIABLE_BYTES, PAIR_BYTES, EDGE_BYTES = 500, 200, 300
#: the largest whole number that a generator draws or multiplies with
LARGEST = 2**31

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
    check_room(f"{shown(nodes, 40)} nodes", nodes, 0, int(density * min(nodes, LARGEST) ** 2 / 2))
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
        raise InputError(f"{name} must be at least 1, got {shown(min(values))}")


def within(name: str, value: int, least: int, most: int = LARGEST) -> None:
    """Raise unless the whole number lies between the two."""
    if not least <= value <= most:
        raise InputError(f"{name} must lie between {least} and {most}, got {shown(value)}")


def check_room(what: str, variables: int, pairs: int, edges: int = 0) -> None:
    """Raise, before anything is allocated, unless an instance of this size fits `hw_profiles.reading.read_limit`."""
    needed = VARIABLE_BYTES * variables + PAIR_BYTES * pairs + EDGE_BYTES * edges
    check_size(needed, what, "the instance")


def exact(name: str, total: int) -> None:
    """Raise unless a sum of costs, in Python's own whole numbers, stays exact in 64 bits."""
    if total >= INTEGER_LIMIT:
        raise InputError(
            f"{name}: the costs add up to {shown(total, 40)}, above {INTEGER_LIMIT:.2g}, and would not be exact; "
            "use fewer or smaller numbers"
        )


def check_density(density: float) -> None:
    """Raise unless 0 <= density <= 1 (a per cent figure is the usual mistake)."""
    if not 0 <= density <= 1:
        hint = "; 5 % is 0.05" if density > 1 else ""
        raise InputError(f"the density must lie between 0 and 1, got {density}{hint}")
