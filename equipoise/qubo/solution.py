"""What solving returns: the best solution, every read, counts, prices, and where it all is."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.problem import Problem
from hw_profiles.ledger import Ledger

__all__ = ["Solution"]


@dataclass(frozen=True, eq=False)
class Solution:
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
        target: requested, resolved, reason.
        energy_j, latency_s: value, low, high, grade, missing.
        wall_s, sampling_s: the whole call; the annealing alone.
        status: ``complete`` or ``interrupted``.
        record: path of the record, if one was written.
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
    target: dict[str, str]
    profile: str
    energy_j: dict[str, Any]
    latency_s: dict[str, Any]
    wall_s: float
    sampling_s: float
    status: str = "complete"
    target_reached: bool | None = None
    record: Path | None = None
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def objective(self) -> int | float:
        return self.problem.objective(self.best_cost)

    @property
    def bits(self) -> str:
        """The solution as text of 0 and 1, in the order of the file's variables."""
        return "".join(map(str, self.x.tolist()))

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
            "wall_s": self.wall_s,
            "sampling_s": self.sampling_s,
            "quantisation": self.quantisation,
            "target": self.target,
            "target_reached": self.target_reached,
            "profile": self.profile,
            "energy_j": self.energy_j,
            "latency_s": self.latency_s,
            "convention": self.problem.convention,
            "status": self.status,
            "record": None if self.record is None else str(self.record),
        }

    def __repr__(self) -> str:
        return (
            f"<Solution: cost {self.best_cost} of {self.problem.num_variables} variables, {self.reads} reads on "
            f"{self.target.get('resolved')}>"
        )
