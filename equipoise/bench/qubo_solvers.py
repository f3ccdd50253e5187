"""The solvers of ``equipoise bench qubo``, behind one call: a model, an amount of work, a seed.

Work is the solver's own unit (steps, sweeps, milliseconds, descents). Every solver gets the same `dimod` model and
one thread. Annealers report the time of their sampling alone; where a solver does not, the whole call counts.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Call", "Case", "Solver", "solvers"]


@dataclass(frozen=True)
class Case:
    """One instance: its model, the cost to reach, a better one if known, and betas for tuned annealers."""

    family: str
    name: str
    bqm: Any
    target: float
    best_known: float
    betas: tuple[float, float]


@dataclass(frozen=True)
class Call:
    """What one call gave: energy, CPU seconds of the whole call, and of its sampling."""

    cost: float
    whole_s: float
    sampling_s: float


class Solver(ABC):
    """One solver with fixed settings. ``first`` is the smallest amount of work."""

    name: str
    unit: str
    first: int = 16

    def run(self, case: Case, work: int, seed: int) -> Call:
        """One call, timed in CPU time, so that other processes on the machine cost nobody anything."""
        wall, cpu = time.perf_counter(), time.process_time()
        cost, sampling = self.call(case, work, seed)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        # Sampling is reported in wall time: take the same share of it as of the whole call.
        return Call(cost, cpu, cpu if sampling is None else min(sampling * min(cpu / wall, 1.0), cpu))

    @abstractmethod
    def call(self, case: Case, work: int, seed: int) -> tuple[float, float | None]:
        """Energy of the best sample, and the sampling's seconds if the solver says."""


class Equipoise(Solver):
    """This project's sampler with its default settings: two-phase, temperatures found from the model."""

    name, unit = "equipoise", "steps"

    def __init__(self) -> None:
        from equipoise.qubo import EquipoiseSampler

        self._sampler = EquipoiseSampler(target="loihi2-sim")

    def call(self, case: Case, work: int, seed: int) -> tuple[float, float | None]:
        samples = self._sampler.sample(case.bqm, num_reads=1, num_steps=work, seed=seed)
        return float(samples.record.energy[0]), float(samples.record.wall_ns[0]) / 1e9


class DwaveAnnealing(Solver):
    """dwave-samplers simulated annealing, with its own temperatures or with given ones (linear)."""

    unit = "sweeps"

    def __init__(self, tuned: bool) -> None:
        from dwave.samplers import SimulatedAnnealingSampler

        self.name = "dwave SA tuned" if tuned else "dwave SA default"
        self._tuned, self._sampler = tuned, SimulatedAnnealingSampler()

    def call(self, case: Case, work: int, seed: int) -> tuple[float, float | None]:
        extra = {"beta_range": case.betas, "beta_schedule_type": "linear"} if self._tuned else {}
        samples = self._sampler.sample(case.bqm, num_reads=1, num_sweeps=work, seed=seed, **extra)
        return float(samples.record.energy[0]), samples.info["timing"]["sampling_ns"] / 1e9


class DwaveTabu(Solver):
    """dwave-samplers tabu search; work is its time limit in milliseconds."""

    name, unit, first = "dwave tabu", "ms", 1

    def __init__(self) -> None:
        from dwave.samplers import TabuSampler

        self._sampler = TabuSampler()

    def call(self, case: Case, work: int, seed: int) -> tuple[float, float | None]:
        samples = self._sampler.sample(case.bqm, num_reads=1, timeout=work, seed=seed)
        return float(samples.record.energy[0]), None


class DwaveDescent(Solver):
    """dwave-samplers steepest descent from random states; work is the number of descents."""

    name, unit, first = "dwave descent", "descents", 1

    def __init__(self) -> None:
        from dwave.samplers import SteepestDescentSolver

        self._sampler = SteepestDescentSolver()

    def call(self, case: Case, work: int, seed: int) -> tuple[float, float | None]:
        sparse = case.bqm.num_interactions < 0.2 * case.bqm.num_variables**2
        samples = self._sampler.sample(case.bqm, num_reads=work, seed=seed, large_sparse_opt=sparse)
        return float(samples.record.energy.min()), None


class OpenJij(Solver):
    """OpenJij simulated annealing, with its own temperatures or with given ones."""

    unit = "sweeps"

    def __init__(self, tuned: bool) -> None:
        import openjij

        self.name = "OpenJij SA tuned" if tuned else "OpenJij SA default"
        self._tuned, self._sampler = tuned, openjij.SASampler()

    def call(self, case: Case, work: int, seed: int) -> tuple[float, float | None]:
        # OpenJij's betas belong to its Ising form, like D-Wave's.
        extra = {"beta_min": case.betas[0], "beta_max": case.betas[1]} if self._tuned else {}
        samples = self._sampler.sample(case.bqm, num_reads=1, num_sweeps=work, seed=seed % 2**31, **extra)
        microseconds = samples.info.get("execution_time")
        return float(samples.record.energy.min()), None if microseconds is None else microseconds / 1e6


def solvers(names: tuple[str, ...] = ()) -> tuple[list[Solver], list[str]]:
    """All solvers that can be imported (or those whose name holds one of ``names``), and why others cannot."""
    builders: list[Callable[[], Solver]] = [
        Equipoise, lambda: DwaveAnnealing(False), lambda: DwaveAnnealing(True), DwaveTabu, DwaveDescent,
        lambda: OpenJij(False), lambda: OpenJij(True),
    ]  # fmt: skip
    made: list[Solver] = []
    missing: list[str] = []
    for build in builders:
        try:
            solver = build()
        except ImportError as error:
            missing.append(f"{error.name or error}: pip install 'equipoise[bench]'")
            continue
        if not names or any(n.lower() in solver.name.lower() for n in names):
            made.append(solver)
    return made, sorted(set(missing))
