"""How far a figure can be trusted, and figures with a range.

A *grade* says where a figure comes from. Sums and products carry the weakest grade of their parts, and ranges
are propagated as intervals: the low of a sum is the sum of the lows. That is the widest honest range: it
assumes that all errors may point the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = ["Estimate", "Grade", "weakest"]


class Grade(str, Enum):
    """Strongest first; the order is what `weakest` uses."""

    MEASURED = "measured"  #: read from silicon or from a meter by those who report it
    FITTED = "fitted"  #: regressed on measurements; holds only within their range
    SIMULATED = "simulated"  #: circuit or pre-silicon simulation
    PROJECTED = "projected"  #: a model or forecast by the authors
    VENDOR = "vendor"  #: stated by the maker without a described measurement
    INHERITED = "inherited"  #: another machine's figure, used for want of a better one
    ASSUMED = "assumed"  #: our bound or guess, derived as the note says

    @property
    def rank(self) -> int:
        """0 for the strongest."""
        return _RANKS[self._value_]

    def __str__(self) -> str:
        return self.value


_RANKS = {grade.value: place for place, grade in enumerate(Grade)}


def weakest(grades: Iterable[Grade]) -> Grade | None:
    """The weakest of ``grades``, or None when there is none."""
    return max(grades, key=lambda grade: grade.rank, default=None)


def _weaker(one: Grade | None, other: Grade | None) -> Grade | None:
    if one is None or other is None or one is other:
        return one or other
    return one if one.rank >= other.rank else other


@dataclass(frozen=True)
class Estimate:
    """A figure with its range and grade, or the names of what is missing to give it.

    Attributes:
        value: best estimate in SI units (J or s); None when something is missing.
        low, high: range; None when something is missing.
        grade: weakest grade of all parts; None for an empty sum.
        missing: names of the counted events that have no price here; the total is refused while there is one.
    """

    value: float | None
    low: float | None
    high: float | None
    grade: Grade | None = None
    missing: tuple[str, ...] = ()

    @staticmethod
    def refused(missing: Iterable[str]) -> Estimate:
        """An estimate that cannot be given, because of ``missing``."""
        return Estimate(None, None, None, None, tuple(dict.fromkeys(missing)))

    def __add__(self, other: Estimate) -> Estimate:
        missing = (*self.missing, *other.missing)
        if missing:
            return Estimate.refused(missing)
        return Estimate(
            _number(self.value) + _number(other.value),
            _number(self.low) + _number(other.low),
            _number(self.high) + _number(other.high),
            _weaker(self.grade, other.grade),
        )

    def times(self, other: Estimate) -> Estimate:
        """Product of two non-negative estimates."""
        missing = (*self.missing, *other.missing)
        if missing:
            return Estimate.refused(missing)
        return Estimate(
            _number(self.value) * _number(other.value),
            _number(self.low) * _number(other.low),
            _number(self.high) * _number(other.high),
            _weaker(self.grade, other.grade),
        )

    def scaled(self, factor: float) -> Estimate:
        """This estimate times an exact number of zero or more."""
        if self.missing:
            return self
        return Estimate(
            _number(self.value) * factor, _number(self.low) * factor, _number(self.high) * factor, self.grade
        )

    def __getitem__(self, name: str) -> Any:
        return self.as_dict()[name]

    def text(self, unit: str) -> str:
        """``1.2 mJ (0.8 to 2.1, assumed)``, or the events that had no price."""
        if self.value is None:
            return f"no price for {', '.join(self.missing)}"
        size = max(abs(self.value), 1e-12)
        scale, prefix = max((entry for entry in _PREFIXES if entry[0] <= size), key=lambda entry: entry[0])
        low, high = (_short(_number(number) / scale) for number in (self.low, self.high))
        return f"{self.value / scale:.3g} {prefix}{unit} ({low} to {high}, {self.grade})"

    def as_dict(self) -> dict[str, Any]:
        """The five fields as plain Python, as the command line prints them."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "grade": self.grade.value if self.grade else None,
            "missing": list(self.missing),
        }


#: the empty sum
ZERO = Estimate(0.0, 0.0, 0.0)


def _number(value: float | None) -> float:
    return 0.0 if value is None else value


_PREFIXES = ((1e-12, "p"), (1e-9, "n"), (1e-6, "µ"), (1e-3, "m"), (1.0, ""), (1e3, "k"))


def _short(number: float) -> str:
    """Three digits, without an exponent where a person would write none."""
    return f"{number:.0f}" if number >= 100 else f"{number:.2g}"
