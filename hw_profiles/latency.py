"""Time on the machine: per phase the maximum of the machine's bounds, then what is done in series."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hw_profiles.core_spread import Spread, spread
from hw_profiles.grades import ZERO, Estimate, Grade
from hw_profiles.ledger import Event, Ledger

if TYPE_CHECKING:
    from hw_profiles.price_list import PriceList
    from hw_profiles.schema import ProfileModel

__all__ = ["Latency", "LatencyTerm", "latency"]


#: terms that are added after the longest of the others: work in series, the host, and waiting
_IN_SERIES = ("serial", "host", "waiting")
#: terms of a core; the fullest core's counts
_ON_CORES = ("neuron", "synapse", "memory", "link")


@dataclass(frozen=True)
class LatencyTerm:
    """One term of one phase. ``bound`` marks the largest of the terms that overlap."""

    phase: str
    term: str
    time: Estimate
    bound: bool

    def as_dict(self) -> dict[str, Any]:
        return {"phase": self.phase, "term": self.term, "time": self.time.as_dict(), "bound": self.bound}


@dataclass(frozen=True)
class Latency:
    """Total time, what of it is spent waiting, its terms, the chips powered and what was assumed."""

    total: Estimate
    waiting: Estimate
    terms: tuple[LatencyTerm, ...]
    chips: int
    assumptions: tuple[str, ...]


def latency(ledger: Ledger, profile: ProfileModel, prices: PriceList, chips: int | None) -> Latency:
    """Time of ``ledger``."""
    where = spread(ledger, profile, chips)
    missing = []
    for key in ledger:
        entry = prices.find(key)
        untimed = entry is None or (entry.time is None and not entry.time_within)
        if untimed and not prices.timeless(key.event) and key.event is not Event.WAITING_NANOSECONDS:
            missing.append(key.event.value)
    # phase -> term -> core -> time; core -1 is spread
    sums: dict[str, dict[str, dict[int, Estimate]]] = defaultdict(lambda: defaultdict(dict))
    waiting = ZERO
    for key, count in ledger.items():
        entry = prices.find(key)
        if key.event is Event.WAITING_NANOSECONDS:
            waited = Estimate(count * 1e-9, count * 1e-9, count * 1e-9, Grade.MEASURED)
            waiting = waiting + waited
            known = sums[key.phase]["waiting"]
            known[0] = known.get(0, ZERO) + waited
            continue
        if entry is None or entry.time is None:
            continue
        # A barrier and serial work belong to the whole machine, not to a core; links between chips to the chips.
        core = key.core if entry.term in _ON_CORES else 0
        units = entry.parallel * (where.spans if entry.term == "chip link" else 1)
        cores = sums[key.phase][entry.term]
        cores[core] = cores.get(core, ZERO) + entry.time.si().scaled(count / units)
    terms: list[LatencyTerm] = []
    total = ZERO
    stepping = {key.phase for key in ledger if key.event is Event.STEPS}
    beside = ZERO
    for phase, found in sums.items():
        times = {term: _heaviest(cores, where) for term, cores in found.items()}
        overlapping = {term: time for term, time in times.items() if term not in _IN_SERIES}
        longest = max(overlapping, key=lambda term: overlapping[term].value or 0.0, default="")
        terms += [LatencyTerm(phase, term, time, term == longest) for term, time in times.items()]
        spent = sum((times[term] for term in _IN_SERIES if term in times), _maximum(list(overlapping.values())))
        # Work of no phase in a run whose steps all belong to phases goes on beside them.
        if phase == "" and stepping and "" not in stepping:
            beside = spent
        else:
            total = total + spent
    total = _maximum([total, beside])
    used_spread = any(-1 in cores for found in sums.values() for cores in found.values())
    if used_spread and not where.placed:
        missing.append("counts without cores")
    if missing:
        total = Estimate.refused(missing)
    return Latency(total, waiting, tuple(terms), where.chips, where.assumptions if used_spread else ())


def _heaviest(cores: dict[int, Estimate], where: Spread) -> Estimate:
    """The heaviest core: placed events as they are, events without a core on top, spread."""
    placed = [time for core, time in cores.items() if core >= 0]
    loose = cores.get(-1)
    heaviest = _maximum(placed)
    if loose is None:
        return heaviest
    return heaviest + Estimate(
        (loose.value or 0.0) / where.cores,
        (loose.low or 0.0) / where.most_cores,
        (loose.high or 0.0) / where.cores,
        loose.grade,
    )


def _maximum(times: list[Estimate]) -> Estimate:
    if not times:
        return ZERO
    longest = max(times, key=lambda time: time.value or 0.0)
    return Estimate(
        longest.value, max(time.low or 0.0 for time in times), max(time.high or 0.0 for time in times), longest.grade
    )
