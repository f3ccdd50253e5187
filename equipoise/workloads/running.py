"""``run_workload``: an instance, its truth, a machine's answer beside the controls', scored and priced."""

from __future__ import annotations

# Imports inside functions are late: profiles are read with pydantic, records with h5py.
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from equipoise import run as runs
from equipoise.targets import TARGETS, Target, TargetChoice, find_target, first_of
from equipoise.workloads.interface import Control, Score, Truth, Workload
from equipoise.workloads.registry import WORKLOADS
from equipoise.workloads.sizes import parse_size
from hw_profiles.arguments import checked
from hw_profiles.errors import InputError, TargetUnavailableError
from hw_profiles.grades import Estimate
from hw_profiles.ledger import Component, Event, Ledger
from hw_profiles.output import check_outputs
from substrates.seeds import derive_seed

__all__ = ["Answered", "WorkloadResult", "choose_machine", "run_workload"]

#: a control that takes less than this is run a second time, with compiled code and caches warm
WARM_S = 5.0


@dataclass(frozen=True, eq=False)
class Answered:
    """One answer: the machine's, or a control's.

    Attributes:
        role: ``machine``, ``classical``, ``trivial``, ``other`` or ``truth``.
        text: what gave it.
        scores: name -> figure.
        energy, latency: J and s for one unit, with range and grade; refused for the truth.
    """

    role: str
    text: str
    scores: dict[str, Score]
    energy: Estimate
    latency: Estimate


@dataclass(frozen=True, eq=False, kw_only=True)
class WorkloadResult(runs.RunResult):
    """What `run_workload` gives. Energy and latency of the run itself are of all units together.

    Attributes:
        workload, size, seed: what was run; the size with every argument.
        units, unit: how many of what.
        truth: how it was found; ``exact`` False means "no truth, bound only".
        answers: the machine's first, under its target's name, then the controls', then the truth's own.
        tables: rows for the picture.
    """

    workload: str
    size: dict[str, Any]
    seed: int
    units: int
    unit: str
    truth: str
    exact: bool
    answers: dict[str, Answered]
    tables: dict[str, list[dict[str, Any]]]

    @property
    def machine(self) -> Answered:
        """The machine's own answer."""
        return next(iter(self.answers.values()))

    def as_dict(self) -> dict[str, Any]:
        """The command line's JSON object."""
        return {
            "workload": self.workload, "size": self.size, "seed": self.seed, "units": self.units, "unit": self.unit,
            "truth": self.truth, "exact": self.exact, "scores": self.tables["scores"], "costs": self.tables["costs"],
            **self.run_dict(),
        }  # fmt: skip


def choose_machine(workload: Workload, requested: str | Target) -> TargetChoice:
    """The target that the workload runs on.

    Raises:
        InputError: no such target, or one that lacks what the workload needs.
        TargetUnavailableError: it is not here.
    """
    machines = workload.machines()
    if requested == "auto":
        general = (TARGETS.find(name) for name in TARGETS)
        candidates = general if next(iter(machines)) in TARGETS else machines.values()
        return first_of(candidates, lambda t: machines.get(t.name) is t, "run this workload")
    target = machines[requested] if isinstance(requested, str) and requested in machines else find_target(requested)
    name = requested if isinstance(requested, str) else target.name
    missing = "; ".join(target.probe().missing)
    refused = "" if machines.get(target.name) is target else workload.refusal(target)
    others = f"this workload runs on {', '.join(machines)}"
    if refused:
        text = f"the target {target.name!r} ({target.text}) cannot run this workload: {refused}"
        if missing:
            raise TargetUnavailableError(f"{text}; and it is not available here: {missing}; {others}")
        raise InputError(f"{text}; {others}")
    if missing:
        raise TargetUnavailableError(f"the target {target.name!r} is not available: {missing}")
    return TargetChoice(name, target, "asked for by name")


