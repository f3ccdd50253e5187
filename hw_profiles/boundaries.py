"""What a power, a price or a published figure includes.

A chip's rails, a board with its converters and embedded processors, and a system's share per chip are three quantities
that share a name: one author reports 474 times less dynamic energy and 7 to 40 times less total energy from the same
runs. So every static power says its boundary, and pricing takes one and never mixes them.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from hw_profiles.errors import InputError

if TYPE_CHECKING:
    from hw_profiles.schema import Figure, ProfileModel

__all__ = ["DRIVES", "Boundary", "active_at", "boundaries_of", "choose_boundary", "choose_drive", "static_at"]


class Boundary(str, Enum):
    """From the inside out; each contains the one before."""

    SILICON = "silicon"  #: the chip's own supply rails
    BOARD = "board"  #: board with power conversion, embedded processors and memory; one meter at its supply
    SYSTEM = "system"  #: a machine of several chips or a host at the socket, divided by its chips

    def __str__(self) -> str:
        return self.value


#: what drives a step, and what carries values to and from the host: the chip's own barrier and links; Lava's runtime on
#: the embedded processors; the same, every value through a state probe; a host computer, step by step
DRIVES = ("barrier", "lava", "probe", "host")


def boundaries_of(profile: ProfileModel) -> tuple[Boundary, ...]:
    """The boundaries at which ``profile`` can be priced."""
    stated = {entry.boundary for entry in profile.static_power} or {profile.boundary}
    return tuple(boundary for boundary in Boundary if boundary in stated)


def choose_boundary(profile: ProfileModel, wanted: Boundary | str | None) -> Boundary:
    """``wanted``, or the profile's own.

    Raises:
        InputError: no such boundary, or ``profile`` has no static power there.
    """
    if wanted is None:
        return profile.boundary
    try:
        boundary = Boundary(wanted)
    except ValueError:
        names = ", ".join(b.value for b in Boundary)
        raise InputError(f"unknown boundary {str(wanted)!r}; expected one of {names}") from None
    known = boundaries_of(profile)
    if boundary not in known:
        raise InputError(
            f"the profile {profile.name!r} has no power at the boundary {boundary.value}; it has "
            f"{', '.join(b.value for b in known)}: price it there, or add a [[static_power]] entry with its source"
        )
    return boundary


def choose_drive(profile: ProfileModel, wanted: str | None) -> str:
    """How steps are driven: ``wanted``, or the profile's own; empty for a machine that makes no difference.

    Raises:
        InputError: no such drive, or ``profile`` has no price for it.
    """
    if wanted is None:
        return profile.drive
    known = sorted({entry.drive for entry in profile.price if entry.drive})
    if wanted not in known:
        raise InputError(
            f"the profile {profile.name!r} has no steps driven by {wanted!r}; "
            + (f"it has {', '.join(known)}" if known else "its steps have one price")
        )
    return wanted


def static_at(profile: ProfileModel, boundary: Boundary) -> Figure | None:
    """The static power of a chip at ``boundary``, or None when other prices contain it."""
    return next((entry.per_chip for entry in profile.static_power if entry.boundary is boundary), None)


def active_at(profile: ProfileModel, boundary: Boundary) -> Figure | None:
    """The power above the static one while the machine works, at ``boundary``; None where events carry it all."""
    return next((entry.per_chip for entry in profile.active_power if entry.boundary is boundary), None)
