"""The prices of a profile that apply to one ledger, at one boundary, one drive and on so many chips."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from hw_profiles.boundaries import Boundary
from hw_profiles.core_spread import spread
from hw_profiles.ledger import Event, Key, Ledger

if TYPE_CHECKING:
    from hw_profiles.schema import Price, ProfileModel

__all__ = ["PriceList"]


class PriceList:
    """Answers what a count costs: its price, what set it aside, or what covers it.

    Args:
        ledger: the counts; some prices apply only without others (`Price.unless`), some cover only with them.
        profile: the machine.
        boundary, drive: the one of each that is priced.
        chips: powered; some prices are those of a program on several.
    """

    def __init__(
        self, ledger: Ledger, profile: ProfileModel, boundary: Boundary, drive: str, chips: int | None = None
    ) -> None:
        counted = set(ledger.totals())
        self.spans = spread(ledger, profile, chips).spans  #: chips that the program is on
        self._special: dict[Event, list[Price]] = {}
        self._general: dict[Event, Price] = {}
        self.set_aside: dict[Event, Price] = {}
        for entry in sorted(profile.price, key=lambda entry: entry.chips):  # those of several chips last: they replace
            if entry.chips and self.spans < 2:
                continue
            if (entry.boundary and boundary not in entry.boundary) or (entry.drive and entry.drive != drive):
                continue
            if counted.intersection(entry.unless):
                self.set_aside[entry.event] = entry
            elif entry.components:
                self._special.setdefault(entry.event, []).append(entry)
            else:
                self._general[entry.event] = entry
        for some in self._special.values():
            some.sort(key=lambda entry: not entry.chips)  # here the first that matches is taken
        self.covered = {
            event: entry.by
            for entry in profile.covered
            if (not entry.when or counted.intersection(entry.when))
            and (not entry.boundary or boundary in entry.boundary)
            for event in entry.events
        }

    def find(self, key: Key) -> Price | None:
        """The price of what was counted under ``key``."""
        for entry in self._special.get(key.event, ()):
            if any(fnmatchcase(key.component, pattern) for pattern in entry.components):
                return entry
        return self._general.get(key.event)

    def timeless(self, event: Event) -> bool:
        """Whether the time of ``event`` is in that of another."""
        return event in self.covered or event in self.set_aside
