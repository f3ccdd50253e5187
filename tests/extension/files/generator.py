"""A family of problems of one's own: the largest matching of a ladder, which has as many edges as it has rungs."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from equipoise.qubo import Problem
from equipoise.qubo.generators import Instance


class Matching(Instance):
    """Edges of a ladder, no two of which share a node; the more the better."""

    def __init__(self, rungs: int, price: float) -> None:
        rails = [((r, side), (r + 1, side)) for r in range(rungs - 1) for side in (0, 1)]
        self.edges = [((r, 0), (r, 1)) for r in range(rungs)] + rails
        clash = [
            (i, j)
            for i, a in enumerate(self.edges)
            for j, b in enumerate(self.edges)
            if i < j and set(a) & set(b)
        ]  # fmt: skip
        rows, cols = np.array(clash).reshape(-1, 2).T
        linear = np.full(len(self.edges), -1)
        self.problem = Problem.build(linear, rows, cols, np.full(len(rows), int(price)), name=f"ladder-{rungs}")

    def decode(self, x: Any) -> list[Any]:
        return [edge for edge, on in zip(self.edges, np.asarray(x)) if on]

    def violations(self, x: Any) -> int:
        nodes = [node for edge in self.decode(x) for node in edge]
        return len(nodes) - len(set(nodes))

    def value(self, x: Any) -> float:
        return len(self.decode(x))


def ladder(
    rungs: Annotated[int, "How many rungs."],
    seed: int,
    price: Annotated[float, "Of two edges that share a node."] = 2.0,
) -> Matching:
    """Largest matching of a ladder."""
    del seed  # nothing is random
    return Matching(rungs, price)
