"""What a comparison found: a row per machine, ratios as ranges, one sentence that is true at their ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hw_profiles.grades import Estimate
from hw_profiles.texts import times

__all__ = ["Comparison", "Ratio", "Row"]


@dataclass(frozen=True)
class Row:
    """One machine.

    Attributes:
        quality: what it reached; ``reached`` whether that is the quality all are compared at.
        energy, time: to reach it (or of the equal time), per unit of work, SI units.
        boundary: what its power includes.
        how: what was measured, modelled and assumed, in words.
        note: anything else a reader must know.
    """

    machine: str
    title: str
    kind: str
    quality: float
    reached: bool
    energy: Estimate
    time: Estimate
    boundary: str
    how: str
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain Python, for JSON."""
        return {**self.__dict__, "energy": self.energy.as_dict(), "time": self.time.as_dict()}


@dataclass(frozen=True)
class Ratio:
    """How much more the reference needs than a machine, or less (below one): value, low and high end."""

    machine: str
    energy: tuple[float, float, float] | None
    time: tuple[float, float, float] | None


def _over(a: Estimate, b: Estimate) -> tuple[float, float, float] | None:
    if a.missing or b.missing or not (b.value and b.low and b.high and a.value):
        return None
    return a.value / b.value, (a.low or 0.0) / b.high, (a.high or 0.0) / b.low


@dataclass(frozen=True)
class Comparison:
    """One workload on every machine.

    Attributes:
        work: what was done, in words; ``unit`` of what energy and time are per.
        quality_name: what the quality is, and whether higher is better.
        equal: ``quality`` or ``time``: what is the same on all.
        level: the quality, or the seconds, that is the same.
        reference: name of the machine that ratios are against.
    """

    work: str
    unit: str
    quality_name: str
    higher_is_better: bool
    equal: str
    level: float
    reference: str
    rows: tuple[Row, ...]
    settings: dict[str, Any]

    def row(self, machine: str) -> Row:
        """The row of ``machine``."""
        return next(row for row in self.rows if row.machine == machine)

    def ratios(self) -> tuple[Ratio, ...]:
        """The reference over every other machine that can be compared: it reached what is compared."""
        base = self.row(self.reference)
        return tuple(
            Ratio(row.machine, _over(base.energy, row.energy), _over(base.time, row.time))
            for row in self.rows
            if row is not base and row.reached and base.reached
        )

    def headline(self) -> str:
        """One sentence that is true at the ends of the ranges."""
        base = self.row(self.reference)
        if not base.reached:
            return f"{base.title} did not reach the {self.quality_name} asked for, so nothing is compared with it."
        known = [ratio for ratio in self.ratios() if ratio.energy is not None]
        if not known:
            return f"No machine beside {base.title} could be compared: see the table for why."
        best = max(known, key=lambda ratio: ratio.energy[1] if ratio.energy else 0.0)
        assert best.energy is not None
        row = self.row(best.machine)
        at = f"at equal {self.equal}"
        value, low, high = best.energy
        span = f"the ratio lies between {times(low)} and {times(high)}, best estimate {times(value)}"
        if low > 1:
            return f"{row.title} needs at least {times(low)} times less energy than {base.title} {at}: {span}."
        if high < 1:
            return (
                f"No machine here needs less energy than {base.title} {at}: the nearest, {row.title}, needs at least "
                f"{times(1 / high)} times more; {span}."
            )
        return f"Whether {row.title} or {base.title} needs less energy {at} is not established: {span}."

    def warnings(self) -> list[str]:
        """What a reader must not overlook."""
        places = {row.boundary for row in self.rows}
        found = []
        if len(places) > 1:
            each = ", ".join(f"{row.machine} {row.boundary}" for row in self.rows)
            found.append(
                f"The machines are priced at different boundaries ({each}): a ratio between two of them also says what "
                "was left out of one."
            )
        late = ", ".join(row.machine for row in self.rows if not row.reached)
        if late:
            found.append(f"Not reached by {late}: their energy and time are the attempt's, compared with nothing.")
        if any(row.kind == "card" for row in self.rows):
            found.append("Cards and processors from a profile were not run: their program is under a roofline.")
        if any(row.kind in ("chip", "analog") for row in self.rows):
            found.append("The time that simulating a chip took here is nobody's cost and appears nowhere.")
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain Python, for JSON."""
        return {
            "work": self.work, "unit": self.unit, "quality": self.quality_name, "equal": self.equal,
            "level": self.level, "reference": self.reference, "headline": self.headline(), "warnings": self.warnings(),
            "rows": [row.as_dict() for row in self.rows],
            "ratios": [ratio.__dict__ for ratio in self.ratios()], "settings": self.settings,
        }  # fmt: skip
