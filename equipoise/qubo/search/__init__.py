"""Searches on the processor: what a chip's answer is compared with, and polished by. See README.md."""

from equipoise.qubo.search.base import Search
from equipoise.qubo.search.groups import Counted
from equipoise.qubo.search.machine import Processor
from equipoise.qubo.search.matrix import Matrix
from equipoise.qubo.search.registry import METHODS, choose
from equipoise.qubo.search.structure import Structure, find

__all__ = ["METHODS", "Counted", "Matrix", "Processor", "Search", "Structure", "choose", "find"]
