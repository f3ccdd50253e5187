"""What a ledger costs on a profile: energy (dynamic and static apart) and latency, each with range and grade.

Energy::

    E = sum_k count_k * e_k  +  chips * P_static * T

Latency has the max-affine form of arXiv:2601.10035, applied to each phase's totals::

    T = sum_phases max(barrier * steps, max_core neuron, max_core synapse, max_core memory, max_core link,
                       links between chips) + serial work

The maximum of totals is a lower bound of the sum over steps of each step's maximum; the two agree when steps
are alike. Events without a core are spread over the cores of the placement (`hw_profiles.core_spread`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hw_profiles.boundaries import Boundary, active_at, choose_boundary, choose_drive, static_at
from hw_profiles.errors import InputError
from hw_profiles.fitted_range import check_validity
from hw_profiles.grades import ZERO, Estimate, Grade
from hw_profiles.latency import LatencyTerm, latency
from hw_profiles.ledger import Event, Key, Ledger
from hw_profiles.price_list import PriceList

if TYPE_CHECKING:
    from hw_profiles.schema import Price, ProfileModel

__all__ = ["Cost", "Estimate", "Line", "price"]


@dataclass(frozen=True)
class Line:
    """One counted event of one layer and phase, priced."""

    event: Event
    component: str  #: of the profile: synapse, neuron, network, ...
    layer: str
    phase: str
    count: int
    energy: Estimate
    cite: tuple[str, ...]
    within: str  #: for an event without an energy of its own: what contains it


@dataclass(frozen=True)
class Cost:
    """What a ledger costs on one profile.

    Attributes:
        energy: dynamic plus static; its value is None while a counted event has no price.
        latency: time on the machine.
        dynamic, static: the two parts of the energy.
        active: the part of ``dynamic`` that is a power while the machine works, not a price of an event.
        lines: every counted event of every layer and phase, priced.
        terms: the terms of the latency, per phase; the largest of each phase is marked as the bound.
        assumptions: what had to be assumed about placement, in words.
        not_counted: what the profile leaves out, in words.
        boundary: what every power here includes.
        drive: how steps were driven; empty where it makes no difference.
    """

    profile: str
    title: str
    boundary: Boundary
    drive: str
    chips: int
    energy: Estimate
    latency: Estimate
    dynamic: Estimate
    static: Estimate
    active: Estimate
    lines: tuple[Line, ...]
    terms: tuple[LatencyTerm, ...]
    assumptions: tuple[str, ...]
    not_counted: tuple[str, ...]
    citations: tuple[str, ...]

    def by(self, field: str) -> dict[str, Estimate]:
        """Dynamic energy split by ``component``, ``layer``, ``phase`` or ``event``; the priced events only."""
        split: dict[str, Estimate] = {}
        for line in self.lines:
            if not line.energy.missing and not line.within:
                name = line.event.value if field == "event" else str(getattr(line, field))
                split[name] = split.get(name, ZERO) + line.energy
        if self.active.value:  # of no event, layer or phase
            name = "power at work" if field in ("component", "event") else ""
            split[name] = split.get(name, ZERO) + self.active
        return split

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain Python, for JSON."""
        return {
            "profile": self.profile,
            "title": self.title,
            "boundary": self.boundary.value,
            "drive": self.drive,
            "chips": self.chips,
            "energy": self.energy.as_dict(),
            "latency": self.latency.as_dict(),
            "dynamic": self.dynamic.as_dict(),
            "static": self.static.as_dict(),
            "by_component": {name: part.as_dict() for name, part in self.by("component").items()},
            "by_phase": {name: part.as_dict() for name, part in self.by("phase").items()},
            "lines": [
                {
                    "event": line.event.value,
                    "component": line.component,
                    "layer": line.layer,
                    "phase": line.phase,
                    "count": line.count,
                    "within": line.within,
                    "energy": line.energy.as_dict(),
                }
                for line in self.lines
            ],
            "latency_terms": [term.as_dict() for term in self.terms],
            "assumptions": list(self.assumptions),
            "not_counted": list(self.not_counted),
            "citations": list(self.citations),
        }


