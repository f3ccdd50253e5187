"""``solve``: a problem in, the best solution out, on any target, with what it cost."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.qubo.machines import QuboMachine
from equipoise.qubo.problem import Problem
from equipoise.qubo.rounding import rounding
from equipoise.qubo.solution import Solution, as_bits
from equipoise.qubo.starting import starting_states
from equipoise.run import Run
from equipoise.targets import Target, find_target
from hw_profiles.arguments import checked
from hw_profiles.errors import InputError, Interrupted
from substrates.base import AnnealResult
from substrates.seeds import derive_seed

if TYPE_CHECKING:
    from hw_profiles.record import Record

__all__ = ["Solution", "default_steps", "read_seeds", "solve"]

#: inputs up to this many pairs are kept in the record, larger ones only by name
KEPT_PAIRS = 1_000_000
#: seconds; what is longer is cut to this
LONGEST = 1e9
#: more steps than anyone can wait for; schedules stay exact in 64 bits
MOST_STEPS = 2**46
#: the largest coefficient, and a temperature, must be within these, so that squares of all stay finite and above zero
SMALLEST_SIZE, LARGEST_SIZE = 1e-140, 1e140
#: the record holds every improvement of this many reads, and of the best one
KEPT_TRACES = 10


def default_steps(num_variables: int, target: str | Target = "loihi2-sim") -> int:
    """Steps per read when none are given, nor a timeout: about 10^8 neuron steps, from 1000 to the target's most."""
    return max(1000, min(find_target(target).most_steps, 100_000_000 // max(num_variables, 1)))


def read_seeds(seed: int, reads: int, first: int = 0) -> list[int]:
    """One seed per read, from read ``first`` on; read r has the same seed however many reads there are."""
    return [derive_seed(seed, "qubo read", r) % 2**63 for r in range(first, first + reads)]


@checked
def solve(
    problem: Any,
    target: str | Target = "auto",
    scheme: str = "two-phase",
    *,
    method: str | None = None,
    steps: int | None = None,
    timeout: float | None = None,
    target_cost: float | None = None,
    reads: int = 1,
    seed: int = 0,
    temperature: tuple[float, float] | None = None,
    profile: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    schedule: Any = None,
    threads: int = 1,
    initial_states: Any = None,
    options: dict[str, Any] | None = None,
    progress: Callable[[int, float | None], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Solution:
    """Minimise a QUBO.

    Args:
        problem: a `Problem`, or anything `Problem.of` takes (BQM, matrix, dict, graph).
        target: ``auto``, a name of `equipoise.targets.TARGETS`, ``path.py:Name``, or a `Target`.
        scheme: of the Loihi 2 annealer, a name of `substrates.loihi2.annealing.SCHEMES`: ``two-phase``, ``refractory``,
            ``nebm``, or ``eviction`` for independent sets. Other targets have only their own.
        method: how the target ``cpu`` searches: ``auto`` (by the problem's structure), or a name of
            `equipoise.qubo.search.METHODS`; given alone it chooses that target.
        steps: algorithmic steps per read (moves on ``cpu``). Default: `default_steps`, unless ``timeout`` is given.
        timeout: seconds of annealing, shared evenly by the reads. Results then depend on the machine's speed.
        target_cost: stop a read as soon as its cost is this or lower.
        reads: independent anneals.
        seed: everything random follows from it.
        temperature: (high, low) in units of the cost: a flip that costs dE is tried with probability 2^(-dE / T).
            Default: found from the problem.
        profile: hardware profile that prices the counts. Default: the target's own.
        out: write a record there; one that is there is replaced only with ``overwrite``.
        schedule: a schedule of the target's own, instead of ``temperature``.
        threads: reads annealed at the same time; results do not depend on it.
        initial_states: where reads begin, as `equipoise.qubo.starting.starting_states` takes them; zeros where not
            given. A hot anneal forgets them: lower ``temperature`` as well. Loihi 2 only.
        options: further arguments of the machine (``chip`` for the analog target).
        progress: called after each read with (reads done, best cost).
        should_stop: asked now and then; True ends the run early, keeping what was done.

    Raises:
        InputError: something asked for makes no sense; nothing has been done or written.
        Interrupted: a `KeyboardInterrupt` (Ctrl-C) whose ``result`` is the solution so far; the record is whole.
    """
    _check(steps, timeout, target_cost, reads, temperature, threads)
    read_seeds(seed, 1)  # refuses a seed that cannot be used
    qubo = Problem.of(problem)
    if method is not None:
        target, options = _searching(target, method, options)
    run = Run.prepare(target, "qubo", profile=profile, out=out, force=overwrite)
    _check_size(qubo)
    machine: QuboMachine = run.choice.target.make("qubo", qubo, scheme, **(options or {}))
    starts = _starts(qubo, machine, run.choice.resolved, initial_states, reads)
    if steps is None and timeout is None and schedule is None:
        steps = default_steps(qubo.num_variables, run.choice.target)
    if schedule is None:
        high, low = machine.temperatures(temperature)
        schedule = machine.schedule(high, low, steps)
    else:
        high, low = temperature or (math.nan, math.nan)
    limits: dict[str, Any] = {"steps": steps, "target_cost": target_cost, "threads": threads}
    if timeout is not None:
        limits["timeout_s"] = min(timeout, LONGEST) / math.ceil(reads / threads)
    config = {
        **limits, "reads": reads, "scheme": scheme, "schedule": repr(schedule), "timeout": timeout,
        "temperature": [high, low], "quantisation": machine.quantisation, **_about(qubo),
    }  # fmt: skip
    with run.recording("qubo", config=config, seeds={"seed": int(seed)}, inputs=_inputs(qubo, starts)):
        done = _Reads(qubo, run, progress, starts)
        with run.working():
            interrupted = done.all(machine, schedule, (seed, reads), limits, should_stop)
        best = done.best
        quantisation = {**machine.quantisation, **rounding(qubo, done.costs, done.improvements, machine.quantisation)}
        if run.record is not None:
            _keep(run.record, done, quantisation)
        solution = Solution(
            problem=qubo,
            x=done.states[best],
            best_cost=done.costs[best],
            **done.columns(),
            seed=int(seed),
            scheme=machine.scheme,
            schedule=repr(schedule),
            temperatures=(float(high), float(low)),
            quantisation=quantisation,
            target_reached=None if target_cost is None else done.costs[best] <= target_cost,
            **run.finish("interrupted" if interrupted else "complete"),
        )
    if done.broken_off:
        raise Interrupted(solution)
    return solution


def _check(
    steps: int | None,
    timeout: float | None,
    target_cost: float | None,
    reads: int,
    temperature: tuple[float, float] | None,
    threads: int,
) -> None:
    if steps is not None and (isinstance(steps, bool) or int(steps) != steps or steps < 0):
        raise InputError(f"the number of steps must be a whole number of zero or more, got {steps}")
    if steps is not None and steps > MOST_STEPS:
        raise InputError(f"the number of steps must be at most {MOST_STEPS}, got {steps}")
    if timeout is not None and not 0 < timeout < math.inf:
        raise InputError(f"the timeout must be a positive number of seconds, got {timeout}")
    if steps is not None and timeout is not None:
        raise InputError("give steps or a timeout, not both")
    if target_cost is not None and not math.isfinite(target_cost):
        raise InputError(f"the target cost must be a finite number, got {target_cost}")
    if reads < 1:
        raise InputError(f"the number of reads must be at least 1, got {reads}")
    if threads < 1:
        raise InputError(f"the number of threads must be at least 1, got {threads}")
    if temperature is not None:
        high, low = temperature
        if not (math.isfinite(high) and math.isfinite(low) and 0 <= low <= high):
            raise InputError(f"temperatures {high:g},{low:g}: expected HIGH,LOW with 0 <= LOW <= HIGH")
        if high > LARGEST_SIZE:
            raise InputError(f"the high temperature must be at most {LARGEST_SIZE:g}, got {high:g}")


def _searching(
    target: str | Target, method: str, options: dict[str, Any] | None
) -> tuple[str | Target, dict[str, Any]]:
    """A method given alone chooses the target ``cpu``; no other has methods."""
    if target not in ("auto", "cpu"):
        name = find_target(target).name
        raise InputError(f"methods are the searches of the target cpu; {name} has schemes instead")
    return "cpu", {**(options or {}), "method": method}


def _starts(problem: Problem, machine: QuboMachine, target: str, given: Any, reads: int) -> Any:
    """(reads, n) states to begin at, or None."""
    if given is None:
        return None
    if not getattr(machine, "takes_states", False):
        raise InputError(f"the target {target} begins at states of its own; leave out initial_states")
    return starting_states(problem, given, reads)


def _check_size(problem: Problem) -> None:
    if problem.num_variables == 0:
        raise InputError("the problem has zero variables")
    size = max((float(np.abs(part).max(initial=0)) for part in (problem.linear, problem.pairs)), default=0.0)
    if size and not SMALLEST_SIZE <= size <= LARGEST_SIZE:
        raise InputError(
            f"the largest coefficient is {size:.3g}; the annealers take problems where it is between "
            f"{SMALLEST_SIZE:g} and {LARGEST_SIZE:g}: scale this one"
        )


class _Reads:
    """What has been read so far; grows batch by batch so that an interruption keeps the finished ones."""

    def __init__(
        self, problem: Problem, run: Run, progress: Callable[[int, float | None], None] | None, starts: Any = None
    ) -> None:
        self.problem, self.run, self.progress, self.starts = problem, run, progress, starts
        self.states: list[Any] = []
        self.costs: list[int | float] = []
        self.steps: list[int] = []
        self.best_steps: list[int] = []
        self.wall_ns: list[int] = []
        self.improvements: list[Any] = []
        self.broken_off = False  #: by an exception, which goes on to the caller when all is kept

    @property
    def best(self) -> int:
        return min(range(len(self.costs)), key=self.costs.__getitem__)

    def columns(self) -> dict[str, Any]:
        """One row per read, as a `Solution` holds them."""
        counts = {name: np.array(getattr(self, name), np.int64) for name in ("steps", "best_steps", "wall_ns")}
        lists = {"costs": tuple(self.costs), "improvements": tuple(self.improvements)}
        return {"states": np.stack(self.states), **lists, **counts}

    def all(
        self,
        machine: QuboMachine,
        schedule: Any,
        seeds: tuple[int, int],
        limits: dict[str, Any],
        should_stop: Callable[[], bool] | None,
    ) -> bool:
        """Anneal ``(seed, reads)``, a batch at a time; return whether it was interrupted."""
        (seed, reads), batch, done = seeds, limits["threads"], 0
        if should_stop is not None:
            limits = {**limits, "should_stop": should_stop}
        while done < reads:
            began = time.perf_counter()
            some = read_seeds(seed, min(batch, reads - done), done)
            if self.starts is not None:
                limits = {**limits, "start": self.starts[done : done + len(some)]}
            try:
                self.add(machine.anneal(schedule, some, **limits))
            except KeyboardInterrupt:
                self.broken_off = True
                if not self.costs:
                    first = {} if self.starts is None else {"start": self.starts[:1]}
                    self.add(machine.anneal(schedule, some[:1], steps=0, **first))
                return True
            done += len(some)
            if self.progress:
                self.progress(done, self.costs[self.best])
            if should_stop is not None and should_stop():
                return True
            # Many short reads go through in one call: no per-call overhead worth a millisecond.
            spent = time.perf_counter() - began
            if spent < 0.05:
                batch *= 4
        return False

    def add(self, result: AnnealResult) -> None:
        for r, state in enumerate(result.states):
            self.states.append(state)
            self.costs.append(self.problem.cost(state))
            self.steps.append(int(result.steps[r]))
            self.best_steps.append(int(result.best_steps[r]))
            self.wall_ns.append(int(result.wall_ns[r]))
            self.improvements.append(result.improvements[r])
            if self.run.record is not None:
                self.run.record.append(
                    "reads",
                    {
                        "read": len(self.costs) - 1,
                        "cost": float(self.costs[-1]),
                        "steps": self.steps[-1],
                        "best_step": self.best_steps[-1],
                        "wall_ns": self.wall_ns[-1],
                    },
                )
        self.run.ledger.merge(result.ledger)
        if self.run.record is not None:
            self.run.record.set_ledger(self.run.ledger)


def _about(problem: Problem) -> dict[str, Any]:
    return {
        "problem": problem.name,
        "num_variables": problem.num_variables,
        "num_pairs": problem.num_pairs,
        "sense": problem.sense,
        "convention": problem.convention,
    }


def _inputs(problem: Problem, starts: Any = None) -> dict[str, Any]:
    if problem.num_pairs > KEPT_PAIRS:
        return {}
    begun = {} if starts is None else {"initial_states": starts}
    return begun | {
        "linear": problem.linear,
        "rows": problem.rows,
        "cols": problem.cols,
        "pairs": problem.pairs,
        "offset": problem.offset if abs(problem.offset) < 2**62 else float(problem.offset),
    }


def _keep(record: Record, done: _Reads, quantisation: dict[str, Any]) -> None:
    """Curves and the best solution, costs in the problem's own units."""
    problem, best = done.problem, done.best
    scale, offset = float(quantisation["scale"]), float(problem.offset)
    for read, trace in enumerate(done.improvements):
        if read >= KEPT_TRACES and read != best:
            continue
        for step, cost in trace.tolist():
            record.append("improvements", {"read": read, "step": int(step), "cost": cost / scale + offset})
    for name, cost in (("best_cost", done.costs[best]), ("objective", problem.objective(done.costs[best]))):
        fits = isinstance(cost, float) or abs(cost) < 2**63
        record.result(name, cost if fits else float(cost))
        if not fits:
            record.result(f"{name}_exact", str(cost))
    record.result("solution", as_bits(done.states[best]))
