"""`dimod` samplers: the annealers behind the interface that the QUBO world already speaks."""

from __future__ import annotations

import warnings
from typing import Any

import dimod
import numpy as np

from equipoise.qubo.constraints import solve_constrained
from equipoise.qubo.problem import Problem
from equipoise.qubo.solving import Solution, read_seeds, solve
from hw_profiles.registry import nearest

__all__ = ["AnalogAnnealerSampler", "EquipoiseSampler", "anneal"]

_PARAMETERS = (
    "num_reads", "num_steps", "timeout", "target_cost", "seed", "temperature", "schedule", "threads", "profile", "out",
    "initial_states",
)  # fmt: skip


class _AnnealerSampler(dimod.Sampler):
    """What the two samplers share. Final: subclasses only say which target they are for."""

    # dimod declares these as abstract properties; every instance has its own.
    parameters: dict[str, list[str]] = {}  # noqa: RUF012
    properties: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, target: str, scheme: str, parameters: tuple[str, ...], options: dict[str, Any]) -> None:
        self.parameters = {name: [] for name in parameters}
        self.properties = {"target": target, "scheme": scheme, **{k: repr(v) for k, v in options.items()}}
        self._target, self._scheme, self._options = target, scheme, options

    def sample(self, bqm: Any, **parameters: Any) -> dimod.SampleSet:
        """Sample a binary quadratic model.

        Args:
            bqm: any dimod BQM, binary or spin, or what `Problem.of` takes.
            num_reads: samples to draw (default 1).
            num_steps: algorithmic steps per read, or ``timeout``: seconds for all reads together.
            target_cost: stop a read at this energy or below.
            seed: everything random follows from it (default 0). The result does not depend on the order in which
                the model's variables were added.
            temperature: (high, low) in units of the energy; default: found from the model.
            schedule, threads, profile, out, initial_states: see `equipoise.qubo.solve`. Fewer states than reads are
                repeated.
            scheme: ``two-phase``, ``refractory``, ``nebm`` or ``eviction`` (Loihi 2 only).

        Returns:
            A sample set in the model's own variable type, energies evaluated exactly on the model. Vectors
            ``num_steps``, ``best_step`` and ``wall_ns`` per read; ``info`` has scheme, schedule, scaling, seed,
            target and record.
        """
        known = self.remove_unknown_kwargs(**parameters)
        problem = Problem.of(bqm)
        vartype = dimod.as_vartype(problem.vartype)
        reads = known.pop("num_reads", 1)
        steps = known.pop("num_steps", None)
        scheme = known.pop("scheme", self._scheme)
        if problem.num_variables == 0:
            return _empty(problem, vartype, reads, known.get("seed", 0), scheme)
        with warnings.catch_warnings():
            if self._target == "auto":  # the info says which target was taken and why
                warnings.simplefilter("ignore")
            solution = solve(problem, self._target, scheme, reads=reads, steps=steps, options=self._options, **known)
        return _sample_set(solution, vartype)

    def remove_unknown_kwargs(self, **parameters: Any) -> dict[str, Any]:
        """The known ones; each other one is left out with a warning that names the nearest that is known."""
        known = {name: value for name, value in parameters.items() if name in self.parameters}
        for name in parameters.keys() - known.keys():
            hint = f"{nearest(name, self.parameters)}here are {', '.join(self.parameters)}"
            text = f"Ignoring unknown kwarg: {name!r}; {hint}"
            warnings.warn(text, dimod.exceptions.SamplerUnknownArgWarning, stacklevel=3)
        return known

    def sample_cqm(self, cqm: Any, **parameters: Any) -> dimod.SampleSet:
        """Sample a constrained quadratic model: prices adapt, and every sample says whether it is feasible.

        Args:
            cqm: a `dimod.ConstrainedQuadraticModel` with linear constraints.
            num_reads: per round. num_steps, timeout: for all rounds together. rounds, seed, method, threads: see
                `equipoise.qubo.solve_constrained`.

        Returns:
            One sample per read and round, in the model's own variables, with dimod's ``is_feasible`` and
            ``is_satisfied``; energies are of the objective alone.
        """
        names = {"num_reads": "reads", "num_steps": "steps"}
        known = {names.get(name, name): value for name, value in parameters.items()}
        scheme = known.pop("scheme", self._scheme)
        with warnings.catch_warnings():
            if self._target == "auto":
                warnings.simplefilter("ignore")
            solution = solve_constrained(cqm, self._target, scheme, options=self._options, **known)
        samples = [solution.problem.decode(state) for state in solution.states]
        found = dimod.SampleSet.from_samples_cqm(samples, cqm)
        found.info.update(target=solution.last.target.as_dict(), rounds=[vars(r) for r in solution.rounds])
        return found


