"""The target ``cpu``: this processor, running a search; its time and energy are the processor's."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np

from equipoise.qubo.problem import Problem
from equipoise.qubo.search.base import Search
from equipoise.qubo.search.matrix import whole
from equipoise.qubo.search.methods import keeping
from equipoise.qubo.search.registry import choose
from equipoise.qubo.search.structure import Structure, find
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger
from substrates.base import AnnealResult

__all__ = ["Processor"]

CHECK_NS = 5_000_000  #: the clock is looked at about this often
#: moves between looks at first; and at most, so that an interrupt is heard
FIRST, LONGEST = 64, 10_000_000


class Processor:
    """A search for one problem; the members of `equipoise.qubo.machines.QuboMachine`.

    Args:
        scheme: ignored; schemes are the chip's.
        method: one of `METHODS`, or ``auto``: by the structure found in the problem.
        moves: instead, what the moves keep: the (N, N) table of an assignment, or groups of fixed count.
    """

    profile = "this-machine"

    def __init__(self, problem: Problem, scheme: str = "", method: str = "auto", moves: Any = None) -> None:
        del scheme
        self._problem = problem
        self.structure = Structure()
        if moves is not None:
            self.scheme, self._factory = keeping(problem, moves)
        else:
            if method not in ("tabu", "memetic", "sweeps"):
                self.structure = find(problem)
            self.scheme, self._factory = choose(problem, self.structure, method)
        self._factory(0).advance(1)  # compiled code is loaded before any clock runs
        integer = problem.linear.dtype.kind == "i"
        self._unit: float = 1 if integer else self._matrix_unit()
        self.quantisation: dict[str, Any] = {
            "scale": 1.0 / self._unit,
            "exact": integer,
            "max_error": 0.0 if integer else 0.5 * self._unit * (problem.num_variables + problem.num_pairs),
            "method": self.scheme,
            "structure": str(self.structure),
        }

    def _matrix_unit(self) -> float:
        return float(whole(self._problem)[0])

    def temperatures(self, wanted: tuple[float, float] | None) -> tuple[float, float]:
        if wanted is not None:
            raise InputError("the target cpu takes no temperatures: its searches find their own")
        return math.nan, math.nan

    def schedule(self, high: float, low: float, steps: int | None) -> Any:
        del high, low, steps
        return self.scheme

    def anneal(self, schedule: Any, seeds: Sequence[int], **limits: Any) -> AnnealResult:
        """Search once per seed; each ends at ``steps`` moves, ``timeout_s`` or ``target_cost``, whichever is first."""
        del schedule
        return self._anneal(seeds, **limits)

    def _anneal(
        self,
        seeds: Sequence[int],
        *,
        steps: int | None = None,
        timeout_s: float | None = None,
        target_cost: float | None = None,
        threads: int = 1,
        should_stop: Callable[[], bool] | None = None,
    ) -> AnnealResult:
        if steps is None and timeout_s is None:
            raise InputError("give a number of steps or a timeout: a search has no end of its own")
        target = None
        if target_cost is not None:
            target = math.floor((Fraction(target_cost) - Fraction(self._problem.offset)) / Fraction(self._unit))

        def one(seed: int) -> tuple[Search, int]:
            clock = time.perf_counter_ns()
            search = self._factory(int(seed))
            self._run(search, steps, timeout_s, target, clock, should_stop)
            return search, time.perf_counter_ns() - clock

        cpu, wall = time.process_time_ns(), time.perf_counter_ns()
        if threads > 1 and len(seeds) > 1:
            with ThreadPoolExecutor(threads) as pool:
                done = list(pool.map(one, seeds))
        else:
            done = [one(seed) for seed in seeds]
        ledger = Ledger()
        ledger.add(Event.WALL_NANOSECONDS, time.perf_counter_ns() - wall, component="processor", phase="")
        ledger.add(Event.CPU_NANOSECONDS, time.process_time_ns() - cpu, component="processor", phase="")
        searches = [search for search, _ in done]
        return AnnealResult(
            np.stack([s.best for s in searches]),
            np.array([s.best_cost for s in searches], np.int64),
            np.array([s.moves for s in searches], np.int64),
            np.array([s.best_move for s in searches], np.int64),
            tuple(np.array(s.trace, np.int64).reshape(-1, 2) for s in searches),
            np.array([spent for _, spent in done], np.int64),
            ledger,
        )

    @staticmethod
    def _run(
        search: Search,
        steps: int | None,
        timeout_s: float | None,
        target: int | None,
        clock: int,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        """Advance in pieces, so that the clock can be looked at; pieces do not change where the search goes."""
        end = None if timeout_s is None else clock + int(timeout_s * 1e9)
        size = FIRST
        search.advance(0)
        while steps is None or search.moves < steps:
            if target is not None and search.best_cost is not None and search.best_cost <= target:
                return
            now = time.perf_counter_ns()
            if (end is not None and now >= end) or (should_stop is not None and should_stop()):
                return
            search.advance(size if steps is None else min(size, steps - search.moves))
            spent = max(time.perf_counter_ns() - now, 1)
            left = CHECK_NS if end is None else max(min(CHECK_NS, end - now - spent), 1)
            size = int(max(1, min(size * 4, size * left / spent, LONGEST)))
