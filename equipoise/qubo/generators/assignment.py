"""Graph colouring and travelling salesman: one-hot variables, a price on every broken constraint.

    colouring   x_vk: node v has colour k       c = P sum_v (1 - sum_k x_vk)^2 + P sum_{edges, k} x_uk x_vk
    tour        x_vt: city v is visited at t    c = P [sum_v (1 - sum_t x_vt)^2 + sum_t (1 - sum_v x_vt)^2]
                                                    + sum_{u != v, t} d_uv x_ut x_v(t+1)

Cost 0 is a proper colouring; the cost of a feasible tour is its length (P above the largest distance).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.generators._base import (
    Density,
    GraphModel,
    Instance,
    check_room,
    graph_arrays,
    positive,
    random_graph,
    within,
)
from equipoise.qubo.problem import Problem
from hw_profiles.arguments import checked
from hw_profiles.errors import InputError
from hw_profiles.texts import shown
from substrates.seeds import stream

__all__ = ["Colouring", "Tour", "colouring", "tour"]


def _one_hot(groups: npt.NDArray[np.int64], price: float) -> tuple[Any, Any, float]:
    """(rows, cols, pair price) of P sum_groups (1 - sum x)^2; its linear terms are -P, its constant P per group."""
    a, b = np.triu_indices(groups.shape[1], 1)
    return groups[:, a].ravel(), groups[:, b].ravel(), 2 * price


class Colouring(Instance):
    """Colour the nodes with ``colours`` colours so that no edge joins two of the same."""

    def __init__(self, graph: Any, colours: int, price: int = 1, name: str = "colouring") -> None:
        positive("the number of colours", colours)
        positive("the price", price)
        self.nodes, self._rows, self._cols, _ = graph_arrays(graph)
        self.colours = colours
        n = len(self.nodes)
        check_room(
            f"{n} nodes in {shown(colours, 40)} colours",
            n * colours,
            n * colours * (colours - 1) // 2 + len(self._rows) * colours,
        )
        self._index = np.arange(n * colours).reshape(n, colours)
        first, second, pair = _one_hot(self._index, price)
        clash = self._index[self._rows].ravel(), self._index[self._cols].ravel()
        self.problem = Problem.build(
            np.full(n * colours, -price),
            np.concatenate([first, clash[0]]),
            np.concatenate([second, clash[1]]),
            np.concatenate([np.full(len(first), pair), np.full(len(clash[0]), price)]),
            offset=price * n,
            labels=[(v, k) for v in self.nodes for k in range(colours)],
            name=name,
            convention="the price of broken constraints",
        )

    def decode(self, x: npt.ArrayLike) -> dict[Hashable, int | None]:
        """Node to colour; None where a node has no colour or several."""
        table = np.asarray(x).reshape(self._index.shape)
        return {v: int(row.argmax()) if row.sum() == 1 else None for v, row in zip(self.nodes, table)}

    def violations(self, x: npt.ArrayLike) -> int:
        """Nodes without exactly one colour, plus edges that join a colour to itself."""
        table = np.asarray(x).astype(np.int64).reshape(self._index.shape)
        clashes = int((table[self._rows] * table[self._cols]).sum())
        return int((table.sum(1) != 1).sum()) + clashes

    def value(self, x: npt.ArrayLike) -> float:
        """How many colours are used."""
        return int(np.asarray(x).reshape(self._index.shape).any(0).sum())


class Tour(Instance):
    """Visit every city once and return, over the shortest way."""

    def __init__(self, distances: npt.ArrayLike, price: float | None = None, name: str = "tour") -> None:
        d = np.asarray(distances)
        if d.ndim != 2 or d.shape[0] != d.shape[1] or len(d) < 3 or d.dtype.kind not in "iuf":
            raise InputError(
                f"a tour needs a square matrix of distances between at least 3 cities, got shape {d.shape}"
            )
        if (d.dtype.kind == "f" and not np.isfinite(d).all()) or d.min() < 0 or np.diagonal(d).any():
            raise InputError("distances must be finite, zero or more, and zero from a city to itself")
        self.distances = d
        n = len(d)
        largest = d.max().item()
        self.price = price if price is not None else 2 * largest + 1
        if not self.price > largest:
            raise InputError(f"the price must be above the largest distance {largest}, got {self.price}")
        index = np.arange(n * n).reshape(n, n)
        self._shape = (n, n)
        r1, c1, pair = _one_hot(index, self.price)
        r2, c2, _ = _one_hot(index.T.copy(), self.price)
        u, v = np.nonzero(d)
        now, after = index[u].ravel(), np.roll(index[v], -1, axis=1).ravel()
        leg = np.repeat(d[u, v], n)
        self.problem = Problem.build(
            np.full(n * n, -2 * self.price),
            np.concatenate([r1, r2, now]),
            np.concatenate([c1, c2, after]),
            np.concatenate([np.full(len(r1) + len(r2), pair), leg]),
            offset=2 * n * self.price,
            labels=[(city, t) for city in range(n) for t in range(n)],
            name=name,
            convention="the tour's length plus the price of broken constraints",
        )

    def decode(self, x: npt.ArrayLike) -> list[int] | None:
        """Cities in the order of the tour; None when it is not a tour."""
        if not self.feasible(x):
            return None
        return [int(v) for v in np.asarray(x).reshape(self._shape).argmax(0)]

    def violations(self, x: npt.ArrayLike) -> int:
        """Cities not visited exactly once, plus times without exactly one city."""
        table = np.asarray(x).astype(np.int64).reshape(self._shape)
        return int((table.sum(1) != 1).sum() + (table.sum(0) != 1).sum())

    def value(self, x: npt.ArrayLike) -> float:
        """The length of the tour; infinite when it is not one."""
        order = self.decode(x)
        if order is None:
            return float("inf")
        length = sum(self.distances[u, v] for u, v in zip(order, [*order[1:], order[0]]))
        return length.item() if hasattr(length, "item") else float(length)


@checked
def colouring(nodes: int, density: Density, seed: int, colours: int = 3, model: GraphModel = "gnm") -> Colouring:
    """Colouring of the same random graphs as the independent set."""
    return Colouring(random_graph(nodes, density, seed, model), colours, name=f"colouring-{nodes}-{density:g}-{seed}")


@checked
def tour(cities: int, seed: int, side: int = 100) -> Tour:
    """Cities drawn evenly in a square; distances rounded to whole numbers, as TSPLIB does."""
    if cities < 3:
        raise InputError(f"a tour needs at least 3 cities, got {shown(cities)}")
    check_room(f"{shown(cities, 40)} cities", cities**2, 2 * cities**3)
    within("the side of the square", side, 0)
    places = stream(seed, "tour").random((cities, 2)) * side
    distances = np.rint(np.sqrt(((places[:, None] - places[None]) ** 2).sum(-1))).astype(np.int64)
    return Tour(distances, name=f"tour-{cities}-{seed}")
