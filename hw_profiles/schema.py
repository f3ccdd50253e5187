"""The shape of a profile file, as pydantic models. `profile.py` loads and checks files with them."""

from __future__ import annotations

from functools import cached_property
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hw_profiles.boundaries import Boundary
from hw_profiles.grades import Estimate, Grade
from hw_profiles.ledger import Event
from hw_profiles.notebook import card
from hw_profiles.units import UNITS

__all__ = ["REQUIRED_EVENTS", "Covered", "Figure", "Price", "ProfileModel", "StaticPower", "Unpublished", "Validity"]

Kind = Literal["digital-neuromorphic", "analog", "processor"]
Term = Literal["neuron", "synapse", "memory", "link", "chip link", "barrier", "serial", "host"]
Drive = Literal["", "barrier", "lava", "probe", "host"]

_LOIHI_LIKE = (
    Event.SYNAPTIC_OPERATIONS,
    Event.NEURON_UPDATES_ACTIVE,
    Event.NEURON_UPDATES_INACTIVE,
    Event.MESSAGES,
    Event.STEPS,
)
_CONVERTING = (
    Event.MATRIX_VECTOR_PRODUCTS,
    Event.CELL_READS,
    Event.ADC_CONVERSIONS,
    Event.DAC_CONVERSIONS,
    Event.SETTLING_NANOSECONDS,
)

#: what a profile of each kind must speak of: price it, say what covers it, or say that it is unpublished
REQUIRED_EVENTS: dict[str, tuple[Event, ...]] = {
    "digital-neuromorphic": _LOIHI_LIKE,
    "analog": _CONVERTING,
    "processor": (),
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(_Strict):
    """One figure: value with range, unit, grade, where it comes from and what it holds for."""

    value: float
    low: float
    high: float
    unit: str
    grade: Grade
    cite: Annotated[tuple[str, ...], Field(default=())]
    note: str = ""  #: how it was derived, or what it holds for

    @field_validator("value", "low", "high")
    @classmethod
    def _finite(cls, value: float) -> float:
        if not isfinite(value):
            raise ValueError(f"must be finite, got {value}")
        if value < 0:
            raise ValueError(f"must not be negative, got {value}")
        return value

    @field_validator("unit")
    @classmethod
    def _known(cls, unit: str) -> str:
        if unit not in UNITS:
            raise ValueError(f"unknown unit {unit!r}; known: {', '.join(UNITS)}")
        return unit

    @model_validator(mode="after")
    def _ordered(self) -> Figure:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"the range must hold the value: low {self.low} <= value {self.value} <= high {self.high}")
        if not self.cite and self.grade is not Grade.ASSUMED:
            raise ValueError(f"a {self.grade.value} figure needs a citation in cite = [...]")
        if not self.cite and not self.note:
            raise ValueError("an assumed figure needs a note saying how it was derived")
        return self

    @property
    def dimension(self) -> str:
        """What the unit measures: energy, time, power, ..."""
        return UNITS[self.unit][0]

    def si(self) -> Estimate:
        """The figure in SI units."""
        return self._estimate

    @cached_property
    def _estimate(self) -> Estimate:
        factor = UNITS[self.unit][1]
        return Estimate(self.value * factor, self.low * factor, self.high * factor, self.grade)


class Price(_Strict):
    """What one event costs. Its energy and its time are each one of three: a figure, said to be within another
    figure, or unpublished; a total with an unpublished part is refused.
    """

    event: Event
    component: str  #: where the energy goes in the split: synapse, neuron, network, memory, converter, ...
    scope: Literal["incremental", "all-in"] = "incremental"  #: all-in prices contain leakage and neighbours
    energy: Figure | None = None
    energy_within: str = ""  #: when there is no energy of its own: which figure contains it
    energy_unpublished: str = ""  #: when it is not known: what was looked for
    time: Figure | None = None
    time_within: str = ""  #: when it takes no time of its own: why
    time_unpublished: str = ""
    term: Term = "serial"  #: which term of the step time its time belongs to
    parallel: int = Field(default=1, ge=1)  #: units of the machine that do this at the same time
    unless: tuple[Event, ...] = ()  #: not applied when one of these was counted, because they contain it
    boundary: tuple[Boundary, ...] = ()  #: applied at these boundaries only; empty for every one
    drive: Drive = ""  #: applied when steps are driven so; empty for either
    chips: Literal["", "several"] = ""  #: for a program on several chips, in place of the price without
    per_chip: bool = False  #: counted once for the machine, its energy spent by every powered chip
    #: applied to what was counted for these components only (shell patterns); it then goes before a price without
    components: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The event, and what tells this price from the event's others."""
        special = (self.drive and f"driven by {self.drive}", self.chips and f"{self.chips} chips",
                   ", ".join(self.components), ", ".join(b.value for b in self.boundary))  # fmt: skip
        return " ".join((self.event.value, *(f"({word})" for word in special if word)))


