"""What every search offers: it walks on, move by move, and keeps the best state it saw."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Search"]


class Search(ABC):
    """A search that can stop between any two moves and go on later to the same bits.

    A subclass writes `_walk`: a generator that makes moves through compiled code, never beyond ``self.allowed``, and
    yields whenever it stands there. What it found it hands to `found`.

    Attributes:
        moves: moves made (flips tried or made, whatever the search counts).
        best: (n,) uint8. best_cost: its cost, without the problem's offset. best_move: when it was found.
        trace: (move, cost) of every improvement that was handed over.
    """

    name: str

    def __init__(self, n: int) -> None:
        self.moves = 0
        self.allowed = 0
        self.best: npt.NDArray[np.uint8] = np.zeros(n, np.uint8)
        self.best_cost: Any = None
        self.best_move = 0
        self.trace: list[tuple[int, Any]] = []
        self._steps = self._walk()

    @abstractmethod
    def _walk(self) -> Iterator[None]:
        """Make moves for ever; yield when ``moves`` has reached ``allowed``."""

    def advance(self, moves: int) -> None:
        """Make ``moves`` further moves."""
        self.allowed = self.moves + moves
        if self.best_cost is None:
            next(self._steps)  # to the first state
        while self.moves < self.allowed:
            next(self._steps)

    def found(self, cost: Any, x: npt.NDArray[np.uint8], move: int | None = None) -> None:
        """Keep ``x`` if it is better than what is known."""
        if self.best_cost is None or cost < self.best_cost:
            self.best_cost, self.best, self.best_move = cost, x.copy(), self.moves if move is None else move
            self.trace.append((self.best_move, cost))
