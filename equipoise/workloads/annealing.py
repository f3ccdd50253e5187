"""A QUBO whose pairs stay and whose linear coefficients change: one program, loaded again for every problem."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.problem import Problem
from equipoise.qubo.solving import read_seeds
from equipoise.targets import Target
from hw_profiles.ledger import Component, Event, Ledger, Phase

__all__ = ["Annealed"]


class Annealed:
    """A problem on an annealing target.

    The Loihi 2 program keeps its synapses and gets new biases, which are counted as values written by the host. Other
    machines are programmed anew for each problem, and count that.

    Args:
        target: with a factory for QUBOs.
        problem: with linear coefficients as large as any that will be loaded, so that they keep to its scale.
        scheme: of the Loihi 2 annealer; other machines have only their own.
        every_whole: coefficients are whole numbers, here and in all that will be loaded. A factor that all of
            ``problem``'s have in common would be divided out, which what is loaded later need not have: then the
            largest linear coefficient is made larger by one.
    """

    def __init__(
        self, target: Target, problem: Problem, scheme: str = "refractory", *, every_whole: bool = False, **options: Any
    ) -> None:
        if every_whole:
            problem = _without_common_factor(problem)
        self.target, self.problem, self.scheme, self.options = target, problem, scheme, options
        self._machine = target.make("qubo", problem, scheme, **options)
        self._loads = getattr(self._machine, "with_linear", None)
        self.temperatures: tuple[float, float] | None = None

    @property
    def quantisation(self) -> dict[str, Any]:
        """Scale, exactness and largest error of the program."""
        found: dict[str, Any] = self._machine.quantisation
        return found

    def load(self, linear: npt.NDArray[Any]) -> Any:
        """The machine with (n,) other linear coefficients."""
        if self._loads is not None:
            return self._loads(linear)
        return self.target.make("qubo", dataclasses.replace(self.problem, linear=linear), self.scheme, **self.options)

    def settle_temperatures(self, samples: npt.NDArray[Any]) -> None:
        """Use one temperature range for all problems: the mean of the ranges of these (k, n) typical ones.

        A range for every problem would have to be found by the host, problem by problem. ``samples`` must not be
        problems that are reported.
        """
        ranges = [self.load(linear).temperatures(None) for linear in samples]
        if not np.isnan(ranges).any():
            high, low = np.mean(ranges, axis=0)
            self.temperatures = (float(high), float(low))

    def anneal(
        self, linear: npt.NDArray[Any], *, steps: int, reads: int, seed: int
    ) -> tuple[npt.NDArray[np.uint8], Ledger]:
        """(reads, n) best states of ``reads`` anneals of ``steps``, and what they took."""
        machine = self.load(linear)
        high, low = self.temperatures or machine.temperatures(None)
        result = machine.anneal(machine.schedule(high, low, steps), read_seeds(seed, reads), steps=steps)
        ledger = Ledger(result.ledger)
        if self._loads is not None:
            ledger.add(Event.HOST_WRITES, len(linear), component=Component.HOST, phase=Phase.PROGRAM)
        return result.states, ledger


def _without_common_factor(problem: Problem) -> Problem:
    linear = problem.linear.astype(np.int64)
    if np.gcd.reduce(np.concatenate([linear, problem.pairs.astype(np.int64)])) > 1:
        largest = int(np.abs(linear).argmax())
        linear[largest] += 1 if linear[largest] > 0 else -1
    return dataclasses.replace(problem, linear=linear)
