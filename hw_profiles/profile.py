"""Hardware profiles: what one counted event costs on one machine, with source, grade and range. TOML files.

    name = "loihi2"                  title = "Intel Loihi 2, one chip"
    [static]                         power of the chip while it waits (W)
    [latency.step]                   seconds per event, or terms of the step time
    [energy.synaptic_operations]     value, low, high (J), grade, scope, cite

An event under ``[not_priced]`` is counted but carries no price of its own, with the reason (it is inside another
price, or physically free); an event that is in neither table makes a total impossible.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["GRADES", "Figure", "Profile", "check_profile", "list_profiles", "load_profile"]

#: from the strongest to the weakest
GRADES = ("measured", "fitted", "simulated", "projected", "vendor", "inherited", "assumed")
Grade = Literal["measured", "fitted", "simulated", "projected", "vendor", "inherited", "assumed"]

FOLDER = Path(__file__).parent / "profiles"


class Figure(BaseModel):
    """One number with where it comes from. ``low <= value <= high``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    value: float = Field(ge=0)
    low: float = Field(ge=0)
    high: float = Field(ge=0)
    unit: Literal["J", "s", "W", "1"]
    grade: Grade
    cite: str = Field(min_length=1)
    scope: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Figure:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"low {self.low} <= value {self.value} <= high {self.high} does not hold")
        return self


class Profile(BaseModel):
    """Prices of one machine; see the module's text for the file's form."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    title: str
    summary: str
    machine: Literal["digital-neuromorphic", "analog", "processor"]
    capacity: dict[str, int] = Field(default_factory=dict)
    static: Figure | None = None
    energy: dict[Event, Figure] = Field(default_factory=dict)
    #: seconds per event; ``serial`` ones add up, ``parallel`` ones are shared over the cores in use
    serial: dict[Event, Figure] = Field(default_factory=dict)
    parallel: dict[Event, Figure] = Field(default_factory=dict)
    not_priced: dict[Event, str] = Field(default_factory=dict)
    citations: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Profile:
        wrong = []
        for table, unit in (("energy", "J"), ("serial", "s"), ("parallel", "s")):
            for event, figure in getattr(self, table).items():
                if figure.unit != unit:
                    wrong.append(f"{table}.{event.value}: unit {figure.unit}, expected {unit}")
                if figure.cite not in self.citations:
                    wrong.append(f"{table}.{event.value}: no citation {figure.cite!r}")
        if self.static is not None and self.static.unit != "W":
            wrong.append(f"static: unit {self.static.unit}, expected W")
        if self.static is not None and self.static.cite not in self.citations:
            wrong.append(f"static: no citation {self.static.cite!r}")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def list_profiles() -> list[str]:
    """Names of the profiles shipped."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def check_profile(path: str | Path) -> list[str]:
    """Everything that is wrong with a profile file, one line each; empty when it is sound."""
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return [f"{path}: no such file"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return [f"{path}: not a TOML file ({error})"]
    try:
        Profile.model_validate(data)
    except ValidationError as error:
        return [f"{'.'.join(str(p) for p in e['loc']) or 'profile'}: {e['msg']}" for e in error.errors()]
    return []


def load_profile(name: str | Path) -> Profile:
    """Load a shipped profile by name, or a file by path.

    Raises:
        InputError: no such profile (lists those there are), or all that is wrong with the file.
    """
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        path = Path(name)
        if path.suffix != ".toml" or not path.is_file():
            raise InputError(f"no profile {str(name)!r}; there are {', '.join(list_profiles())}, or give a .toml file")
    errors = check_profile(path)
    if errors:
        raise InputError(f"the profile {path.name} has {len(errors)} error(s): " + "; ".join(errors))
    data: dict[str, Any] = tomllib.loads(path.read_text())
    return Profile.model_validate(data)
