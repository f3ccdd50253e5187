"""What solving a constrained problem returns: whether the constraints hold is said before anything else."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.constraints.model import ConstrainedProblem
from equipoise.qubo.solution import Solution

__all__ = ["ConstrainedSolution", "Round"]


@dataclass(frozen=True)
class Round:
    """One round of rising and falling prices.

    Attributes:
        prices: per constraint that is priced. feasible: of how many reads every constraint held.
        objective: the best feasible one so far, None before there is any.
    """

    prices: tuple[float, ...]
    feasible: int
    reads: int
    objective: float | None


@dataclass(frozen=True, eq=False)
class ConstrainedSolution:
    """The best feasible state found; where there was none, the one that misses least.

    Attributes:
        x: (n,) zeros and ones of the model's own bits. sample: the source's variables.
        feasible: whether every constraint holds. violations: label -> by how much it is missed.
        objective: of ``x``, without any penalty.
        kept: what the moves kept by themselves. rounds: how the prices went.
        last: the last round's solution, with target, counts, energy and latency of that round.
        states: (k, n) every state that a read ended in. objectives: (k,) floats; feasibles: (k,) bool.
    """

    problem: ConstrainedProblem
    x: npt.NDArray[np.uint8]
    objective: int | float
    feasible: bool
    violations: dict[str, float]
    kept: str
    rounds: tuple[Round, ...]
    last: Solution
    states: npt.NDArray[np.uint8]
    objectives: npt.NDArray[np.float64]
    feasibles: npt.NDArray[np.bool_]

    @property
    def sample(self) -> dict[Hashable, int | float]:
        return self.problem.decode(self.x)

    def as_dict(self) -> dict[str, Any]:
        """The command line's JSON object."""
        return {
            "feasible": self.feasible,
            "objective": self.objective,
            "violations": self.violations,
            "solution": "".join(map(str, self.x.tolist())),
            "sample": {str(label): value for label, value in self.sample.items()},
            "num_variables": self.problem.num_variables,
            "num_constraints": len(self.problem.constraints),
            "kept": self.kept,
            "rounds": [vars(r) for r in self.rounds],
            "target": self.last.as_dict()["target"],
            "scheme": self.last.scheme,
            "seed": self.last.seed,
            "convention": self.problem.convention,
        }

    def __repr__(self) -> str:
        state = "feasible" if self.feasible else f"infeasible: misses {len(self.violations)} constraints"
        return f"<ConstrainedSolution: objective {self.objective:g}, {state}, on {self.last.as_dict()['target']}>"
