"""Integer counts of what a machine did. Counts are facts; prices are applied later, by a profile.

A ledger maps (event, component, layer, core, phase) to a count. Adding is commutative, so the counts of
threads, batches and processes can be merged in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from hw_profiles.errors import InputError

__all__ = ["Event", "Key", "Ledger"]


class Event(str, Enum):
    """Everything that can be counted. The value is the name used in files and profiles."""

    # Digital neuromorphic chips
    SYNAPTIC_OPERATIONS = "synaptic_operations"  #: one stored weight applied to one message
    NEURON_UPDATES_ACTIVE = "neuron_updates_active"  #: a neuron stepped and sent a message
    NEURON_UPDATES_INACTIVE = "neuron_updates_inactive"  #: a neuron stepped and sent nothing
    MESSAGES = "messages"  #: spikes emitted (binary or graded), before fan-out
    MESSAGES_WITHIN_CORE = "messages_within_core"  #: deliveries that stay on the sender's core
    MESSAGES_BETWEEN_CORES = "messages_between_cores"  #: deliveries to another core of the chip
    MESSAGES_BETWEEN_CHIPS = "messages_between_chips"  #: deliveries over a chip link
    HOPS_EAST_WEST = "hops_east_west"  #: router-to-router moves along x
    HOPS_NORTH_SOUTH = "hops_north_south"  #: router-to-router moves along y
    SYNAPTIC_MEMORY_READS = "synaptic_memory_reads"  #: words read from synaptic memory
    WEIGHT_WRITES = "weight_writes"  #: stored weights rewritten
    SYNAPTIC_UPDATES = "synaptic_updates"  #: weights changed by the on-chip learning engine
    STEPS = "steps"  #: algorithmic time steps of the whole chip (barriers)
    HOST_READS = "host_reads"  #: values read back to the host
    HOST_WRITES = "host_writes"  #: values sent by the host
    # Analog machines
    CELL_READS = "cell_reads"  #: crossbar cells that conducted during one matrix-vector product
    MATRIX_VECTOR_PRODUCTS = "matrix_vector_products"  #: whole products done by a crossbar
    ADC_CONVERSIONS = "adc_conversions"
    DAC_CONVERSIONS = "dac_conversions"
    CELL_WRITES = "cell_writes"  #: conductances programmed
    AMPLIFIER_NANOSECONDS = "amplifier_nanoseconds"  #: neuron circuits times time they were settling
    SETTLING_NANOSECONDS = "settling_nanoseconds"  #: machine time spent settling
    # Conventional processors
    MACS = "macs"  #: multiply-accumulates
    ACS = "acs"  #: accumulates without a multiply
    CPU_NANOSECONDS = "cpu_nanoseconds"  #: processor time of this process, all its threads
    WALL_NANOSECONDS = "wall_nanoseconds"  #: time by the clock on the wall
    MEASURED_MICROJOULES = "measured_microjoules"  #: read from an energy counter; the component is the rail


class Key(NamedTuple):
    """Where an event happened. Empty strings and core -1 mean "not told apart"."""

    event: Event
    component: str = ""
    layer: str = ""
    core: int = -1
    phase: str = ""


class Ledger(Mapping[Key, int]):
    """A counter of events.

    >>> ledger = Ledger()
    >>> ledger.add(Event.STEPS, 100, phase="free")
    >>> ledger.total(Event.STEPS)
    100
    """

    def __init__(self, counts: Mapping[Key, int] | None = None) -> None:
        self._counts: dict[Key, int] = {}
        self._order: list[Key] | None = None
        for key, count in (counts or {}).items():
            self._add(Key(Event(key[0]), *key[1:]), count)

    def add(
        self,
        event: Event,
        count: int,
        *,
        component: str = "",
        layer: str = "",
        core: int = -1,
        phase: str = "",
    ) -> None:
        """Count ``event`` ``count`` more times; zero is ignored, a negative count is an error."""
        self._add(Key(Event(event), component, layer, int(core), phase), int(count))

    def _add(self, key: Key, count: int) -> None:
        if count < 0:
            raise InputError(f"a count cannot be negative: {count} of {key.event.value}")
        if count:
            if key not in self._counts:
                self._counts[key] = 0
                self._order = None
            self._counts[key] += count

    def merge(self, other: Ledger) -> None:
        """Add every count of ``other`` to this ledger."""
        for key, count in other._counts.items():
            self._add(key, count)

    def __add__(self, other: Ledger) -> Ledger:
        result = Ledger(self._counts)
        result.merge(other)
        return result

    def total(self, event: Event, **where: str | int) -> int:
        """Sum of ``event`` over all keys whose fields equal ``where`` (component, layer, core, phase)."""
        wanted = tuple(where.items())
        return sum(
            count
            for key, count in self._counts.items()
            if key.event == event and all(getattr(key, name) == value for name, value in wanted)
        )

    def totals(self) -> dict[Event, int]:
        """Sum per event, in a fixed order."""
        sums: dict[Event, int] = {}
        for key, count in self._counts.items():
            sums[key.event] = sums.get(key.event, 0) + count
        return {event: sums[event] for event in Event if event in sums}

    def __getitem__(self, key: Key) -> int:
        return self._counts.get(key, 0)

    def __iter__(self) -> Iterator[Key]:
        if self._order is None:
            self._order = sorted(self._counts)
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._counts)

    def __repr__(self) -> str:
        inside = ", ".join(f"{event.value}={count}" for event, count in self.totals().items())
        return f"Ledger({inside})"
