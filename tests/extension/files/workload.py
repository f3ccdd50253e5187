"""A workload: the fewest coins that come to a sum, as a QUBO. Truth by dynamic programming."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from equipoise.qubo import Problem
from equipoise.targets import Target
from equipoise.workloads import Control, Run, Score, Truth, Workload
from equipoise.workloads.annealing import Annealed
from hw_profiles.errors import InputError

PENALTY = 12


class Coins(Workload):
    """Pay a sum exactly with as few of the coins at hand as possible."""

    title = "paying a sum with the fewest coins"
    unit = "sum"
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {"small": {}, "purse": {"coins": 18}}

    def instance(self, seed: int, *, coins: int = 10) -> tuple[np.ndarray, int]:
        if not 2 <= coins <= 24:
            raise InputError(f"coins={coins}: expected 2 to 24")
        rng = self.draw(seed, "coins")
        values = rng.integers(1, 20, coins)
        return values, int(values[rng.random(coins) < 0.5].sum())

    def truth(self, instance: tuple[np.ndarray, int]) -> Truth:
        values, wanted = instance
        best = {0: np.zeros(len(values), np.uint8)}
        for k, value in enumerate(values):
            for total, taken in list(best.items()):
                more = taken.copy()
                more[k] = 1
                there = best.get(total + value)
                if there is None or there.sum() > more.sum():
                    best[total + int(value)] = more
        return Truth(best[wanted], "dynamic programming over sums")

    def program(self, instance: tuple[np.ndarray, int], target: Target) -> Annealed:
        values, wanted = instance
        q = PENALTY * np.outer(values, values)
        linear = PENALTY * values * (values - 2 * wanted) + 1
        rows, cols = np.triu_indices(len(values), 1)
        return Annealed(target, Problem.build(linear, rows, cols, 2 * q[rows, cols], offset=PENALTY * wanted**2))

    def run(self, instance: Any, program: Annealed, seed: int) -> Run:
        return Run(*program.anneal(program.problem.linear, steps=2000, reads=20, seed=seed))

    def decode(self, instance: tuple[np.ndarray, int], states: np.ndarray) -> np.ndarray:
        values, wanted = instance
        return min(states, key=lambda x: (abs(int(values @ x) - wanted), int(x.sum())))

    def controls(self, instance: tuple[np.ndarray, int]) -> dict[str, Control]:
        values, wanted = instance

        def largest_first() -> np.ndarray:
            x, left = np.zeros(len(values), np.uint8), wanted
            for k in np.argsort(-values, kind="stable"):
                if values[k] <= left:
                    x[k], left = 1, left - values[k]
            return x

        return {
            "dynamic programming": Control("classical", "over sums", lambda: self.truth(instance).answer),
            "largest first": Control("trivial", "the largest coin that fits, again and again", largest_first),
        }

    def score(self, instance: tuple[np.ndarray, int], truth: Truth, answer: np.ndarray) -> dict[str, Score]:
        values, wanted = instance
        return {
            "coins too many": Score.exactly(float(int(answer.sum()) - int(truth.answer.sum())), 0.0),
            "missing": Score.exactly(float(abs(int(values @ answer) - wanted)), 0.0),
        }
