"""What a study concludes: sentences computed from its runs, nothing written by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from equipoise.study.effects import sentences
from equipoise.study.store import Entry, StudyData
from equipoise.targets import profile_of
from equipoise.workloads import WORKLOADS
from hw_profiles.boundaries import Boundary, boundaries_of, static_at
from hw_profiles.pricing import price
from hw_profiles.profile import load_profile

__all__ = ["FINDINGS", "Ratio", "conclude", "energy_ratios", "priced_by"]

#: the published energy ratio of the 105-instance study, as a secondary source gives it (docs/energy.md)
PUBLISHED = (33.5, 37.2)
_INSTANCE = ("nodes", "density", "graph_seed", "file")


@dataclass(frozen=True)
class Ratio:
    """A CPU solver over Loihi 2 on one instance.

    Attributes:
        power: (value, low, high) average power of the processor over that of the chip: the energy ratio when both
            get the same time, which is the published protocol.
        as_run: (value, low, high) energy over energy, each with the time it took in this study.
        widths: logarithm of high over low of what the power ratio is made of.
    """

    solver: str
    nodes: int
    power: tuple[float, float, float]
    as_run: tuple[float, float, float]
    widths: dict[str, float]


def instance(entry: Entry) -> tuple[Any, ...]:
    """What was solved, whoever solved it."""
    return tuple(entry.parameters.get(name) for name in _INSTANCE)


def solver(entry: Entry) -> str:
    """Who solved it."""
    named = (entry.parameters.get(name) for name in ("solver", "target", "scheme", "estimator"))
    return " ".join(str(name) for name in named if name) or str(entry.parameters.get("workload", entry.task))


def priced_by(entry: Entry) -> str:
    """The profile of the machine it ran on; a workload's own machine is in no table of targets."""
    if entry.task == "peer":
        return "cpu"
    target = str(entry.parameters.get("target", "cpu"))
    workload = str(entry.parameters.get("workload", ""))
    if workload in WORKLOADS:
        machines = WORKLOADS[workload].machines()
        if target in machines or "target" not in entry.parameters or target == "auto":
            return (machines.get(target) or next(iter(machines.values()))).profile
    return profile_of(target)


def energy_ratios(study: StudyData, boundary: str = "silicon") -> list[Ratio]:
    """Every CPU run over the Loihi 2 run of the same instance, the chip at ``boundary``."""
    chip, processor = load_profile("loihi2"), load_profile("cpu")
    power = static_at(chip, Boundary(boundary))
    assert power is not None
    static = power.si()
    loihi = {instance(e): price(e.ledger, chip, boundary=boundary) for e in study.complete if e.task == "qubo"}
    found = []
    for entry in study.complete:
        cost = loihi.get(instance(entry)) if entry.task == "peer" else None
        if cost is None or cost.energy.missing or not cost.latency.value:
            continue
        own = price(entry.ledger, processor)
        cpu = _triple(own.energy, 1.0 / (own.latency.value or 1.0))
        time, dynamic = _triple(cost.latency), _triple(cost.dynamic)
        watts = _triple(static, cost.chips)
        # Widest honest bounds: the dynamic power is highest when its energy is high and its time short.
        chip_power = (
            watts[0] + dynamic[0] / time[0],
            watts[1] + dynamic[1] / time[2],
            watts[2] + dynamic[2] / time[1],
        )
        found.append(
            Ratio(
                str(entry.parameters["solver"]),
                int(entry.parameters["nodes"]),
                _over(cpu, chip_power),
                _over(_triple(own.energy), _triple(cost.energy)),
                {
                    "the processor's power": math.log(cpu[2] / cpu[1]),
                    "the chip's dynamic power": math.log(
                        (watts[0] + dynamic[2] / time[1]) / (watts[0] + dynamic[1] / time[2])
                    ),
                    "the chip's static power": math.log(
                        (watts[2] * time[0] + dynamic[0]) / (watts[1] * time[0] + dynamic[0])
                    ),
                },
            )
        )
    return found


def _triple(estimate: Any, factor: float = 1.0) -> tuple[float, float, float]:
    return estimate.value * factor, estimate.low * factor, estimate.high * factor


def _over(a: tuple[float, float, float], b: tuple[float, float, float]) -> tuple[float, float, float]:
    return a[0] / b[0], a[1] / b[2], a[2] / b[1]


