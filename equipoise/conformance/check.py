"""Draw cases, run them on both sides, add up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from equipoise.conformance.models import MODELS, find_model
from equipoise.targets import choose_target
from hw_profiles.errors import InputError
from mappers.chip_models import needs_microcode
from substrates.loihi2.lava.run import LavaTarget
from substrates.loihi2.lava.watchdog import LavaSession
from substrates.seeds import stream

if TYPE_CHECKING:
    from equipoise.conformance.models import Model

__all__ = ["AGAINST", "Report", "conform"]

AGAINST: tuple[LavaTarget, ...] = ("lava-sim", "loihi2")


@dataclass
class Report:
    """What `conform` found.

    Attributes:
        against: the other side.
        seed: of the random cases.
        cases, steps, compared: how many were run, their steps, and integers compared.
        mismatches: integers that differ; 0 is conformance.
        by_model: the same per model, and whose rule the other side follows.
        failures: the first difference of each case that failed.
        skipped: models that could not be compared, and why.
        seconds: it took.
    """

    against: str
    seed: int
    cases: int = 0
    steps: int = 0
    compared: int = 0
    mismatches: int = 0
    by_model: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def conform(
    against: str = "lava-sim",
    *,
    cases: int = 200,
    seed: int = 0,
    models: Sequence[str] | None = None,
    max_steps: int = 80,
    timeout_s: float = 120.0,
    progress: Callable[[], None] | None = None,
) -> Report:
    """Compare our engine with ``against`` on ``cases`` random programs, all models in turn.

    Args:
        against: ``lava-sim`` or ``loihi2``.
        cases: how many programs; case k is the same for the same seed however many are run.
        seed: of the random programs.
        models: names from `MODELS`, or neurons by name or ``path.py:Name``; all of `MODELS` when None.
        max_steps: longest run of a case.
        timeout_s: seconds after which one case counts as hung.
        progress: called after every case.

    Raises:
        InputError: bad arguments.
        TargetUnavailableError: the other side is not there; names the missing piece.
        LavaWorkerError: Lava died or hung.
    """
    target = _target(against)
    if cases < 1:
        raise InputError(f"the number of cases must be at least 1, got {cases}")
    if max_steps < 10:
        raise InputError(f"the longest run must have at least 10 steps, got {max_steps}")
    wanted = [find_model(name) for name in models or MODELS]
    choose_target(against, "program")
    report = Report(against, seed)
    chosen = []
    for model in wanted:
        reason = _not_on(target, model)
        if reason:
            report.skipped.append({"model": model.name, "reason": reason})
        else:
            chosen.append(model)
            report.by_model[model.name] = {"cases": 0, "steps": 0, "mismatches": 0, "rule": model.against}
    start = time.perf_counter()
    with LavaSession() as session:
        for k in range(cases if chosen else 0):
            model = chosen[k % len(chosen)]
            rng = stream(seed, f"conformance {model.name}", k // len(chosen))
            case = model.make(rng, int(rng.integers(10, max_steps + 1)))
            outcome = case.run(session, target, timeout_s)
            row = report.by_model[model.name]
            row["cases"] += 1
            row["steps"] += outcome.steps
            row["mismatches"] += outcome.mismatches
            report.cases += 1
            report.steps += outcome.steps
            report.compared += outcome.compared
            report.mismatches += outcome.mismatches
            if outcome.mismatches:
                report.failures.append({"case": k, "model": model.name, "first": outcome.first[:3]})
            if progress is not None:
                progress()
    report.seconds = time.perf_counter() - start
    return report


def _not_on(target: LavaTarget, model: Model) -> str:
    """Why ``model`` cannot be compared on ``target``, or an empty string."""
    if target == "lava-sim":
        return ""
    lacking = needs_microcode(model.chip)
    if lacking:
        return f"{', '.join(lacking)} needs microcode on the chip"
    return "its states are compared from inside, which the chip does not allow" if model.inside else ""


def _target(against: str) -> LavaTarget:
    for target in AGAINST:
        if against == target:
            return target
    raise InputError(f"conformance is checked against {' or '.join(AGAINST)}, not {against!r}")
