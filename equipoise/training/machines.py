"""The machine of a target around a network, and its counts put on the cores of a chip."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from equipoise.targets import Target, find_target
from hw_profiles.errors import InputError
from mappers.placement import DoesNotFitError
from mappers.program import place_on_smallest
from substrates.loihi2.relaxation import Loihi2Machine

if TYPE_CHECKING:
    from substrates.base import RelaxationSubstrate
    from substrates.network import Network

__all__ = ["make_machine", "place_machine"]


def make_machine(target: str | Target, network: Network, options: dict[str, Any], seed: int) -> RelaxationSubstrate:
    """Build the machine of ``target`` around ``network``; without ``options``, with the target's own.

    Raises:
        InputError: the target has no machine for networks, or does not know an option.
    """
    target = find_target(target)
    try:
        machine: RelaxationSubstrate = target.make("network", network, dict(options or target.options), seed)
        return machine
    except TypeError as error:
        raise InputError(f"options {sorted(options)} for the target {target.name!r}: {error}") from None


def place_machine(machine: RelaxationSubstrate) -> None:
    """Put a machine of Loihi 2 on the smallest system that holds it, so that everything is counted on its core.

    Machines of another kind, and networks that no system holds, stay as they are.
    """
    if not isinstance(machine, Loihi2Machine):
        return
    with suppress(DoesNotFitError):
        machine.placement = place_on_smallest(machine.pattern)[0]
