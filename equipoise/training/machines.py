"""The machine of a target around a network, and its counts put on the cores of a chip."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from equipoise.targets import Target, find_target
from hw_profiles.errors import InputError
from mappers import place
from mappers.network_placement import core_traffic, network_connectivity, on_cores, with_deliveries
from mappers.placement import DoesNotFitError
from substrates.loihi2.relaxation import Loihi2Machine

if TYPE_CHECKING:
    from hw_profiles.ledger import Ledger
    from substrates.base import RelaxationSubstrate
    from substrates.network import Network

__all__ = ["make_machine", "placed_counts"]


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


def placed_counts(machine: RelaxationSubstrate) -> Callable[[Ledger], Ledger]:
    """A function that puts a machine's counts where they happened, on one Loihi 2 chip (Oheo Gulch).

    It adds deliveries within and between cores and splits the cores' work over them. For machines of another kind, and
    for a network that one chip does not hold, counts stay as they are.
    """

    def as_they_are(ledger: Ledger) -> Ledger:
        return ledger

    if not isinstance(machine, Loihi2Machine):
        return as_they_are
    connectivity = network_connectivity(machine.network)
    try:
        placement = place(connectivity, "oheo-gulch")
    except DoesNotFitError:
        return as_they_are
    traffic = core_traffic(connectivity, placement)

    def placed(ledger: Ledger) -> Ledger:
        return on_cores(with_deliveries(ledger, traffic), connectivity, placement)

    return placed
