"""Generated problems that know what they mean: a QUBO, a feasibility check, and the way back.

To add one, subclass `Instance` in a module of its own and list its generator in `registry`. Everything here is imported
on first use, so that the registry is had without the libraries behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.registry import lazy_package

if TYPE_CHECKING:
    from equipoise.qubo.generators._base import Instance
    from equipoise.qubo.generators.assignment import Colouring, Tour, colouring, tour
    from equipoise.qubo.generators.cut import MaxCut, Partition, maxcut, partition
    from equipoise.qubo.generators.independent_set import IndependentSet, VertexCover, mis, vertex_cover
    from equipoise.qubo.generators.quadratic_assignment import QuadraticAssignment, qap
    from equipoise.qubo.generators.registry import GENERATORS, Generator, generate
    from equipoise.qubo.generators.selection import Knapsack, Portfolio, knapsack, portfolio

__all__ = [
    "GENERATORS",
    "Colouring",
    "Generator",
    "IndependentSet",
    "Instance",
    "Knapsack",
    "MaxCut",
    "Partition",
    "Portfolio",
    "QuadraticAssignment",
    "Tour",
    "VertexCover",
    "colouring",
    "generate",
    "knapsack",
    "maxcut",
    "mis",
    "partition",
    "portfolio",
    "qap",
    "tour",
    "vertex_cover",
]

__getattr__, __dir__ = lazy_package(
    __name__,
    {
        "equipoise.qubo.generators._base": ("Instance",),
        "equipoise.qubo.generators.assignment": ("Colouring", "Tour", "colouring", "tour"),
        "equipoise.qubo.generators.cut": ("MaxCut", "Partition", "maxcut", "partition"),
        "equipoise.qubo.generators.independent_set": ("IndependentSet", "VertexCover", "mis", "vertex_cover"),
        "equipoise.qubo.generators.quadratic_assignment": ("QuadraticAssignment", "qap"),
        "equipoise.qubo.generators.selection": ("Knapsack", "Portfolio", "knapsack", "portfolio"),
        "equipoise.qubo.generators.registry": ("GENERATORS", "Generator", "generate"),
    },
)