@checked
def run_workload(
    workload: str | Workload,
    target: str | Target = "auto",
    *,
    size: str = "small",
    seed: int = 0,
    profile: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
) -> WorkloadResult:
    """Run a workload on one machine and score it against the truth, beside its controls.

    Args:
        workload: a name of `WORKLOADS`, ``path.py:Name``, or a workload itself.
        target: ``auto``, or a machine of the workload.
        size: a name of its sizes, arguments of its instance (``key=value``), or both with commas.
        seed: the instance and everything random follow from it.
        profile: hardware profile that prices the machine's counts; the target's own when None.
        out: record to write; nothing that is there is replaced without ``overwrite``.

    Raises:
        InputError: something asked for makes no sense; nothing has been done or written.
    """
    from hw_profiles.profile import load_profile

    named = workload if isinstance(workload, str) else type(workload).__name__
    found = WORKLOADS.find(workload) if isinstance(workload, str) else workload
    parameters = parse_size(found, size)
    machine_seed = derive_seed(seed, "workload machine") % 2**63
    prices = load_profile(profile) if profile else None
    check_outputs({"out": out}, force=overwrite)
    instance = found.instance(seed, **parameters)
    choice = choose_machine(found, target)  # the last that can refuse: what it falls back to is said once, if at all
    asked = str(profile or choice.target.profile)
    prices = prices or load_profile(asked)
    run = runs.Run(choice, prices, asked, None if out is None else Path(out), overwrite)
    config = {"workload": named, "problem": named, "size": parameters, "unit": found.unit}
    with run.recording("workload", config=config, seeds={"seed": int(seed)}):
        program = found.program(instance, choice.target)
        began = time.process_time_ns(), time.perf_counter_ns()
        with run.working():
            done = found.run(instance, program, machine_seed)
        run.ledger.merge(_timed(done.ledger, choice.target, began))
        truth = found.truth(instance)
        answers = {choice.resolved: found.decode(instance, done.states)}
        units = found.units(instance)
        rows, controlled = _controls(found, instance, units)
        answers |= {name: answer for name, (_, answer) in controlled.items()} | {"truth": truth.answer}
        cost = run.cost()
        spent = cost.energy.scaled(1 / units), cost.latency.scaled(1 / units)
        rows = {
            choice.resolved: ("machine", choice.target.text, *spent),
            **rows,
            "truth": ("truth", truth.how, *(Estimate.refused(["work of the truth"]),) * 2),
        }  # fmt: skip
        answered = {
            name: Answered(role, text, found.score(instance, truth, answers[name]), energy, latency)
            for name, (role, text, energy, latency) in rows.items()
        }
        tables = {**_tables(answered), **found.tables(instance, truth, answers)}
        _keep(run, answered, tables, truth, units)
        return WorkloadResult(
            workload=named, size=parameters, seed=int(seed), units=units, unit=found.unit, truth=_said(truth),
            exact=truth.exact, answers=answered, tables=tables, **run.finish("complete"),
        )  # fmt: skip


def _said(truth: Truth) -> str:
    return truth.how if truth.exact else f"no truth, bound only: {truth.how}"


def _timed(ledger: Ledger, target: Target, began: tuple[int, int]) -> Ledger:
    """The counts; of a run on this processor that counted no time, its time."""
    if target.profile == "this-machine" and not ledger.total(Event.WALL_NANOSECONDS):
        spent = min(time.process_time_ns() - began[0], time.perf_counter_ns() - began[1])
        ledger = Ledger(ledger)
        ledger.add(Event.WALL_NANOSECONDS, spent, component=Component.PROCESSOR)
    return ledger


def _controls(
    workload: Workload, instance: Any, units: int
) -> tuple[dict[str, tuple[str, str, Estimate, Estimate]], dict[str, tuple[Control, Any]]]:
    """Every control answered, timed in processor time, and priced as this processor's."""
    from hw_profiles.pricing import price
    from hw_profiles.profile import load_profile

    prices, controls = load_profile("this-machine"), workload.controls(instance)
    lacking = {"classical", "trivial"} - {control.role for control in controls.values()}
    if lacking:
        raise InputError(f"the workload has no {' and no '.join(sorted(lacking))} control; every workload has both")
    rows, answers = {}, {}
    for name, control in controls.items():
        answer, spent = _clocked(control)
        if spent < WARM_S * 1e9:
            answer, spent = _clocked(control)
        ledger = Ledger()
        ledger.add(Event.WALL_NANOSECONDS, spent, component=Component.PROCESSOR)
        cost = price(ledger, prices)
        rows[name] = (str(control.role), control.text, cost.energy.scaled(1 / units), cost.latency.scaled(1 / units))
        answers[name] = (control, answer)
    return rows, answers


def _clocked(control: Control) -> tuple[Any, int]:
    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    answer = control.answer()
    # A busy machine makes the wall clock run ahead, several threads the processor's.
    return answer, max(1, min(time.process_time_ns() - cpu, time.perf_counter_ns() - wall))


def _tables(answers: Mapping[str, Answered]) -> dict[str, list[dict[str, Any]]]:
    scores = [
        {"answer": name, "role": one.role, "score": score, "value": s.value, "low": s.low, "high": s.high,
         "target": s.target, "better": s.better, "met": s.met, "of": s.of, "at": s.at}
        for name, one in answers.items() for score, s in one.scores.items()
    ]  # fmt: skip
    costs = [
        {"answer": name, "role": one.role, "text": one.text, **_range("energy", one.energy),
         **_range("time", one.latency), "grade": one.energy.grade.value if one.energy.grade else ""}
        for name, one in answers.items() if one.role != "truth"
    ]  # fmt: skip
    return {"scores": scores, "costs": costs}


def _range(what: str, estimate: Estimate) -> dict[str, float | None]:
    return {f"{what}_{end}": getattr(estimate, end) for end in ("value", "low", "high")}


def _keep(
    run: runs.Run, answers: Mapping[str, Answered], tables: Mapping[str, list[dict[str, Any]]], truth: Truth, units: int
) -> None:
    if run.record is None:
        return
    for name, rows in tables.items():
        for row in rows:
            run.record.append(name, {k: v.item() if isinstance(v, np.generic) else v for k, v in row.items()})
    head, first = next(iter(next(iter(answers.values())).scores.items()))
    run.record.result("quality", first.value)
    run.record.result("quality_name", head)
    run.record.result("quality_better", first.better)
    run.record.result("truth", _said(truth))
    run.record.result("units", units)
