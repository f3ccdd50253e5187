"""Machines by the name of their target. A new one is a function in this table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hw_profiles.errors import InputError

if TYPE_CHECKING:
    from hw_profiles.ledger import Ledger
    from substrates.base import RelaxationSubstrate
    from substrates.network import Network

__all__ = ["IMPERFECT_CHIP", "MACHINES", "PROFILES", "make_machine", "placed_counts"]

#: the chip instance `--target analog` stands for unless told otherwise: 5 % mismatch, 1 % read noise, 6-bit weights
IMPERFECT_CHIP: dict[str, Any] = {
    "gain_mismatch": 0.05,
    "offset_mismatch": 0.05,
    "time_constant_mismatch": 0.05,
    "conductance_mismatch": 0.05,
    "levels": 32,
    "readout_noise": 0.01,
}


def _ideal(network: Network, options: dict[str, Any], seed: int) -> RelaxationSubstrate:
    from substrates.analog import IdealMachine
    from substrates.analog.solvers import AlternatingBlocks

    del seed
    # Same fixed points as the damped map in a quarter of the sweeps; a full step of 1 cycles more often.
    return IdealMachine(network, solver=AlternatingBlocks(**{"step_size": 0.7, **options}))


def _analog(network: Network, options: dict[str, Any], seed: int) -> RelaxationSubstrate:
    from substrates.analog import AnalogMachine, ChipParameters

    return AnalogMachine(network, chip=ChipParameters.from_dict(options or IMPERFECT_CHIP), seed=seed)


def _loihi2_sim(network: Network, options: dict[str, Any], seed: int) -> RelaxationSubstrate:
    from substrates.loihi2.relaxation import Loihi2Machine

    # The optimizer's small steps survive 8 bits only on average: written back rounded up or down at random.
    return Loihi2Machine(network, **{"seed": seed, "rounding": "stochastic", **options})


MACHINES: dict[str, Callable[[Network, dict[str, Any], int], RelaxationSubstrate]] = {
    "ideal": _ideal,
    "analog": _analog,
    "loihi2-sim": _loihi2_sim,
}

#: the hardware profile a target's counts are priced with unless told otherwise
PROFILES = {
    "ideal": "this-machine",
    "analog": "crossbar",
    "loihi2-sim": "loihi2",
    "lava-sim": "loihi2",
    "loihi2": "loihi2",
}


def make_machine(target: str, network: Network, options: dict[str, Any], seed: int) -> RelaxationSubstrate:
    """Build the machine of ``target`` around ``network``.

    Raises:
        InputError: the target has no machine for networks here, or does not know an option.
    """
    if target not in MACHINES:
        raise InputError(f"training does not run on {target!r} yet; there are {', '.join(MACHINES)}")
    try:
        return MACHINES[target](network, options, seed)
    except TypeError as error:
        raise InputError(f"options {sorted(options)} for the target {target!r}: {error}") from None


def placed_counts(machine: RelaxationSubstrate) -> Callable[[Ledger], Ledger]:
    """A function that puts a machine's counts where they happened, on one Loihi 2 chip (Oheo Gulch).

    It adds deliveries within and between cores and splits the cores' work over them. For machines of another kind, and
    for a network that one chip does not hold, counts stay as they are.
    """
    from mappers import place
    from mappers.network_placement import core_traffic, network_connectivity, on_cores, with_deliveries
    from mappers.placement import DoesNotFitError
    from substrates.loihi2.relaxation import Loihi2Machine

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
