"""Classical searches for a front, and what anybody would try first."""

from __future__ import annotations

from typing import Any

import numpy as np

from equipoise.workloads.pareto.fronts import States, Triangles, costs, not_dominated

__all__ = ["have_pymoo", "local_search", "nsga2", "weighted_optima"]

MOST_STATES = 400_000  #: that a local search looks at


def local_search(matrices: Triangles, rng: np.random.Generator, starts: int) -> States:
    """Pareto local search (Paquete, Chiarandini and Stützle 2004), every one-flip neighbour, from ``starts`` states.

    A state of the archive that was not explored has its neighbours tried, until all of it is explored.
    """
    n = matrices.shape[1]
    archive = rng.integers(0, 2, (starts, n), dtype=np.uint8)
    explored: set[bytes] = set()
    flips = np.eye(n, dtype=np.uint8)
    seen = 0
    while seen < MOST_STATES:
        archive = archive[not_dominated(costs(matrices, archive))]
        new = np.array([x for x in archive if x.tobytes() not in explored], np.uint8).reshape(-1, n)
        if not len(new):
            break
        explored |= {x.tobytes() for x in new}
        around = (new[:, None, :] ^ flips).reshape(-1, n)
        seen += len(around)
        archive = np.concatenate([archive, around])
    return archive[not_dominated(costs(matrices, archive))]


def weighted_optima(matrices: Triangles, weights: Any, states: States) -> States:
    """The exact optimum of every weighted sum among ``states``: only supported points of the front are."""
    values = costs(matrices, states)
    best = np.unique([(values @ w).argmin() for w in weights])
    return states[best][not_dominated(values[best])]


def have_pymoo() -> bool:
    """Whether NSGA-II of pymoo can be run here."""
    import importlib.util

    return importlib.util.find_spec("pymoo") is not None


def nsga2(matrices: Triangles, seed: int, generations: int, population: int) -> States:
    """NSGA-II of pymoo: binary sampling, two-point crossover, bit flips, no duplicates."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.pntx import TwoPointCrossover
    from pymoo.operators.mutation.bitflip import BitflipMutation
    from pymoo.operators.sampling.rnd import BinaryRandomSampling
    from pymoo.optimize import minimize

    class Costs(Problem):  # type: ignore[misc, unused-ignore]
        def _evaluate(self, x: Any, out: Any, *args: Any, **kwargs: Any) -> None:
            out["F"] = costs(matrices, np.asarray(x, np.uint8)).astype(np.float64)

    problem = Costs(n_var=matrices.shape[1], n_obj=len(matrices), xl=0, xu=1, vtype=bool)
    method = NSGA2(
        pop_size=population, sampling=BinaryRandomSampling(), crossover=TwoPointCrossover(), mutation=BitflipMutation(),
        eliminate_duplicates=True,
    )  # fmt: skip
    found = minimize(problem, method, ("n_gen", generations), seed=seed % 2**31)
    states = np.atleast_2d(np.asarray(found.X)).astype(np.uint8)
    return states[not_dominated(costs(matrices, states))]
