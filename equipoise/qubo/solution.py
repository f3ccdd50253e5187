"""What solving returns: the best solution, every read, counts, prices, and where it all is."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.picture import solution_figure
from equipoise.qubo.problem import Problem
from equipoise.run import RunResult

__all__ = ["Solution", "as_bits"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Solution(RunResult):
    """The result of `solve`.

    Attributes:
        x: (n,) zeros and ones, the best of all reads, in the order of ``problem.labels``.
        best_cost: its cost, evaluated on the original problem: minimised, offset included.
        objective: the same in the file's own sense (the cut, the maximised value).
        states: (reads, n) the best state of each read.
        costs: per read, evaluated on the original problem.
        steps, best_steps, wall_ns: (reads,) algorithmic steps done, step of the best state, time.
        improvements: per read, (k, 2): step and cost in the machine's integer units, every improvement.
        temperatures: (high, low) used, in units of the cost.
        quantisation: scale, exact, max_error.
        target_reached: whether the target cost was; None where there was none.

    Status, target, profile, energy, latency, times, ledger and record: see `RunResult`.
    """

    problem: Problem
    x: npt.NDArray[np.uint8]
    best_cost: int | float
    states: npt.NDArray[np.uint8]
    costs: tuple[int | float, ...]
    steps: npt.NDArray[np.int64]
    best_steps: npt.NDArray[np.int64]
    wall_ns: npt.NDArray[np.int64]
    improvements: tuple[npt.NDArray[np.int64], ...]
    seed: int
    scheme: str
    schedule: str
    temperatures: tuple[float, float]
    quantisation: dict[str, Any]
    target_reached: bool | None = None

    @property
    def objective(self) -> int | float:
        return self.problem.objective(self.best_cost)

    @property
    def bits(self) -> str:
        """The solution as text of 0 and 1, in the order of the file's variables."""
        return as_bits(self.x)

    @property
    def sample(self) -> dict[Hashable, int]:
        """Variable label to value, in the source's own type: 0 and 1, or -1 and 1 where it had spins."""
        values = 2 * self.x.astype(np.int8) - 1 if self.problem.vartype == "SPIN" else self.x
        return dict(zip(self.problem.labels, values.tolist()))

    @property
    def reads(self) -> int:
        return len(self.costs)

    def as_dict(self) -> dict[str, Any]:
        """The command line's JSON object."""
        return {
            "best_cost": self.best_cost,
            "objective": self.objective,
            "solution": self.bits,
            "num_variables": self.problem.num_variables,
            "steps": int(self.steps.max(initial=0)),
            "reads": self.reads,
            "seed": self.seed,
            "scheme": self.scheme,
            "schedule": self.schedule,
            "temperature": list(self.temperatures),
            "quantisation": self.quantisation,
            "target_reached": self.target_reached,
            "convention": self.problem.convention,
            **self.run_dict(),
        }

    def plot(self) -> Any:
        """A matplotlib figure: the best cost of every read as it fell, and the solution on the graph of its pairs."""
        return solution_figure(self)

    def _about(self) -> list[tuple[str, object]]:
        reads = f"{self.reads} of {int(self.steps.max(initial=0))} steps, {self.scheme}"
        return [("cost", self.best_cost), ("variables", self.problem.num_variables), ("reads", reads)]

    def __repr__(self) -> str:
        return (
            f"<Solution: cost {self.best_cost} of {self.problem.num_variables} variables, {self.reads} reads on "
            f"{self.target.resolved}>"
        )


def as_bits(x: npt.NDArray[np.uint8]) -> str:
    """A state as text of 0 and 1."""
    return "".join(map(str, x.tolist()))
