"""Maximum independent set and minimum vertex cover: one variable per node, a price on every broken edge.

    independent set   c(x) = -sum_i x_i + P sum_{edges} x_i x_j                   best cost = -(size of the set)
    vertex cover      c(x) =  sum_i x_i + P sum_{edges} (1 - x_i)(1 - x_j)        best cost = size of the cover

P > 1 makes every optimum feasible. NeuroBench uses P = 8 (Q_ij = 4 on both sides).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.generators._base import LARGEST, Density, GraphModel, Instance, graph_arrays, random_graph
from equipoise.qubo.problem import Problem
from hw_profiles.arguments import checked
from hw_profiles.errors import InputError
from hw_profiles.texts import shown

__all__ = ["IndependentSet", "VertexCover", "mis", "vertex_cover"]


class _NodeSubset(Instance):
    """Common ground of the two: edges, and the nodes that are on."""

    def __init__(self, graph: Any, price: float, name: str) -> None:
        if not price > 1:
            raise InputError(f"the edge cost must be above 1, or breaking an edge pays; got {shown(price)}")
        if price > LARGEST:
            raise InputError(f"the edge cost must be at most {LARGEST}, or costs are not exact; got {shown(price)}")
        self.nodes, self._rows, self._cols, _ = graph_arrays(graph)
        self.price = int(price) if float(price).is_integer() else price
        self.name = name

    def decode(self, x: npt.ArrayLike) -> set[Hashable]:
        """The nodes that are on."""
        return {self.nodes[i] for i in np.flatnonzero(np.asarray(x))}

    def value(self, x: npt.ArrayLike) -> int:
        """How many nodes are on."""
        return int(np.count_nonzero(np.asarray(x)))


class IndependentSet(_NodeSubset):
    """The largest set of nodes without an edge inside."""

    def __init__(self, graph: Any, edge_cost: float = 8, name: str = "independent set") -> None:
        super().__init__(graph, edge_cost, name)
        n = len(self.nodes)
        cost = np.full(len(self._rows), self.price)
        self.problem = Problem.build(
            np.full(n, -1),
            self._rows,
            self._cols,
            cost,
            labels=self.nodes,
            name=name,
            convention="minus the set's size",
        )

    def violations(self, x: npt.ArrayLike) -> int:
        """Edges with both ends in the set."""
        on = np.asarray(x).astype(bool)
        return int((on[self._rows] & on[self._cols]).sum())

    def repair(self, x: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """An independent set inside ``x``: the node with most conflicts leaves until none is left."""
        on = np.asarray(x).astype(np.uint8).copy()
        while True:
            bad = (on[self._rows] & on[self._cols]).astype(bool)
            if not bad.any():
                return on
            conflicts = np.bincount(np.concatenate([self._rows[bad], self._cols[bad]]), minlength=len(on))
            on[conflicts.argmax()] = 0


class VertexCover(_NodeSubset):
    """The smallest set of nodes that touches every edge."""

    def __init__(self, graph: Any, edge_cost: float = 2, name: str = "vertex cover") -> None:
        super().__init__(graph, edge_cost, name)
        n, price = len(self.nodes), self.price
        degree = np.bincount(np.concatenate([self._rows, self._cols]), minlength=n)
        self.problem = Problem.build(
            1 - price * degree,
            self._rows,
            self._cols,
            np.full(len(self._rows), price),
            offset=price * len(self._rows),
            labels=self.nodes,
            name=name,
            convention="the cover's size",
        )

    def violations(self, x: npt.ArrayLike) -> int:
        """Edges without an end in the cover."""
        on = np.asarray(x).astype(bool)
        return int((~on[self._rows] & ~on[self._cols]).sum())


@checked
def mis(nodes: int, density: Density, seed: int, edge_cost: float = 8, model: GraphModel = "gnm") -> IndependentSet:
    """NeuroBench's maximum independent set instance (``model="gnp"`` for G(n, p))."""
    return IndependentSet(random_graph(nodes, density, seed, model), edge_cost, f"mis-{nodes}-{density:g}-{seed}")


@checked
def vertex_cover(
    nodes: int, density: Density, seed: int, edge_cost: float = 2, model: GraphModel = "gnm"
) -> VertexCover:
    """Vertex cover on the same random graphs as `mis`."""
    return VertexCover(random_graph(nodes, density, seed, model), edge_cost, f"cover-{nodes}-{density:g}-{seed}")
