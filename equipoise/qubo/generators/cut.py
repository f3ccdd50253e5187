"""Max-Cut and number partitioning: two sides, x_i says which.

Max-Cut        c(x) = -sum_{edges} w_ij (x_i + x_j - 2 x_i x_j)                  best cost = -(cut)
partitioning   c(x) = (sum_i a_i (2 x_i - 1))^2                                  best cost = (difference)^2
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.formats._table import Table
from equipoise.qubo.formats.maxcut import cut_problem
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

__all__ = ["MaxCut", "Partition", "maxcut", "partition"]


class MaxCut(Instance):
    """Split the nodes so that the edges between the sides weigh most. Every split is feasible."""

    def __init__(self, graph: Any, name: str = "max-cut") -> None:
        self.nodes, self._rows, self._cols, self._weights = graph_arrays(graph)
        table = Table(self._rows, self._cols, self._weights, 0)
        self.problem = cut_problem(table, len(self.nodes), name=name).renamed(labels=tuple(self.nodes))

    def decode(self, x: npt.ArrayLike) -> tuple[set[Hashable], set[Hashable]]:
        """The two sides."""
        on = np.asarray(x).astype(bool)
        return ({v for v, s in zip(self.nodes, on) if not s}, {v for v, s in zip(self.nodes, on) if s})

    def violations(self, x: npt.ArrayLike) -> int:
        return 0

    def value(self, x: npt.ArrayLike) -> float:
        """The weight of the edges between the sides."""
        on = np.asarray(x).astype(bool)
        cut = self._weights[on[self._rows] != on[self._cols]].sum()
        return int(cut) if self._weights.dtype.kind == "i" else float(cut)


class Partition(Instance):
    """Split numbers into two heaps of equal sum, or as nearly so as can be. Every split is feasible."""

    def __init__(self, numbers: Sequence[int], name: str = "partition") -> None:
        values = [int(a) for a in numbers]
        if not values:
            raise InputError("there are no numbers to split")
        self.numbers = values
        total = sum(values)
        if total**2 >= 2**61 or min(values) < 0:
            raise InputError(
                "expected whole numbers of zero or more with a sum below 1.5e9; its square must stay exact"
            )
        a = np.array(values, np.int64)
        rows, cols = np.triu_indices(len(a), 1)
        self.problem = Problem.build(
            4 * a * (a - total), rows, cols, 8 * a[rows] * a[cols], offset=total**2, name=name,
            convention="the square of the difference",
        )  # fmt: skip

    def decode(self, x: npt.ArrayLike) -> tuple[list[int], list[int]]:
        """The two heaps."""
        on = np.asarray(x).astype(bool)
        return [a for a, s in zip(self.numbers, on) if not s], [a for a, s in zip(self.numbers, on) if s]

    def violations(self, x: npt.ArrayLike) -> int:
        return 0

    def value(self, x: npt.ArrayLike) -> float:
        """The difference of the two sums."""
        left, right = self.decode(x)
        return abs(sum(left) - sum(right))


@checked
def maxcut(
    nodes: int,
    density: Density,
    seed: int,
    signed: Annotated[bool, "Weights of 1 and -1."] = False,
    model: GraphModel = "gnm",
) -> MaxCut:
    """A random Max-Cut in the manner of rudy: weights 1, or 1 and -1 when ``signed``."""
    graph = random_graph(nodes, density, seed, model)
    if signed:
        draw = stream(seed, "maxcut weights").integers(0, 2, graph.number_of_edges())
        for (u, v), sign in zip(graph.edges, draw.tolist()):
            graph[u][v]["weight"] = 2 * sign - 1
    return MaxCut(graph, f"maxcut-{nodes}-{density:g}-{seed}")


@checked
def partition(count: Annotated[int, "How many numbers."], seed: int, largest: int = 1000) -> Partition:
    """``count`` whole numbers drawn evenly from 1 to ``largest``."""
    positive("the number of numbers", count)
    within("the largest number", largest, 1)
    check_room(f"{shown(count, 40)} numbers", count, count * (count - 1) // 2)
    draw = stream(seed, "partition").integers(1, largest + 1, count)
    return Partition(draw.tolist(), f"partition-{count}-{largest}-{seed}")
