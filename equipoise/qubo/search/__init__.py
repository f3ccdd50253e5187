"""Searches on the processor: what a chip's answer is compared with, and polished by. See README.md.

Everything here is imported on first use, so that the registry is had without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.registry import lazy_package

if TYPE_CHECKING:
    from equipoise.qubo.search.base import Search
    from equipoise.qubo.search.groups import Counted
    from equipoise.qubo.search.machine import Processor
    from equipoise.qubo.search.matrix import Matrix
    from equipoise.qubo.search.registry import METHODS, choose
    from equipoise.qubo.search.structure import Structure, find

__all__ = [
    "METHODS",
    "Counted",
    "Matrix",
    "Processor",
    "Search",
    "Structure",
    "choose",
    "find",
]

__getattr__, __dir__ = lazy_package(
    __name__,
    {
        "equipoise.qubo.search.base": ("Search",),
        "equipoise.qubo.search.groups": ("Counted",),
        "equipoise.qubo.search.machine": ("Processor",),
        "equipoise.qubo.search.matrix": ("Matrix",),
        "equipoise.qubo.search.registry": ("METHODS", "choose"),
        "equipoise.qubo.search.structure": ("Structure", "find"),
    },
)
