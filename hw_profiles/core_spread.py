"""How many cores and chips a run needs, from its placement; what is counted without a core is spread over those."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from hw_profiles.ledger import Ledger

if TYPE_CHECKING:
    from hw_profiles.schema import ProfileModel

__all__ = ["Spread", "spread"]

UNPLACED = (
    "the counts are told apart by no core, and the time of a chip of many cores is that of its fullest: place the "
    "program (mappers.place_program) and count it again"
)


@dataclass(frozen=True)
class Spread:
    """Where counts are.

    Attributes:
        cores: over how many cores events without a core are spread: best guess.
        most_cores: the same, most of them (shortest time).
        chips: that are powered.
        spans: chips that the program is on.
        placed: whether the counts say their cores, where a chip has many that hold neurons.
        assumptions: in words.
    """

    cores: int
    most_cores: int
    chips: int
    spans: int
    placed: bool
    assumptions: tuple[str, ...]


def spread(ledger: Ledger, profile: ProfileModel, chips: int | None) -> Spread:
    """Cores and chips of ``ledger`` on ``profile``.

    A placement's cores are taken as they are. Without one, a chip whose cores hold neurons has no step time (see
    `UNPLACED`); on a chip of crossbars the work is on one core at best guess and spread over all at the low end.
    """
    placed = {key.core for key in ledger if key.core >= 0}
    per_chip = _capacity(profile, "cores_per_chip", 1)
    always = _capacity(profile, "chips_powered", 1)
    if placed:
        needed, spans = len(placed), ceil((max(placed) + 1) / per_chip)
        said = (f"events without a core are spread over the {needed} used",)
        return Spread(needed, needed, chips or max(always, spans), spans, True, said)
    powered = chips or always
    most = per_chip * powered
    if most == 1:
        return Spread(1, 1, powered, 1, True, ())
    if "neurons_per_core" in profile.capacity:
        return Spread(1, 1, powered, 1, False, (UNPLACED,))
    said = (f"no placement in the record: best guess and high end on one core, low end spread evenly over {most}",)
    return Spread(1, most, powered, 1, True, said)


def _capacity(profile: ProfileModel, name: str, default: int) -> int:
    figure = profile.capacity.get(name)
    return int(figure.value) if figure else default