class Covered(_Strict):
    """Events that cost nothing by themselves, and why: another price contains them, or the machine has none.

    With ``when``, they are covered only if one of those events was counted as well.
    """

    events: tuple[Event, ...]
    by: str
    when: tuple[Event, ...] = ()
    boundary: tuple[Boundary, ...] = ()  #: at these boundaries only; empty for every one


class Unpublished(_Strict):
    """Events known to cost something that nobody published: a total with one of them is refused."""

    events: tuple[Event, ...]
    reason: str
    boundary: tuple[Boundary, ...] = ()  #: at these boundaries only; empty for every one


class StaticPower(_Strict):
    """Power drawn whatever happens, per chip, at one boundary."""

    per_chip: Figure | None = None
    within: str = ""  #: when there is none of its own at this boundary: which prices contain it
    boundary: Boundary
    component: str = "static"

    @model_validator(mode="after")
    def _one(self) -> StaticPower:
        if (self.per_chip is None) == (not self.within):
            raise ValueError("give per_chip, or say in within what contains it")
        return self


class Validity(_Strict):
    """A range of the fitted data. Pricing outside is refused.

    ``metric`` is one of `hw_profiles.pricing.METRICS`, computed from the ledger.
    """

    metric: str
    low: float
    high: float
    cite: tuple[str, ...] = ()
    note: str = ""


class ProfileModel(_Strict):
    """A machine's prices."""

    schema_version: Literal[1, 2]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    title: str
    kind: Kind
    description: str
    boundary: Boundary = Boundary.SILICON  #: the one it is priced at unless another is asked for
    drive: Drive = ""  #: how steps are driven unless said otherwise
    price: tuple[Price, ...]
    covered: tuple[Covered, ...] = ()
    unpublished: tuple[Unpublished, ...] = ()
    static_power: tuple[StaticPower, ...] = ()
    active_power: tuple[StaticPower, ...] = ()  #: on top of the static power while the machine works and does not wait
    static_within: str = ""  #: when there is no static power: which figure contains it
    capacity: dict[str, Figure] = Field(default_factory=dict)
    device: dict[str, Figure] = Field(default_factory=dict)  #: device parameters prices were derived from
    processor: dict[str, Figure] = Field(default_factory=dict)  #: what a processor is; its prices follow from it
    validity: tuple[Validity, ...] = ()
    not_counted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @field_validator("static_power", "active_power", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, dict) else value

    def _repr_html_(self) -> str:
        """For notebooks: what machine, and every figure with its grade."""
        figures = [
            (name, f"{figure.value:.3g} ({figure.grade})") for name, figure in self.figures() if figure is not None
        ]
        return card(self.title, [("kind", self.kind), ("boundary", self.boundary.value), *figures])

    def figures(self) -> list[tuple[str, Any]]:
        """Every figure with its place in the file."""
        found: list[tuple[str, Any]] = []
        for price in self.price:
            found += [(f"price {price.label} {name}", getattr(price, name)) for name in ("energy", "time")]
        found += [(f"static_power {entry.boundary.value}", entry.per_chip) for entry in self.static_power]
        found += [(f"active_power {entry.boundary.value}", entry.per_chip) for entry in self.active_power]
        found += [(f"capacity {name}", figure) for name, figure in self.capacity.items()]
        found += [(f"device {name}", figure) for name, figure in self.device.items()]
        found += [(f"processor {name}", figure) for name, figure in self.processor.items()]
        return [(place, figure) for place, figure in found if figure is not None]
