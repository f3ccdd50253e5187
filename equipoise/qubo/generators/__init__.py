"""Generated problems that know what they mean: a QUBO, a feasibility check, and the way back.

To add one, subclass `Instance` in a module of its own and list its generator here.
"""

from equipoise.qubo.generators._base import Instance
from equipoise.qubo.generators.assignment import Colouring, Tour, colouring, tour
from equipoise.qubo.generators.cut import MaxCut, Partition, maxcut, partition
from equipoise.qubo.generators.independent_set import IndependentSet, VertexCover, mis, vertex_cover

__all__ = [
    "Colouring",
    "IndependentSet",
    "Instance",
    "MaxCut",
    "Partition",
    "Tour",
    "VertexCover",
    "colouring",
    "maxcut",
    "mis",
    "partition",
    "tour",
    "vertex_cover",
]
