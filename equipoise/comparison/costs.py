"""Counts to energy and time of one machine of a comparison, at one boundary."""

from __future__ import annotations

from hw_profiles.boundaries import boundaries_of
from hw_profiles.errors import InputError
from hw_profiles.grades import Estimate
from hw_profiles.ledger import Component, Event, Ledger
from hw_profiles.pricing import price
from hw_profiles.schema import ProfileModel

__all__ = ["card_program", "cost_of", "processor_ledger"]


def cost_of(
    ledger: Ledger, profile: ProfileModel, boundary: str | None, per: float = 1.0
) -> tuple[Estimate, Estimate, str]:
    """(energy, time, boundary) of ``ledger``, each over ``per``; at ``boundary`` where the profile has it."""
    where = boundary if boundary in {b.value for b in boundaries_of(profile)} else None
    try:
        found = price(ledger, profile, boundary=where)
    except InputError as error:
        refused = Estimate.refused([str(error)])
        return refused, refused, str(where or profile.boundary)
    return found.energy.scaled(1 / per), found.latency.scaled(1 / per), found.boundary.value


def processor_ledger(seconds: float, joules: float | None = None) -> Ledger:
    """What this processor spent: its time, and its energy where a counter was read."""
    ledger = Ledger()
    ledger.add(Event.WALL_NANOSECONDS, round(seconds * 1e9), component=Component.PROCESSOR)
    if joules is not None:
        ledger.add(Event.MEASURED_MICROJOULES, round(joules * 1e6), component=Component.RAIL)
    return ledger


def card_program(
    profile: ProfileModel, boundary: str | None, *, macs: float, bytes: tuple[float, float, float],
    launches: tuple[float, float, float], per: float = 1.0,
) -> tuple[Estimate, Estimate, str]:  # fmt: skip
    """(energy, time, boundary) of a card's program; what is assumed of it is (value, low, high)."""
    found = []
    for end in range(3):
        ledger = Ledger()
        ledger.add(Event.MACS, round(macs))
        ledger.add(Event.MEMORY_BYTES, round(bytes[end]))
        ledger.add(Event.KERNEL_LAUNCHES, round(launches[end]))
        found.append(cost_of(ledger, profile, boundary, per))
    (energy, time, where), (low, quick, _), (high, slow, _) = found
    if energy.missing:
        return energy, time, where
    return (
        Estimate(energy.value, low.low, high.high, energy.grade),
        Estimate(time.value, quick.low, slow.high, time.grade),
        where,
    )