def _sample_set(solution: Solution, vartype: Any) -> dimod.SampleSet:
    states = solution.states.astype(np.int8)
    if vartype is dimod.SPIN:
        states = 2 * states - 1
    return dimod.SampleSet.from_samples(
        (states, list(solution.problem.labels)),
        vartype=vartype,
        energy=np.array([float(c) for c in solution.costs]),
        info={
            "scheme": solution.scheme,
            "schedule": solution.schedule,
            "scaling": solution.quantisation,
            "seed": solution.seed,
            "target": solution.target.as_dict(),
            "record": None if solution.record is None else str(solution.record),
            "temperature": solution.temperatures,
            "energy_j": solution.energy.as_dict(),
            "latency_s": solution.latency.as_dict(),
            "timing": {"wall_s": solution.wall_s, "work_s": solution.work_s},
        },
        num_steps=solution.steps,
        best_step=solution.best_steps,
        wall_ns=solution.wall_ns,
        sort_labels=False,
    )


def _empty(problem: Problem, vartype: Any, reads: int, seed: int, scheme: str) -> dimod.SampleSet:
    """A model without variables: every read is the empty sample, its energy the offset."""
    read_seeds(seed, reads)
    return dimod.SampleSet.from_samples(
        np.empty((reads, 0), np.int8),
        vartype=vartype,
        energy=np.full(reads, float(problem.offset)),
        info={"scheme": scheme, "schedule": "", "scaling": {}, "seed": seed, "target": {}, "record": None},
        **{name: np.zeros(reads, np.int64) for name in ("num_steps", "best_step", "wall_ns")},
    )


class EquipoiseSampler(_AnnealerSampler):
    """The Loihi 2 annealer: the chip where there is one, else the same integers on the CPU.

    >>> import dimod
    >>> bqm = dimod.BinaryQuadraticModel({"a": 1}, {("a", "b"): -2}, 0, "BINARY")
    >>> EquipoiseSampler().sample(bqm, num_steps=100).first.energy
    -1.0

    Args:
        target: ``auto``, ``loihi2``, ``loihi2-sim``, ``lava-sim``.
        scheme: ``two-phase``, ``refractory``, ``nebm`` or ``eviction``.
    """

    def __init__(self, target: str = "auto", scheme: str = "two-phase") -> None:
        super().__init__(target, scheme, (*_PARAMETERS, "scheme"), {})


class AnalogAnnealerSampler(_AnnealerSampler):
    """The analog annealer: a noisy relaxation network, cooled.

    Args:
        chip: `substrates.analog` chip parameters (mismatch and so on); None is a chip without fault. The instance
            is drawn from ``chip_seed`` and stays the same chip for every sample call.
        chip_seed: which chip of that kind.
        bounds: ``hard`` or ``soft`` rails.
    """

    def __init__(self, chip: Any = None, chip_seed: int = 0, bounds: str = "hard") -> None:
        super().__init__("analog", "langevin", _PARAMETERS, {"chip": chip, "instance": chip_seed, "bounds": bounds})


def anneal(problem: Any, target: str = "auto", scheme: str = "two-phase", **parameters: Any) -> dimod.SampleSet:
    """Every read of a problem as a sample set, where `equipoise.solve` gives the best one.

    Args:
        problem: what `Problem.of` takes.
        target, scheme: as for `equipoise.solve`.
        parameters: of `EquipoiseSampler.sample`: ``num_reads``, ``num_steps``, ``seed`` and so on.
    """
    return EquipoiseSampler(target, scheme).sample(problem, **parameters)
