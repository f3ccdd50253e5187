"""Each search as a method: whether it fits a problem, and how it is made for a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from equipoise.qubo.problem import Problem
from equipoise.qubo.search.eviction import Eviction
from equipoise.qubo.search.exchange import Exchange
from equipoise.qubo.search.groups import Counted, GroupAnneal
from equipoise.qubo.search.matrix import DENSE_LIMIT, Matrix
from equipoise.qubo.search.memetic import Memetic, Tabu
from equipoise.qubo.search.registry import Factory
from equipoise.qubo.search.structure import Structure
from equipoise.qubo.search.total import RunningTotal

__all__ = ["eviction", "exchange", "keeping", "memetic", "running_total", "sweeps", "tabu"]


def memetic(problem: Problem, structure: Structure) -> Factory | None:
    matrix = Matrix.of(problem)
    return lambda seed: Memetic(matrix, seed)


def tabu(problem: Problem, structure: Structure) -> Factory | None:
    matrix = Matrix.of(problem)
    return lambda seed: Tabu(matrix, seed)


def sweeps(problem: Problem, structure: Structure) -> Factory | None:
    matrix = Matrix.of(problem)
    return lambda seed: GroupAnneal(matrix, (), seed)


def exchange(problem: Problem, structure: Structure) -> Factory | None:
    table = structure.table
    if table is None or problem.num_variables > DENSE_LIMIT:
        return None
    matrix = Matrix.of(problem, dense=True)
    return lambda seed: Exchange(matrix, table, seed)


def keeping(problem: Problem, moves: npt.NDArray[np.int64] | Sequence[Counted]) -> tuple[str, Factory]:
    """(name, factory) of the search whose moves keep an assignment (its table) or groups of fixed count."""
    if isinstance(moves, np.ndarray):
        table, matrix = moves, Matrix.of(problem, dense=True)
        return "exchange", lambda seed: Exchange(matrix, table, seed)
    groups, matrix = tuple(moves), Matrix.of(problem)
    return "groups", lambda seed: GroupAnneal(matrix, groups, seed)


def eviction(problem: Problem, structure: Structure) -> Factory | None:
    if not structure.packing:
        return None
    matrix = Matrix.of(problem, dense=False)
    return lambda seed: Eviction(matrix, seed)


def running_total(problem: Problem, structure: Structure) -> Factory | None:
    total = structure.total
    if total is None:
        return None
    matrix = Matrix.of(problem, dense=True)
    return lambda seed: RunningTotal(matrix, total, seed)
