"""Pricing: counts times prices, dynamic and static apart, ranges propagated, the weakest grade shown.

    E_dynamic = sum_k n_k e_k        T = sum_serial n_k t_k + sum_parallel n_k t_k / cores        E_static = chips P T

Ranges are propagated as intervals (all prices low together, all high together): the honest bound when the errors of
one profile are correlated. A total is refused, as None with the list of unpriced events, while a counted event has
no price.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hw_profiles.ledger import Event, Ledger
from hw_profiles.profile import GRADES, Figure, Profile

__all__ = ["Cost", "Estimate", "price"]


@dataclass(frozen=True)
class Estimate:
    """A figure with its range, the weakest grade behind it, and the events that had no price."""

    value: float | None
    low: float | None
    high: float | None
    grade: str | None
    missing: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "grade": self.grade,
            "missing": list(self.missing),
        }


@dataclass(frozen=True)
class Cost:
    """Energy (J) and latency (s) of a ledger on a profile, with their parts."""

    profile: str
    energy: Estimate
    latency: Estimate
    dynamic: Estimate
    static: Estimate
    by_event: dict[str, Estimate]

    def as_dict(self) -> dict[str, Any]:
        return {
            "profile": self.profile,
            "energy_j": self.energy.as_dict(),
            "latency_s": self.latency.as_dict(),
            "dynamic_j": self.dynamic.as_dict(),
            "static_j": self.static.as_dict(),
            "by_event_j": {name: e.as_dict() for name, e in self.by_event.items()},
        }


#: events that describe the run rather than cost anything on the machine priced
_CLOCKS = {Event.CPU_NANOSECONDS, Event.WALL_NANOSECONDS}


def price(ledger: Ledger, profile: Profile, *, chips: int = 1, cores: int = 1) -> Cost:
    """Price ``ledger`` on ``profile``.

    Args:
        chips: chips powered; the static power is per chip.
        cores: cores that share the parallel work evenly (the heaviest core sets the pace; without a placement an
            even spread is assumed, which is the lower bound of the time).
    """
    totals = {event: count for event, count in ledger.totals().items()}
    processor = profile.machine == "processor"
    counted = [event for event in totals if processor or event not in _CLOCKS]
    missing = tuple(e.value for e in counted if e not in profile.energy and e not in profile.not_priced)
    by_event = {
        e.value: _scale(profile.energy[e], totals[e]) for e in counted if e in profile.energy and totals[e] > 0
    }
    dynamic = _sum(list(by_event.values()), missing)
    times = [_scale(f, totals.get(e, 0)) for e, f in profile.serial.items() if totals.get(e)]
    times += [_scale(f, totals[e] / max(cores, 1)) for e, f in profile.parallel.items() if totals.get(e)]
    untimed = () if times or not counted else tuple(e.value for e in counted)
    latency = _sum(times, untimed)
    if profile.static is None:
        static = Estimate(0.0, 0.0, 0.0, None)
    elif latency.value is None:
        static = Estimate(None, None, None, None, latency.missing)
    else:
        p = profile.static
        static = Estimate(
            chips * p.value * (latency.value or 0.0),
            chips * p.low * (latency.low or 0.0),
            chips * p.high * (latency.high or 0.0),
            _weakest([p.grade, latency.grade]),
        )
    energy = _sum([dynamic, static], tuple(dict.fromkeys((*dynamic.missing, *static.missing))))
    return Cost(profile.name, energy, latency, dynamic, static, by_event)


def _scale(figure: Figure, count: float) -> Estimate:
    return Estimate(figure.value * count, figure.low * count, figure.high * count, figure.grade)


def _weakest(grades: list[str | None]) -> str | None:
    known = [GRADES.index(g) for g in grades if g is not None]
    return GRADES[max(known)] if known else None


def _sum(parts: list[Estimate], missing: tuple[str, ...]) -> Estimate:
    grade = _weakest([part.grade for part in parts])
    if missing:
        return Estimate(None, None, None, grade, missing)
    return Estimate(
        sum(part.value or 0.0 for part in parts),
        sum(part.low or 0.0 for part in parts),
        sum(part.high or 0.0 for part in parts),
        grade,
    )