def medians(triples: list[tuple[float, float, float]]) -> tuple[float, float, float]:
    """Median best value, and the medians of the low and the high ends."""
    return median(t[0] for t in triples), median(t[1] for t in triples), median(t[2] for t in triples)


def _energy_ratio(study: StudyData) -> list[str]:
    """The published ratio against ours at every boundary of the chip."""
    sentences: list[str] = []
    for boundary in boundaries_of(load_profile("loihi2")):
        ratios = energy_ratios(study, boundary.value)
        if not ratios:
            return ["No instance was solved both on Loihi 2 and on the processor yet."]
        sentences += _at_boundary(ratios, boundary.value)
    sentences.append(
        "At equal time an energy ratio is a ratio of average powers: it says nothing about speed. The processor is "
        "counted with its package power at every boundary of the chip; a ratio whose two sides include different "
        "things is no result of either machine."
    )
    return sentences


def _at_boundary(ratios: list[Ratio], boundary: str) -> list[str]:
    low, high = PUBLISHED
    sentences = []
    for name in dict.fromkeys(ratio.solver for ratio in ratios):
        mine = [ratio for ratio in ratios if ratio.solver == name]
        value, least, most = medians([ratio.power for ratio in mine])
        inside = sum(ratio.power[1] <= low and high <= ratio.power[2] for ratio in mine)
        verdict = "lies within" if least <= low and high <= most else "does not lie within"
        sentences.append(
            f"Chip at the boundary {boundary}: {name.upper()} over Loihi 2 at equal time, the published protocol: "
            f"{value:.3g}x, range {least:.3g}x to {most:.3g}x (medians of {len(mine)} instances). The published {low}x "
            f"to {high}x {verdict} this range, and within the range of {inside} of the {len(mine)} instances; no "
            "parameter was fitted to make it so."
        )
        value, least, most = medians([ratio.as_run for ratio in mine])
        sentences.append(
            f"{name.upper()} over Loihi 2 ({boundary}) with the time each took in this study: {value:.3g}x, range "
            f"{least:.2g}x to {most:.2g}x. The budgets differ, so this is no like-for-like comparison."
        )
    widths = {part: median(ratio.widths[part] for ratio in ratios) for part in ratios[0].widths}
    order = sorted(widths.items(), key=lambda item: -item[1])
    total = sum(widths.values()) or 1.0
    parts = ", ".join(f"{name} {100 * width / total:.0f} %" for name, width in order)
    sentences.append(
        f"What dominates the uncertainty ({boundary}): {order[0][0]}. Shares of the range on a logarithmic scale: "
        f"{parts}."
    )
    return sentences


def gaps(study: StudyData) -> dict[tuple[str, int], list[float]]:
    """(solver, nodes) -> gap of each run to the best cost any run found on that instance, in percent."""
    best: dict[tuple[Any, ...], float] = {}
    for entry in study.complete:
        cost = entry.value("best_cost")
        if cost is not None:
            best[instance(entry)] = min(cost, best.get(instance(entry), math.inf))
    found: dict[tuple[str, int], list[float]] = {}
    for entry in study.complete:
        cost, bound = entry.value("best_cost"), best.get(instance(entry))
        if cost is not None and bound:
            key = (solver(entry), int(entry.parameters.get("nodes", 0)))
            found.setdefault(key, []).append(100 * (cost - bound) / abs(bound))
    return found


def _gaps(study: StudyData) -> list[str]:
    by_solver: dict[str, list[float]] = {}
    for (name, _), values in gaps(study).items():
        by_solver.setdefault(name, []).extend(values)
    return [
        f"{name}: mean gap {sum(values) / len(values):.2f} % to the best cost of this study, "
        f"best or equal on {sum(v == 0 for v in values)} of {len(values)} runs."
        for name, values in by_solver.items()
    ]


FINDINGS: dict[str, Callable[[StudyData], list[str]]] = {
    "energy-ratio": lambda study: [*_energy_ratio(study), *_gaps(study)],
    "gaps": _gaps,
}


def conclude(study: StudyData, finding: str) -> list[str]:
    """The sentences of ``finding``, after one about what was run; without a finding, what the swept parameters do."""
    failed = len(study.entries) - len(study.complete)
    first = f"{len(study.complete)} runs complete" + (f", {failed} failed" if failed else "") + "."
    return [first, *(FINDINGS[finding](study) if finding else sentences(study))]
