"""The machines of a comparison: a name says where the work is run and what prices it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hw_profiles.chip_file import list_chips, load_chip
from hw_profiles.errors import InputError
from hw_profiles.profile import list_profiles, load_profile

if TYPE_CHECKING:
    from hw_profiles.schema import ProfileModel

__all__ = ["Machine", "find_machine"]

Kind = Literal["chip", "analog", "processor", "card"]


@dataclass(frozen=True)
class Machine:
    """One machine of a comparison.

    Attributes:
        name: what the user wrote.
        kind: ``chip`` (Loihi-like, on our bit-accurate engine), ``analog`` (a chip instance of the
            machine model), ``processor`` (this one, measured), ``card`` (a roofline of a named card or processor).
        target: where the program is run; a card's program is counted on the float machine.
        profile: prices of what was counted.
        chip: faults of an analog machine.
    """

    name: str
    kind: Kind
    target: str
    profile: ProfileModel
    chip: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """As a reader calls it."""
        return "this processor" if self.kind == "processor" else self.profile.title

    @property
    def how(self) -> str:
        """What was measured, modelled and assumed about it, in words."""
        return _HOW[self.kind]


_HOW = {
    "chip": "modelled: run on the bit-accurate engine, its counts priced by the profile",
    "analog": "modelled: run on an imperfect chip instance, its counts priced from the chip's own numbers",
    "processor": "measured: run and timed here, warmed up, compiled code loaded before; power as the note says",
    "card": "modelled: not run; its program is counted and put under a roofline of vendor figures",
}


def find_machine(name: str) -> Machine:
    """The machine called ``name``: ``cpu`` (this processor), a profile, a device, or a file of either.

    Raises:
        InputError: there is none, or it can run none of our programs.
    """
    if name == "cpu":
        return Machine(name, "processor", "ideal", load_profile("this-machine"))
    if name in ("loihi2-sim", "analog"):
        return find_machine({"loihi2-sim": "loihi2", "analog": "crossbar"}[name])
    profile = load_profile(name)
    if profile.processor:
        return Machine(name, "card", "ideal", profile)
    if profile.kind == "analog" and (name.endswith(".toml") or name in list_chips() or name == "crossbar"):
        device = "generic" if name == "crossbar" else name
        return Machine(name, "analog", "analog", profile, load_chip(device).faults())
    if profile.kind == "digital-neuromorphic" and {"synaptic_operations", "neuron_updates_inactive"} <= {
        price.event.value for price in profile.price
    }:
        return Machine(name, "chip", "loihi2-sim", profile)
    able = [n for n in list_profiles() if n.startswith(("loihi", "gpu-", "cpu-", "mcu-", "crossbar"))]
    raise InputError(
        f"{name!r} is a profile of figures that none of our programs produce; compare cpu (this processor), "
        f"{', '.join(able)}, {', '.join(list_chips())}, or a chip file"
    )
