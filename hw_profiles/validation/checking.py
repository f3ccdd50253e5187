"""Every published figure against ours: value and range from the counts, in or out, and what it says of the whole."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from hw_profiles.boundaries import static_at
from hw_profiles.errors import InputError
from hw_profiles.grades import ZERO, Estimate
from hw_profiles.ledger import Event, Ledger
from hw_profiles.pricing import Cost, price
from hw_profiles.profile import load_profile
from hw_profiles.validation.publication import Amount, Publication, PublishedFigure, Run, list_publications
from hw_profiles.validation.publication import load_publication as load
from hw_profiles.validation.recipes import make_ledger

__all__ = ["Comparison", "Summary", "compare_all", "compare_run", "summarise"]

ENDS = ("value", "low", "high")


@dataclass(frozen=True)
class Comparison:
    """One published figure and ours.

    Attributes:
        published: SI units, per what the figure is per.
        ours: likewise; its ``missing`` says why there is none.
    """

    publication: str
    cite: str
    read: str
    run: str
    machine: str
    profile: str
    boundary: str
    role: str
    quantity: str
    each: str
    published: float
    at_most: bool
    ours: Estimate

    @property
    def inside(self) -> bool:
        """Whether the published figure lies within our range (a ceiling: whether our low end does not exceed it)."""
        if self.ours.missing or self.ours.low is None or self.ours.high is None:
            return False
        exact = 1e-9 * self.published  # the same number computed two ways
        return self.ours.low - exact <= self.published and (self.at_most or self.published <= self.ours.high + exact)

    @property
    def factor(self) -> float | None:
        """Ours over the published one."""
        return self.ours.value / self.published if self.ours.value else None

    @property
    def width(self) -> float | None:
        """High over low of our range."""
        if self.ours.low is None or self.ours.high is None:
            return None
        return self.ours.high / self.ours.low if self.ours.low > 0 else math.inf

    def as_dict(self) -> dict[str, Any]:
        """Plain Python, for JSON."""
        names = ("publication", "cite", "read", "run", "machine", "profile", "boundary", "role", "quantity", "each",
                 "published", "at_most", "inside", "factor", "width")  # fmt: skip
        return {**{name: getattr(self, name) for name in names}, "ours": self.ours.as_dict()}


@dataclass(frozen=True)
class Summary:
    """What the checks say together."""

    figures: int
    checks: int
    setters: int
    machines: int
    inside: int
    median_width: float
    median_factor: float

    @property
    def coverage(self) -> float:
        """Share of the checks within our range."""
        return self.inside / self.checks if self.checks else math.nan

    def as_dict(self) -> dict[str, Any]:
        """Plain Python, for JSON."""
        return {**self.__dict__, "coverage": self.coverage}


def _at(amount: Any, end: str) -> float:
    return float(getattr(amount, end)) if isinstance(amount, Amount) else float(amount)


def _recipe_at(recipe: dict[str, Any], end: str) -> dict[str, Any]:
    found = {}
    for name, value in recipe.items():
        if isinstance(value, dict):
            found[name] = _at(Amount.model_validate(value), end)
        else:
            found[name] = value
    return found


def _ledger(run: Run, end: str) -> Ledger:
    """The counts of ``run``, with every assumed amount at its ``end``."""
    if run.recipe:
        return make_ledger(_recipe_at(run.recipe, end))
    ledger = Ledger()
    for name, amount in run.counts.items():
        whole = round(_at(amount, end))
        heavy = round(_at(run.heaviest_core.get(name, 0), end))
        if not run.cores or name == Event.STEPS.value:
            ledger.add(Event(name), whole)
            continue
        heavy = heavy or -(-whole // run.cores)
        ledger.add(Event(name), min(heavy, whole), core=0)
        rest, others = max(0, whole - heavy), run.cores - 1
        for core in range(1, run.cores):
            ledger.add(Event(name), rest // others + (core <= rest % others), core=core)
    return ledger


def compare_run(publication: Publication, run: Run) -> list[Comparison]:
    """Every figure of ``run`` beside ours."""
    profile = load_profile(run.profile)
    costs: dict[str, Cost] = {}
    refusal = ""
    try:
        for end in ENDS:
            costs[end] = price(_ledger(run, end), profile, run.chips, boundary=run.boundary, drive=run.drive)
    except InputError as error:
        refusal = str(error)
    power = static_at(profile, run.boundary)
    static = ZERO if power is None else power.si()
    return [
        Comparison(
            publication=publication.title, cite=publication.cite, read=publication.read, run=run.name,
            machine=run.machine, profile=run.profile, boundary=run.boundary.value, role=run.role,
            quantity=figure.quantity, each=figure.each, published=figure.si, at_most=figure.at_most,
            ours=Estimate.refused([refusal]) if refusal else _ours(figure, costs, static),
        )
        for figure in run.figure
    ]  # fmt: skip


def _ours(figure: PublishedFigure, costs: dict[str, Cost], static: Estimate) -> Estimate:
    found = {end: _quantity(figure.quantity, costs[end], static) for end in ENDS}
    missing = [name for estimate in found.values() for name in estimate.missing]
    if missing:
        return Estimate.refused(missing)
    return Estimate(found["value"].value, found["low"].low, found["high"].high, found["value"].grade).scaled(
        1 / figure.per
    )


def _quantity(name: str, cost: Cost, static_per_chip: Estimate) -> Estimate:
    """One quantity of one cost. A power is not an energy over a time: their ranges go together."""
    plain = {
        "energy": cost.energy, "dynamic energy": cost.dynamic, "static energy": cost.static, "time": cost.latency,
    }  # fmt: skip
    if name in plain:
        return plain[name]
    static = static_per_chip.scaled(cost.chips)
    if name == "static power":
        return static
    if cost.dynamic.missing or cost.latency.missing:
        return Estimate.refused([*cost.dynamic.missing, *cost.latency.missing])
    dynamic = _over(cost)
    return dynamic if name == "dynamic power" else static + dynamic


def _over(cost: Cost) -> Estimate:
    """Mean dynamic power: event energies over the time, the widest ends, plus the power at work, which is one."""
    time, active = cost.latency, cost.active
    if not time.value:
        return ZERO
    events = [(getattr(cost.dynamic, end) or 0.0) - (getattr(active, end) or 0.0) for end in ENDS]
    over = [getattr(time, end) or time.value for end in ("value", "high", "low")]
    at_work = [(getattr(active, end) or 0.0) / (getattr(time, end) or time.value) for end in ENDS]
    value, low, high = (e / t + a for e, t, a in zip(events, over, at_work, strict=True))
    return Estimate(value, low, high, cost.dynamic.grade)


def compare_all(machine: str | None = None, files: Sequence[Path | str] = ()) -> list[Comparison]:
    """Every figure of every publication that ships, or of ``files``; of one machine or profile where one is named.

    Raises:
        InputError: a file is wrong, or nothing is known of ``machine``.
    """
    publications = [load(path) for path in (files or list_publications())]
    found = [row for publication in publications for run in publication.run for row in compare_run(publication, run)]
    if machine is None:
        return found
    chosen = [row for row in found if machine.lower() in (row.machine.lower(), row.profile.lower())]
    if not chosen:
        names = sorted({row.machine for row in found} | {row.profile for row in found})
        raise InputError(f"no published figure of {machine!r}; there are figures of {', '.join(names)}")
    return chosen


def summarise(rows: Iterable[Comparison]) -> Summary:
    """Coverage, width and factor over the checks; setters are counted apart."""
    rows = list(rows)
    checks = [row for row in rows if row.role == "checks"]
    widths = [row.width for row in checks if row.width is not None and not row.at_most]
    factors = [max(row.factor, 1 / row.factor) for row in checks if row.factor and not row.at_most]
    return Summary(
        figures=len(rows),
        checks=len(checks),
        setters=len(rows) - len(checks),
        machines=len({row.machine.split(" (")[0] for row in rows}),
        inside=sum(row.inside for row in checks),
        median_width=median(widths) if widths else math.nan,
        median_factor=median(factors) if factors else math.nan,
    )