def price(
    ledger: Ledger,
    profile: ProfileModel,
    chips: int | None = None,
    *,
    boundary: Boundary | str | None = None,
    drive: str | None = None,
) -> Cost:
    """Price ``ledger`` on ``profile``.

    Args:
        ledger: the counts.
        profile: from `hw_profiles.profile.load_profile`.
        chips: chips powered during the run; None takes as many as the placement (or the neurons) need.
        boundary: ``silicon``, ``board`` or ``system``; None takes the profile's own.
        drive: one of `hw_profiles.boundaries.DRIVES`, where a step has several prices; None takes the profile's own.

    Raises:
        InputError: the counts are outside the range of a fitted profile's data, ``chips`` is below one, or the
            profile has no power at ``boundary`` or no steps driven by ``drive``.
    """
    if chips is not None and chips < 1:
        raise InputError(f"chips must be at least 1, got {chips}")
    where, how = choose_boundary(profile, boundary), choose_drive(profile, drive)
    check_validity(ledger, profile)
    prices = PriceList(ledger, profile, where, how, chips)
    used: dict[int, Price] = {}
    sums: defaultdict[tuple[Key, str], tuple[int, Price | None]] = defaultdict(lambda: (0, None))
    for key, count in ledger.items():
        entry = prices.find(key)
        if entry is not None:
            used[id(entry)] = entry
        at = (Key(key.event, "", key.layer, -1, key.phase), entry.label if entry else "")
        sums[at] = (sums[at][0] + count, entry)
    order = {event: place for place, event in enumerate(Event)}
    lines = [
        _line(key, count, entry, prices)
        for (key, _), (count, entry) in sorted(sums.items(), key=lambda i: (order[i[0][0].event], i[0][0][1:], i[0][1]))
    ]
    dynamic = sum((line.energy for line in lines), ZERO)
    time = latency(ledger, profile, prices, chips)
    power = static_at(profile, where)
    static = ZERO if power is None else power.si().scaled(time.chips).times(time.total)
    at_work = active_at(profile, where)
    active = ZERO if at_work is None else at_work.si().scaled(time.chips).times(_less(time.total, time.waiting))
    dynamic = dynamic + active
    figures = [figure for entry in used.values() for figure in (entry.energy, entry.time)]
    figures += [power, at_work]
    citations = dict.fromkeys(key for figure in figures if figure is not None for key in figure.cite)
    return Cost(
        profile=profile.name,
        title=profile.title,
        boundary=where,
        drive=how,
        chips=time.chips,
        energy=_graded(dynamic + static, lines),
        latency=time.total,
        dynamic=dynamic,
        static=static,
        active=active,
        lines=tuple(lines),
        terms=time.terms,
        assumptions=time.assumptions,
        not_counted=profile.not_counted,
        citations=tuple(citations),
    )


def _less(time: Estimate, waiting: Estimate) -> Estimate:
    """``time`` without the part spent waiting, which is exact."""
    if time.missing or not waiting.value:
        return time
    gone = waiting.value
    value, low, high = (max(0.0, (end or 0.0) - gone) for end in (time.value, time.low, time.high))
    return Estimate(value, low, high, time.grade)


def _graded(total: Estimate, lines: list[Line]) -> Estimate:
    """Nothing counted costs nothing, for certain; counts that are all covered cost nothing by assumption."""
    if total.grade is None and not total.missing:
        return Estimate(total.value, total.low, total.high, Grade.ASSUMED if lines else Grade.MEASURED)
    return total


def _line(key: Key, count: int, entry: Price | None, prices: PriceList) -> Line:
    def line(component: str, energy: Estimate, within: str = "", cite: tuple[str, ...] = ()) -> Line:
        return Line(key.event, component, key.layer, key.phase, count, energy, cite, within)

    if key.event is Event.WAITING_NANOSECONDS:
        return line("waiting", ZERO, "the static power while the machine waits")
    if entry is not None and entry.energy is not None:
        spent = count * (prices.spans if entry.per_chip else 1)
        return line(entry.component, entry.energy.si().scaled(spent), "", entry.energy.cite)
    if entry is not None and entry.energy_within:
        return line(entry.component, ZERO, entry.energy_within)
    if key.event in prices.set_aside:
        other = prices.set_aside[key.event]
        return line(other.component, ZERO, f"contained in {', '.join(event.value for event in other.unless)}")
    if key.event in prices.covered:
        return line("covered", ZERO, prices.covered[key.event])
    return line("unpriced", Estimate.refused([key.event.value]))
