"""A publication's figures as data: which run on which machine, counted how, at which boundary, setting or checking.

A *run* either sets prices or checks them, with all its figures: two figures of one run are not independent. A run that
sets names the figures of the profile it set, and those must cite the publication.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hw_profiles.boundaries import Boundary
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from hw_profiles.profile import load_profile
from hw_profiles.reading.files import reading
from hw_profiles.reading.settings import read_toml
from hw_profiles.units import UNITS

__all__ = ["QUANTITIES", "Amount", "Publication", "PublishedFigure", "Run", "list_publications", "load_publication"]

FOLDER = Path(__file__).parent

#: what may be published of a run -> what its unit measures
QUANTITIES = {
    "energy": "energy",
    "dynamic energy": "energy",
    "static energy": "energy",
    "time": "time",
    "power": "power",
    "dynamic power": "power",
    "static power": "power",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Amount(_Strict):
    """A count or a parameter of a recipe that the publication does not give exactly: our assumption, with its range."""

    value: float
    low: float
    high: float
    note: str

    @model_validator(mode="after")
    def _ordered(self) -> Amount:
        if not 0 <= self.low <= self.value <= self.high:
            raise ValueError(f"expected 0 <= low <= value <= high, got {self.low}, {self.value}, {self.high}")
        return self


class PublishedFigure(_Strict):
    """One published number of a run."""

    quantity: str
    value: Annotated[float, Field(gt=0)]
    unit: str
    per: Annotated[float, Field(gt=0)] = 1.0  #: the run's quantity is divided by this before it is compared
    each: str = ""  #: of what ``per`` counts: frame, synaptic event, ...
    at_most: bool = False  #: the publication gives a ceiling
    note: str = ""

    @model_validator(mode="after")
    def _known(self) -> PublishedFigure:
        if self.quantity not in QUANTITIES:
            raise ValueError(f"unknown quantity {self.quantity!r}; expected one of {', '.join(QUANTITIES)}")
        if self.unit not in UNITS or UNITS[self.unit][0] != QUANTITIES[self.quantity]:
            raise ValueError(f"{self.quantity} in {self.unit!r}: expected a unit of {QUANTITIES[self.quantity]}")
        return self

    @property
    def si(self) -> float:
        """The figure in SI units."""
        return self.value * UNITS[self.unit][1]


class Run(_Strict):
    """One published run of one machine."""

    name: str
    machine: str  #: as a reader calls it
    profile: str
    boundary: Boundary
    role: Literal["sets", "checks"]
    sets: tuple[str, ...] = ()  #: the profile's figures that it set, as `ProfileModel.figures` calls them
    drive: str | None = None
    chips: int | None = Field(default=None, ge=1)
    counts: dict[str, int | float | Amount] = Field(default_factory=dict)
    heaviest_core: dict[str, float | Amount] = Field(default_factory=dict)
    cores: int = Field(default=0, ge=0)
    recipe: dict[str, Any] = Field(default_factory=dict)
    figure: tuple[PublishedFigure, ...]
    note: str = ""

    @field_validator("counts", "heaviest_core")
    @classmethod
    def _events(cls, value: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(value) - {event.value for event in Event})
        if unknown:
            raise ValueError(f"no event {', '.join(unknown)}; known: {', '.join(event.value for event in Event)}")
        return value

    @model_validator(mode="after")
    def _countable(self) -> Run:
        if not self.counts and not self.recipe:
            raise ValueError("its workload cannot be counted: give counts = {...} or recipe = {...}")
        if self.counts and self.recipe:
            raise ValueError("give counts or a recipe, not both")
        if not self.figure:
            raise ValueError("no published figure")
        if self.heaviest_core and self.cores < 1:
            raise ValueError("heaviest_core needs cores = how many are used")
        if bool(self.sets) != (self.role == "sets"):
            raise ValueError("a run that sets says what in sets = [...]; one that checks has none")
        return self


class Publication(_Strict):
    """One publication (or one measurement of a user's own board)."""

    schema_version: Literal[1]
    title: str
    cite: str = ""  #: key of the bibliography
    source: str  #: where in the publication, or how it was measured
    read: Literal["source", "secondary", "memory", "own"]  #: how the figures were read
    run: tuple[Run, ...]
    note: str = ""


def list_publications() -> list[Path]:
    """The files that ship."""
    return sorted(FOLDER.glob("*.toml"))


def load_publication(path: Path | str) -> Publication:
    """Read and check one file.

    Raises:
        InputError: everything that is wrong with it, in one text.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no validation file {path}; expected a .toml file as docs/validation.md describes")
    return _load(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _load(path: Path, _changed: int) -> Publication:
    fix = "docs/validation.md says what one holds"
    data = read_toml(path, "validation file", fix)[1]
    with reading(path, "validation file", fix):
        try:
            publication = Publication.model_validate(data)
        except ValidationError as error:
            raise InputError(f"{path.name} is no usable validation file: {'; '.join(_texts(error, data))}") from None
        problems = [text for run in publication.run for text in _unsettled(publication, run)]
        problems += _twice(publication)
        if problems:
            raise InputError(f"{path.name} is no usable validation file: {'; '.join(problems)}")
        return publication


def _texts(error: ValidationError, data: dict[str, Any]) -> list[str]:
    found = []
    for item in error.errors():
        place = [str(part) for part in item["loc"]]
        runs = data.get("run")
        if len(item["loc"]) > 1 and item["loc"][0] == "run" and isinstance(runs, list):
            entry = runs[int(item["loc"][1])]
            name = entry.get("name", item["loc"][1]) if isinstance(entry, dict) else item["loc"][1]
            place = [f"run {name!r}", *place[2:]]
        found.append(f"{'.'.join(place) or 'file'}: {item['msg'].removeprefix('Value error, ')}")
    return list(dict.fromkeys(found))


def _unsettled(publication: Publication, run: Run) -> list[str]:
    """What a run that sets claims and the profile does not say."""
    figures = dict(load_profile(run.profile).figures())
    found = []
    for name in run.sets:
        if name not in figures:
            found.append(f"run {run.name!r} sets {name!r}, which {run.profile} has not")
        elif publication.cite and publication.cite not in figures[name].cite:
            found.append(f"run {run.name!r} sets {name!r} of {run.profile}, which does not cite {publication.cite}")
    return found


def _twice(publication: Publication) -> list[str]:
    """Runs that are the same work and still both set and check."""
    found = []
    seen: dict[str, Run] = {}
    names: set[str] = set()
    for run in publication.run:
        if run.name in names:
            found.append(f"two runs are called {run.name!r}")
        names.add(run.name)
        work = repr((run.profile, run.counts, run.recipe, sorted((f.quantity, f.value) for f in run.figure)))
        other = seen.setdefault(work, run)
        if other.role != run.role:
            found.append(f"the runs {other.name!r} and {run.name!r} are one, which both sets and checks: keep one role")
    return found
