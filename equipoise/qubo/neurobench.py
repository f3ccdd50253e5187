"""NeuroBench's QUBO task (system track), maximum independent sets, and the 105 instances of Pierro et al.

Instances: ``gnm_random_graph(n, int(0.5 d n^2), seed)``, diagonal -1, an edge costs 8. Targets: the costs NeuroBench
publishes (exact below 50 nodes, tabu search above) and the best seen here, side by side, each with the anneal that
reaches it (`reach`). The gap of a cost c is (c - c_target) / |c_target|: positive is worse. NeuroBench prints the
formula without the bars, which turns the sign round for its negative costs, and says in words what we compute.

Source: NeuroBench system benchmarks, QUBO.md; Pierro et al., arXiv 2408.03076.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from equipoise.qubo.generators import mis
from equipoise.qubo.solving import solve
from hw_profiles.errors import InputError
from substrates.loihi2.annealing import Linear, Loihi2Annealer, Settings

if TYPE_CHECKING:
    from equipoise.qubo.problem import Problem
    from substrates.base import AnnealResult

__all__ = [
    "GAPS", "INSTANCES", "PAPER_INSTANCES", "TIMEOUTS", "Instance", "Row", "Target",
    "fixed_timeout", "gap", "reach", "targets", "time_to_gap",
]  # fmt: skip

TIMEOUTS = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)  #: seconds after loading, the fixed-timeout scenario
GAPS = (0.1, 0.05, 0.01)  #: the time-to-solution scenario
EXPONENT = 7  #: of the anneals behind the best values: their temperatures are in units of 2^-7


@dataclass(frozen=True, order=True)
class Instance:
    """One graph: ``density_percent`` of all pairs are edges."""

    nodes: int
    density_percent: int
    seed: int

    def problem(self) -> Problem:
        """The QUBO."""
        problem: Problem = mis(self.nodes, self.density_percent / 100, self.seed).problem
        return problem


def _grid(nodes: Iterable[int], densities: Iterable[int]) -> tuple[Instance, ...]:
    pairs = [(n, d) for n in nodes for d in densities]
    return tuple(Instance(n, d, seed) for n, d in pairs for seed in range(5))


#: the tuning set of the benchmark: seeds 0 to 4 of every size and density
INSTANCES = _grid((10, 25, 50, 100, 250, 500, 1000, 2500, 5000), (1, 5, 10, 25))
#: the instances of Pierro et al.
PAPER_INSTANCES = _grid((10, 25, 50, 100, 250, 500, 1000), (5, 15, 30))


@dataclass(frozen=True)
class Target:
    """Costs to compare with, and the anneal that reaches ``best`` (see `reach`); ``steps`` is 0 where none was run."""

    official: int
    best: int
    steps: int
    read_seed: int
    high: int
    low: int


@cache
def targets() -> dict[Instance, Target]:
    """Official and best-seen costs of every instance that has them."""
    text = resources.files("equipoise.qubo").joinpath("data/neurobench.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        Instance(int(r["nodes"]), int(r["density_percent"]), int(r["seed"])): Target(
            *(int(r[k]) for k in ("official", "best", "steps", "read_seed", "high", "low"))
        )
        for r in rows
    }


def gap(cost: float, target: float) -> float:
    """(cost - target) / |target|; positive is worse than the target."""
    if target == 0:
        raise InputError("the gap to a target of zero is not defined")
    return (cost - target) / abs(target)


def reach(instance: Instance) -> AnnealResult:
    """Run the anneal that reaches the best value seen: the same integers on any machine."""
    import numpy as np

    target = targets().get(instance)
    if target is None or target.steps == 0:
        raise InputError(f"no anneal is stored for {instance}")
    problem = instance.problem()
    indptr, indices, entry = problem.csr
    annealer = Loihi2Annealer(
        indptr,
        indices,
        np.asarray(problem.pairs)[entry] // 2,
        problem.linear,
        Settings(strict=False, exponent=EXPONENT),
    )
    return annealer.anneal(Linear(target.high, target.low, target.steps), [target.read_seed])


@dataclass(frozen=True)
class Row:
    """One line of the report. Energies are those of the hardware profile, None where it cannot price the run."""

    nodes: int
    density_percent: int
    seed: int
    timeout_s: float
    cost: float
    official: int | None
    best_seen: int | None
    gap_official: float | None
    gap_best_seen: float | None
    latency_s: float
    chip_latency_s: float | None
    energy_j: float | None
    power_w: float | None
    target_gap: float | None = None
    reached: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _row(instance: Instance, timeout: float, target_gap: float | None, **options: Any) -> Row:
    known = targets().get(instance)
    goal = None
    if target_gap is not None:
        if known is None:
            raise InputError(f"{instance} has no target; choose one of the benchmark's sizes from 50 nodes on")
        goal = known.official + target_gap * abs(known.official)
    solution = solve(instance.problem(), timeout=timeout, target_cost=goal, **options)
    energy, latency = solution.energy.value, solution.latency.value
    cost = float(solution.best_cost)
    return Row(
        instance.nodes,
        instance.density_percent,
        instance.seed,
        timeout,
        cost,
        known.official if known else None,
        known.best if known else None,
        gap(cost, known.official) if known else None,
        gap(cost, known.best) if known else None,
        solution.work_s,
        latency,
        energy,
        energy / latency if energy is not None and latency else None,
        target_gap,
        None if goal is None else cost <= goal,
    )


def fixed_timeout(instances: Sequence[Instance], timeouts: Sequence[float] = TIMEOUTS[:4], **options: Any) -> list[Row]:
    """The fixed-timeout scenario: one row per instance and timeout. ``options`` go to `equipoise.qubo.solve`."""
    return [_row(instance, timeout, None, **options) for instance in instances for timeout in timeouts]


def time_to_gap(
    instances: Sequence[Instance], gaps: Sequence[float] = GAPS, limit_s: float = 10.0, **options: Any
) -> list[Row]:
    """The time-to-solution scenario: latency and energy until the official target is met within each gap."""
    return [_row(instance, limit_s, wanted, **options) for instance in instances for wanted in gaps]
