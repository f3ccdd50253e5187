"""One QUBO on every machine: the energy and time to reach a cost once, or the cost reached in a time.

*Equal quality*: the processor's search, given ``seconds``, sets the cost that all have to come within two percent of
(or the caller sets one). Every machine tries ``reads`` times until it reaches it or its steps are used up; the energy
of all its reads over the number that reached it is what reaching it once takes, failures included.

*Equal time*: every machine gets ``seconds`` of its *own* time; its quality is compared, and its energy is that time's.
"""

from __future__ import annotations

# Imports inside functions are late: the analog machine loads when it is compared.
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.comparison.costs import card_program, cost_of, processor_ledger
from equipoise.comparison.machines import Machine
from equipoise.comparison.result import Comparison, Row
from equipoise.qubo.problem import Problem
from equipoise.qubo.solving import default_steps, solve
from hw_profiles.grades import Estimate
from hw_profiles.ledger import Event

__all__ = ["compare_qubo"]

Say = Callable[[str], None]
#: share of the processor's best cost that the cost to reach may be worse by
SLACK = 0.02


@dataclass(frozen=True)
class _Task:
    problem: Problem
    level: float
    seconds: float
    reads: int
    steps: int
    seed: int
    boundary: str | None
    equal: str


def compare_qubo(
    problem: Problem, machines: list[Machine], *, equal: str, quality: float | None, seconds: float, reads: int,
    steps: int | None, seed: int, boundary: str | None, say: Say,
) -> Comparison:  # fmt: skip
    """See `equipoise.comparison.compare`."""
    if quality is None and equal == "quality":
        say(f"this processor, {seconds:g} s, sets the cost to reach")
        best = float(solve(problem, method="auto", timeout=seconds, seed=seed).best_cost)
        quality = best + SLACK * abs(best)
    # Searches on the processor and chips need very different numbers of steps: chips get ten times their usual.
    most = steps or 10 * default_steps(problem.num_variables)
    task = _Task(problem, quality or 0.0, seconds, reads, most, seed, boundary, equal)
    rows = []
    for machine in machines:
        say(machine.name)
        rows.append(_RUNS[machine.kind](task, machine))
    return Comparison(
        work=f"the QUBO {problem.name or 'given'} ({problem.num_variables} variables, {problem.num_pairs} pairs)",
        unit="solution", quality_name="cost", higher_is_better=False, equal=equal,
        level=task.level if equal == "quality" else seconds, reference=machines[0].name, rows=tuple(rows),
        settings={"seconds": seconds, "reads": reads, "most_steps": most, "seed": seed},
    )  # fmt: skip


def _row(task: _Task, machine: Machine, found: Any, costs: list[float], cost: Any, note: str = "") -> Row:
    """A row from (energy, time, boundary) of all reads together."""
    reached = sum(c <= task.level for c in costs) if task.equal == "quality" else len(costs)
    energy, time, where = cost
    share = 1 / (reached or len(costs))
    if task.equal == "time":
        share = 1 / len(costs)
    return Row(
        machine=machine.name, title=machine.title, kind=machine.kind, quality=float(np.median(costs)),
        reached=reached > 0, energy=energy.scaled(share), time=time.scaled(share), boundary=where, how=machine.how,
        note=f"{reached} of {len(costs)} reads reached it; best {min(costs):.6g}. {note}".strip()
        if task.equal == "quality" else f"median of {len(costs)} reads; best {min(costs):.6g}. {note}".strip(),
    )  # fmt: skip


def _on_chip(task: _Task, machine: Machine) -> Row:
    """The annealing program of a chip, counted on its model."""
    options: dict[str, Any] = {}
    if machine.kind == "analog":
        from substrates.analog import ChipParameters

        options["chip"] = ChipParameters.from_dict(machine.chip, f"device {machine.name}")
    run: dict[str, Any] = {"target": machine.target, "seed": task.seed, "options": options}
    if task.equal == "time":
        one = solve(task.problem, steps=100, **run)
        step = cost_of(one.ledger, machine.profile, task.boundary)[1]
        count = 0 if step.missing or not step.value else int(100 * task.seconds / step.value)
        steps = max(1, min(count, 2_000_000))
        note = "" if steps == count else f"simulated for {steps} steps only; the time is theirs"
        done = solve(task.problem, steps=steps, reads=task.reads, **run)
    else:
        note = ""
        done = solve(task.problem, steps=task.steps, reads=task.reads, target_cost=task.level, **run)
    cost = cost_of(done.ledger, machine.profile, task.boundary)
    return _row(task, machine, done, [float(c) for c in done.costs], cost, note)


def _here(task: _Task, machine: Machine) -> Row:
    """The best search for this problem on this processor, timed one read after another."""
    solve(task.problem, method="auto", steps=100, seed=task.seed)  # compiled code is loaded before any clock runs
    limit: dict[str, Any] = {"target_cost": task.level} if task.equal == "quality" else {}
    time = task.seconds * task.reads
    done = solve(task.problem, method="auto", timeout=time, reads=task.reads, seed=task.seed + 1, **limit)
    # Others may use this machine: one thread's processor time is what the search itself took.
    wall, cpu = (done.ledger.total(event) * 1e-9 for event in (Event.WALL_NANOSECONDS, Event.CPU_NANOSECONDS))
    measured = done.ledger.total(Event.MEASURED_MICROJOULES)
    spent = min(wall, cpu) if cpu else wall
    ledger = processor_ledger(spent, measured * 1e-6 * spent / wall if measured else None)
    cost = cost_of(ledger, machine.profile, task.boundary)
    note = f"search: {done.scheme}; {wall:.3g} s by the wall, {cpu:.3g} s of processor time"
    return _row(task, machine, done, [float(c) for c in done.costs], cost, note)


def _on_card(task: _Task, machine: Machine) -> Row:
    """Parallel simulated annealing, whose sweeps are counted by running it here; one read at a time."""
    limit: dict[str, Any] = {"target_cost": task.level} if task.equal == "quality" else {}
    time = task.seconds * task.reads
    done = solve(task.problem, method="sweeps", timeout=time, reads=task.reads, seed=task.seed + 1, **limit)
    sweeps = float(done.steps.sum()) / task.problem.num_variables
    entries = 2.0 * task.problem.num_pairs
    cost = card_program(
        machine.profile, task.boundary, macs=sweeps * entries,
        bytes=(sweeps * entries * 1.0, 0.0, sweeps * entries * 8.0), launches=(4 * sweeps, sweeps, 16 * sweeps),
    )  # fmt: skip
    note = "simulated annealing, sweeps counted here; 1 to 16 launches a sweep, matrix cached or not: assumed"
    if task.equal == "time":
        cost = (machine_power(machine, task), Estimate(time, time, time), cost[2])
        note += "; its quality is that of the sweeps done here in the same time, more or fewer than the card would do"
    return _row(task, machine, done, [float(c) for c in done.costs], cost, note)


def machine_power(machine: Machine, task: _Task) -> Estimate:
    """Energy of a card that works for the whole time."""
    energy, _, _ = cost_of(processor_ledger(task.seconds * task.reads), machine.profile, task.boundary)
    return energy


_RUNS = {"chip": _on_chip, "analog": _on_chip, "processor": _here, "card": _on_card}
