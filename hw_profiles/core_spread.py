"""How many cores and chips a run needs when its counts do not say."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from hw_profiles.ledger import Event, Ledger

if TYPE_CHECKING:
    from hw_profiles.schema import ProfileModel

__all__ = ["Spread", "spread"]


@dataclass(frozen=True)
class Spread:
    """Over how many cores events without a core are spread: best guess, most (shortest time), fewest."""

    cores: int
    most_cores: int
    fewest_cores: int
    chips: int
    assumptions: tuple[str, ...]


def spread(ledger: Ledger, profile: ProfileModel, chips: int | None) -> Spread:
    """Cores and chips of ``ledger`` on ``profile``.

    With a placement, its cores are taken. Without one, the best guess packs the neurons that step at the same
    time on the fewest cores that hold them (the usual mapping), the low end spreads them evenly over every core
    of the powered chips, and the high end is the packed one again.
    """
    placed = {key.core for key in ledger if key.core >= 0}
    per_chip = _capacity(profile, "cores_per_chip", 1)
    per_core = _capacity(profile, "neurons_per_core", 0)
    always = _capacity(profile, "chips_powered", 1)
    neurons = _neurons(ledger)
    if placed:
        needed = len(placed)
        powered = chips or max(always, ceil((max(placed) + 1) / per_chip))
        return Spread(needed, needed, needed, powered, (f"events without a core are spread over the {needed} used",))
    packed = max(1, ceil(neurons / per_core)) if per_core else 1
    powered = chips or max(always, ceil(packed / per_chip))
    most = max(packed, per_chip * powered)
    if most == 1:
        return Spread(1, 1, 1, powered, ())
    text = (
        f"no placement in the record: about {neurons} neurons step together; best guess and high end packed on "
        f"{packed} core{'s' * (packed != 1)}, low end spread evenly over {most}"
    )
    return Spread(packed, most, packed, powered, (text,))


def _capacity(profile: ProfileModel, name: str, default: int) -> int:
    figure = profile.capacity.get(name)
    return int(figure.value) if figure else default


def _neurons(ledger: Ledger) -> int:
    """Neurons stepping together: the largest ratio of neuron updates to steps over the phases."""
    most = 0
    for phase in {key.phase for key in ledger}:
        steps = ledger.total(Event.STEPS, phase=phase)
        updates = ledger.total(Event.NEURON_UPDATES_ACTIVE, phase=phase) + ledger.total(
            Event.NEURON_UPDATES_INACTIVE, phase=phase
        )
        if steps:
            most = max(most, ceil(updates / steps))
    return most
