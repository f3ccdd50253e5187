"""Tabu search, alone or as the local search of a population.

*Tabu*: walk; after 20 n moves without a new best, start again from the best of all with n / 10 variables changed.
*Memetic*: a population of 8 states, each improved by tabu until 5 n moves brought nothing; a child takes what two
parents share and draws the rest, is improved, and replaces the worst if it is better and new; after 60 children that
were not, a new population is drawn. (Compare Lu, Glover and Hao 2010 for memetic tabu on binary quadratic programs.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from equipoise.qubo.search.base import Search
from equipoise.qubo.search.matrix import Matrix
from equipoise.qubo.search.tabu import TabuWalk

__all__ = ["Memetic", "Tabu"]

ELITE, PATIENCE, FAILURES = 8, 5, 60
RESTART_AFTER, CHANGED = 20, 10


class _TabuSearch(Search):
    """What both share: run a walk until it is out of patience, within what is allowed."""

    def __init__(self, matrix: Matrix, seed: int) -> None:
        self.walk = TabuWalk(matrix, seed)
        super().__init__(matrix.n)

    def _improve(self, signs: Any, patience: int) -> Iterator[None]:
        """Tabu from ``signs`` until ``patience`` moves in a row brought nothing."""
        walk = self.walk
        walk.restart(signs)
        self.found(walk.best_cost, walk.best)
        while walk.idle < patience:
            if self.moves >= self.allowed:
                yield
            walk.run(self.allowed - self.moves, patience)
            self.moves = walk.moves
            self.found(walk.best_cost, walk.best, walk.moves - walk.idle)


class Tabu(_TabuSearch):
    """One-flip tabu search with restarts."""

    name = "tabu"

    def _walk(self) -> Iterator[None]:
        n = len(self.best)
        yield from self._improve(self.walk.random_signs(), RESTART_AFTER * n)
        while True:
            best = np.where(self.best > 0, -1, 1).astype(self.walk.best_signs.dtype)
            yield from self._improve(self.walk.shaken(best, max(n // CHANGED, 1)), RESTART_AFTER * n)


class Memetic(_TabuSearch):
    """Tabu search on a population that crosses."""

    name = "memetic"

    def _walk(self) -> Iterator[None]:
        n, walk = len(self.best), self.walk
        while True:
            elite: list[tuple[Any, Any]] = []
            while len(elite) < ELITE:
                yield from self._improve(walk.random_signs(), PATIENCE * n)
                elite.append((walk.best_cost, walk.best_signs.copy()))
            failures = 0
            while failures < FAILURES:
                first = walk.choose(ELITE)
                second = (first + 1 + walk.choose(ELITE - 1)) % ELITE
                yield from self._improve(walk.child(elite[first][1], elite[second][1]), PATIENCE * n)
                worst = max(range(ELITE), key=lambda e: elite[e][0])
                new = all(walk.best_cost != cost or (walk.best_signs != signs).any() for cost, signs in elite)
                if new and walk.best_cost < elite[worst][0]:
                    elite[worst] = (walk.best_cost, walk.best_signs.copy())
                    failures = 0
                else:
                    failures += 1
