"""Which prices make the range of a total.

One price at a time is put at its low and at its high end, all others at their values. Its *swing* is the logarithm of
the ratio of the two totals, and its share is its swing over the sum of swings. Logarithms, because prices are known to
factors, not to digits; the sum of swings is near the logarithm of the whole range where prices multiply or add up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hw_profiles.boundaries import Boundary, choose_boundary, choose_drive
from hw_profiles.ledger import Ledger
from hw_profiles.price_list import PriceList
from hw_profiles.pricing import price

if TYPE_CHECKING:
    from hw_profiles.schema import Figure, ProfileModel

__all__ = ["Swing", "sensitivity"]


@dataclass(frozen=True)
class Swing:
    """What one price does to one total.

    Attributes:
        price: in words, such as ``energy of synaptic operations``.
        low, high: the total with this price at its ends, SI units.
        share: of the range on a logarithmic scale; the shares of a total sum to one.
        grade, cite: of the price.
    """

    price: str
    low: float
    high: float
    share: float
    grade: str
    cite: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain Python, for JSON."""
        return {**self.__dict__, "cite": list(self.cite)}


def sensitivity(
    ledger: Ledger,
    profile: ProfileModel,
    chips: int | None = None,
    *,
    boundary: Boundary | str | None = None,
    drive: str | None = None,
) -> dict[str, tuple[Swing, ...]]:
    """What makes the ranges of ``energy`` and of ``latency``, largest first; empty for a total that is refused.

    Arguments as of `hw_profiles.pricing.price`.
    """
    whole = price(ledger, profile, chips, boundary=boundary, drive=drive)
    if whole.energy.missing or not whole.energy.value:
        return {"energy": (), "latency": ()}
    where, how = choose_boundary(profile, boundary), choose_drive(profile, drive)
    found: dict[str, list[tuple[str, float, float, Figure]]] = {"energy": [], "latency": []}
    for words, figure, pinned in _figures(ledger, profile, where, how, chips):
        ends = [price(ledger, changed, chips, boundary=where, drive=drive) for changed in pinned]
        for name in found:
            low, high = (getattr(cost, name).value or 0.0 for cost in ends)
            if 0 < low < high:
                found[name].append((words, low, high, figure))
    return {name: _shares(rows) for name, rows in found.items()}


def _shares(rows: list[tuple[str, float, float, Figure]]) -> tuple[Swing, ...]:
    total = sum(math.log(high / low) for _, low, high, _ in rows)
    swings = [
        Swing(words, low, high, math.log(high / low) / total, figure.grade.value, figure.cite)
        for words, low, high, figure in rows
    ]
    return tuple(sorted(swings, key=lambda swing: -swing.share))


def _figures(
    ledger: Ledger, profile: ProfileModel, where: Boundary, how: str, chips: int | None
) -> list[tuple[str, Figure, tuple[ProfileModel, ProfileModel]]]:
    """Every figure with a range that these counts meet: its name, itself, the profile with it at each end."""
    used = PriceList(ledger, profile, where, how, chips)
    met = {id(entry) for entry in map(used.find, ledger) if entry is not None}
    found = []
    for index, entry in enumerate(profile.price):
        for what in ("energy", "time"):
            figure = getattr(entry, what)
            if id(entry) in met and figure is not None and figure.low < figure.high:
                changed = [_at(figure, end) for end in (figure.low, figure.high)]
                prices = [
                    (*profile.price[:index], entry.model_copy(update={what: one}), *profile.price[index + 1 :])
                    for one in changed
                ]
                words = f"{what} of {entry.label.replace('_', ' ')}"
                found.append((words, figure, tuple(profile.model_copy(update={"price": some}) for some in prices)))
    for field in ("static_power", "active_power"):
        entries = getattr(profile, field)
        for index, power in enumerate(entries):
            figure = power.per_chip
            if power.boundary is where and figure is not None and figure.low < figure.high:
                powers = [
                    (*entries[:index], power.model_copy(update={"per_chip": _at(figure, end)}), *entries[index + 1 :])
                    for end in (figure.low, figure.high)
                ]
                words = f"{field.replace('_', ' ')} at the boundary {where.value}"
                found.append((words, figure, tuple(profile.model_copy(update={field: some}) for some in powers)))
    return found  # type: ignore[return-value]


def _at(figure: Figure, value: float) -> Figure:
    """``figure`` known exactly."""
    from hw_profiles.schema import Figure

    return Figure.model_construct(**{**dict(figure), "value": value, "low": value, "high": value})
