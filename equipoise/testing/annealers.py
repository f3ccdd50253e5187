"""Conformance of an annealing machine: run these checks on your own before you trust a solution from it.

    from equipoise.testing.annealers import check_annealing_substrate
    check_annealing_substrate(lambda q: MyAnnealer(q), lambda high, low, steps: MySchedule(high, low, steps))

Problems are small upper triangular matrices Q of whole numbers, even off the diagonal; the cost is x^T Q x. Every check
raises AssertionError with a sentence that names the promise broken. To add one, write a function of a `Trial` and list
it in ``CHECKS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from substrates.seeds import stream

if TYPE_CHECKING:
    from substrates.base import AnnealingSubstrate, AnnealResult

    Factory = Callable[[npt.NDArray[np.int64]], AnnealingSubstrate[Any]]
    Schedules = Callable[[float, float, int], Any]

__all__ = ["CHECKS", "Trial", "check_annealing_substrate", "small_problem"]


def small_problem(seed: int, n: int = 8) -> npt.NDArray[np.int64]:
    """(n, n) upper triangular, from -9 to 9 on the diagonal and even from -18 to 18 beside it."""
    draw = stream(seed, "annealing kit").integers(-9, 10, (n, n))
    matrix: npt.NDArray[np.int64] = np.triu(draw, 1) * 2 + np.diag(np.diag(draw))
    return matrix


@dataclass
class Trial:
    """What the checks ask again and again.

    Attributes:
        factory: (n, n) matrix -> a fresh annealer of it.
        schedules: (high, low, steps) -> schedule, temperatures in the annealer's own units.
        steps: enough for a problem of eight variables.
        unit: what the annealer calls a cost of 1.
    """

    factory: Factory
    schedules: Schedules
    steps: int
    unit: float

    @cached_property
    def matrix(self) -> npt.NDArray[np.int64]:
        return small_problem(1)

    @cached_property
    def machine(self) -> AnnealingSubstrate[Any]:
        return self.factory(self.matrix)

    def schedule(self, machine: AnnealingSubstrate[Any], steps: int | None = None) -> Any:
        high, low = machine.temperature_range()
        return self.schedules(max(2 * high, 1.0), low, steps or self.steps)

    def anneal(self, seeds: list[int], machine: AnnealingSubstrate[Any] | None = None, **limits: Any) -> AnnealResult:
        machine = machine or self.machine
        return machine.anneal(self.schedule(machine, limits.get("steps")), seeds, **limits)

    def cost(self, x: npt.NDArray[Any]) -> float:
        y = x.astype(np.float64)
        return float(y @ self.matrix @ y) * self.unit


def check_annealing_substrate(factory: Factory, schedules: Schedules, *, steps: int = 1500, unit: float = 1.0) -> None:
    """Check every promise an `AnnealingSubstrate` makes.

    States are of zeros and ones and their costs true; ground states are found; a read depends on its seed alone; steps,
    target costs and stops are obeyed; every improvement is one; what was done is counted; bad limits are refused.

    Args:
        factory: (n, n) upper triangular matrix -> a fresh annealer.
        schedules: (high, low, steps) -> its schedule, in its own units of temperature.
        steps: enough to solve eight variables in one of ten reads.
        unit: what the annealer calls a cost of 1.

    Raises:
        AssertionError: names the promise that is broken.
    """
    trial = Trial(factory, schedules, steps, unit)
    for check in CHECKS:
        check(trial)


def _shapes(trial: Trial) -> None:
    n, found = trial.machine.n, trial.anneal([1, 2, 3])
    assert n == len(trial.matrix), f"n is {n} for a problem of {len(trial.matrix)} variables"
    assert found.states.shape == (3, n), f"three reads of {n} variables gave states {found.states.shape}"
    assert set(np.unique(found.states).tolist()) <= {0, 1}, "states must be of zeros and ones"
    for name in ("costs", "steps", "best_steps", "wall_ns"):
        assert getattr(found, name).shape == (3,), f"{name} must have one entry per read"
    assert len(found.improvements) == 3, "improvements must have one entry per read"


def _costs(trial: Trial) -> None:
    found = trial.anneal([1, 2, 3])
    for state, cost in zip(found.states, found.costs.tolist()):
        assert abs(cost - trial.cost(state)) < 1e-9, f"a state of cost {trial.cost(state)} is said to cost {cost}"


def _ground_states(trial: Trial) -> None:
    for seed in (1, 2, 3):
        q = small_problem(seed)
        every = (np.arange(2 ** len(q))[:, None] >> np.arange(len(q))) & 1
        best = float(np.einsum("si,ij,sj->s", every, q, every).min()) * trial.unit
        found = float(trial.anneal(list(range(10)), trial.factory(q)).costs.min())
        assert found >= best - 1e-9, f"a cost of {found} is below the ground state's, {best}"
        assert found <= best + 1e-9, f"the ground state of eight variables costs {best}; ten reads found {found}"


def _seeds(trial: Trial) -> None:
    """Read by its seed alone, whatever stands beside it or came before."""

    def same(a: AnnealResult, row: int, b: AnnealResult, other: int) -> bool:
        return (
            np.array_equal(a.states[row], b.states[other])
            and np.array_equal(a.improvements[row], b.improvements[other])
            and int(a.best_steps[row]) == int(b.best_steps[other])
        )

    first, again, alone = trial.anneal([5, 6, 7]), trial.anneal([5, 6, 7]), trial.anneal([7])
    fresh = trial.anneal([5, 6, 7], trial.factory(trial.matrix))
    assert all(same(first, r, fresh, r) for r in range(3)), "two fresh machines gave other reads of the same seeds"
    assert all(same(first, r, again, r) for r in range(3)), "state leaks between calls: the same seeds gave other reads"
    assert same(first, 2, alone, 0), "a read depends on the reads beside it"
    threaded = trial.anneal([5, 6, 7], threads=2)
    assert all(same(first, r, threaded, r) for r in range(3)), "reads depend on the number of threads"
    many = trial.anneal(list(range(40, 52)), trial.factory(small_problem(4, 20)))
    traces = {trace.tobytes() for trace in many.improvements}
    assert len(traces) > 1, "the seed is ignored: twelve seeds gave one and the same read"


def _steps(trial: Trial) -> None:
    for steps in (0, 1, 37):
        found = trial.anneal([1, 2], steps=steps)
        assert found.steps.tolist() == [steps] * 2, f"{steps} steps were asked for and {found.steps.tolist()} done"
        assert (found.best_steps <= steps).all(), "the best state was found after the last step"


def _improvements(trial: Trial) -> None:
    found = trial.anneal([1, 2, 3])
    for r, trace in enumerate(found.improvements):
        assert trace.ndim == 2, "improvements must be rows of (step, cost)"
        assert trace.shape[1] == 2, "improvements must be rows of (step, cost)"
        steps, costs = trace[:, 0], trace[:, 1]
        assert (np.diff(costs) < 0).all(), f"improvements that do not improve: {costs.tolist()}"
        assert (np.diff(steps) >= 0).all(), f"improvements out of order: {steps.tolist()}"
        assert costs[-1] == found.costs[r], "the last improvement is not the best cost"
        assert steps[-1] == found.best_steps[r], "the last improvement is not at the best step"


def _limits(trial: Trial) -> None:
    whole = trial.anneal([1])
    if len(whole.improvements[0]) > 1:
        target = whole.improvements[0][1, 1].item()
        found = trial.anneal([1], target_cost=target)
        assert found.costs[0] <= target, "the target cost was within reach and not reached"
        assert found.steps[0] < trial.steps, "the target cost was reached and the read went on to its last step"
    stopped = trial.anneal([1, 2], steps=200_000, should_stop=lambda: True)
    assert stopped.steps.sum() < 2 * 200_000, "should_stop is ignored"


def _ledger(trial: Trial) -> None:
    """Steps are counted, whatever a machine calls one, and work beside them; twice the steps are twice the work."""
    one, two = (trial.anneal([1], steps=steps) for steps in (400, 800))
    totals, doubled = one.ledger.totals(), two.ledger.totals()
    assert sum(totals.values()) > 0, "the ledger is empty"
    walked = max(totals.get(Event.STEPS, 0), totals.get(Event.MATRIX_VECTOR_PRODUCTS, 0))
    assert walked >= 400, f"400 steps were done; the ledger counts {walked}"
    grown = max(doubled.get(Event.STEPS, 0), doubled.get(Event.MATRIX_VECTOR_PRODUCTS, 0))
    assert 1.8 * walked <= grown <= 2.2 * walked, f"twice the steps count {grown} instead of about {2 * walked}"
    work = sum(count for event, count in totals.items() if event is not Event.STEPS)
    assert work > 0, "the ledger counts steps and no work in them"
    both, other = trial.anneal([1, 2], steps=400).ledger.totals(), trial.anneal([2], steps=400).ledger.totals()
    for event in (Event.STEPS, Event.MATRIX_VECTOR_PRODUCTS, Event.SYNAPTIC_OPERATIONS, Event.CELL_READS):
        apart, together = totals.get(event, 0) + other.get(event, 0), both.get(event, 0)
        assert together == apart, f"two reads count {together} {event.value}; one by one they count {apart}"


def _temperatures(trial: Trial) -> None:
    high, low = trial.machine.temperature_range()
    assert 0 < low <= high, f"the temperature range {high}, {low} does not fall from high to low"


def _bad_limits(trial: Trial) -> None:
    try:
        trial.machine.anneal(trial.schedule(trial.machine), [1], steps=-1)
    except InputError:
        return
    raise AssertionError("a negative number of steps must raise InputError")


CHECKS: tuple[Callable[[Trial], None], ...] = (
    _shapes,
    _costs,
    _ground_states,
    _seeds,
    _steps,
    _improvements,
    _limits,
    _ledger,
    _temperatures,
    _bad_limits,
)
