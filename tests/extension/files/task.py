"""A study's task of one's own: how far greedy descent falls behind, over random starts."""

from __future__ import annotations

import numpy as np

from equipoise.qubo.generators import generate
from equipoise.study.tasks import Outcome
from hw_profiles import Event, Ledger


def descent(*, nodes: int, density: float, starts: int = 5, seed: int = 0) -> Outcome:
    """Flip whatever gains most until nothing does."""
    problem = generate("maxcut", nodes=nodes, density=density, seed=seed).problem
    random, best, flips = np.random.default_rng(seed), 0, 0
    for _ in range(starts):
        x = random.integers(0, 2, problem.num_variables).astype(np.uint8)
        while True:
            costs = [problem.cost(x ^ (np.arange(len(x)) == i).astype(np.uint8)) for i in range(len(x))]
            if min(costs) >= problem.cost(x):
                break
            x[int(np.argmin(costs))] ^= 1
            flips += 1
        best = min(best, problem.cost(x))
    ledger = Ledger()
    ledger.add(Event.MACS, flips * problem.num_variables)
    return Outcome({"best_cost": int(best), "flips": flips}, ledger=ledger)
