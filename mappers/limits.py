"""What a core, a chip and a system hold, read from ``limits.toml`` (each figure with its source there)."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from hw_profiles.errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["ChipLimits", "System", "list_systems", "load_system"]


@dataclass(frozen=True)
class ChipLimits:
    """Limits of one kind of chip; None means "not published", and is not checked.

    Attributes:
        neurons_per_core: neurons, whatever their state.
        synaptic_bytes_per_core: memory for weights, indices and axon headers.
        memory_bytes_per_core: synaptic memory and neuron state together, where they share it.
        state_bytes_per_core: neuron state alone, where it has its own memory.
        fan_in_axons_per_core: different neurons that may send to one core.
        fan_out_axons_per_core: (neuron, target core) pairs that may leave one core.
        neuron_groups_per_core: different neuron programs or parameter sets on one core.
        weight_bits, max_delay, message_bits, state_bits: number formats.
        sparse_synapse_bits: memory of one stored synapse with its target's index; a dense one needs its weight only.
        axon_bytes: memory of one incoming axon's list header.
    """

    title: str
    neurons_per_core: int
    synaptic_bytes_per_core: int
    neuron_groups_per_core: int
    weight_bits: int
    max_delay: int
    message_bits: int
    state_bits: int
    sparse_synapse_bits: int
    axon_bytes: int
    memory_bytes_per_core: int | None = None
    state_bytes_per_core: int | None = None
    fan_in_axons_per_core: int | None = None
    fan_out_axons_per_core: int | None = None


@dataclass(frozen=True)
class System:
    """A board or machine: so many chips of one kind, with so many usable cores each."""

    name: str
    title: str
    chip: ChipLimits
    chips: int
    cores_per_chip: int

    @property
    def cores(self) -> int:
        return self.chips * self.cores_per_chip

    @property
    def neurons(self) -> int:
        """Upper bound: every core full of neurons with small state."""
        return self.cores * self.chip.neurons_per_core


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    return tomllib.loads(resources.files("mappers").joinpath("limits.toml").read_text())


def list_systems() -> tuple[str, ...]:
    """Names of all systems, smallest first within each chip generation."""
    return tuple(_data()["system"])


def load_system(name: str) -> System:
    """The system ``name``: nahuku, pohoiki-springs (Loihi 1), oheo-gulch, kapoho-point or hala-point (Loihi 2).

    Raises:
        InputError: no such system.
    """
    data = _data()
    key = name.strip().lower().replace(" ", "-").replace("_", "-")
    if key not in data["system"]:
        raise InputError(f"no system {name!r}; there are {', '.join(data['system'])}")
    entry = dict(data["system"][key])
    return System(name=key, chip=ChipLimits(**data["chip"][entry.pop("chip")]), **entry)
