"""Integer counts of what a machine did. Counts are facts; prices are applied later, by a profile.

A ledger maps (event, component, layer, core, phase) to a count. Adding is commutative, so the counts of
threads, batches and processes can be merged in any order. Events, components and phases are enumerations; layers are
the program's own names. What an older record holds under other names is read as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeVar

from hw_profiles.errors import InputError

__all__ = ["Component", "Event", "Key", "Ledger", "Phase", "Uncounted"]


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
    WAITING_NANOSECONDS = "waiting_nanoseconds"  #: machine time spent waiting for a host, a sensor or a real-time pace
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
    MEMORY_BYTES = "memory_bytes"  #: bytes moved between the processor and its main memory
    KERNEL_LAUNCHES = "kernel_launches"  #: calls of a compiled kernel, one after another
    CPU_NANOSECONDS = "cpu_nanoseconds"  #: processor time of this process, all its threads
    WALL_NANOSECONDS = "wall_nanoseconds"  #: time by the clock on the wall
    MEASURED_MICROJOULES = "measured_microjoules"  #: read from an energy counter; the layer is the rail


class Component(str, Enum):
    """What did it: a part of the machine. Which population or connection it was is the layer."""

    NONE = ""  #: not told apart
    MACHINE = "machine"  #: the whole of it: time steps
    NEURONS = "neurons"  #: populations, in microcode where a chip has it; counted by the layer that steps or sends
    BUILT_IN_NEURONS = "built-in neurons"  #: populations whose neuron the chip has in hardware, without microcode
    SYNAPSES = "synapses"  #: connections; counted by the layer that receives
    SOURCES = "sources"  #: events that come from outside the cores
    HOST = "host"  #: the computer that writes to and reads from the machine
    CROSSBAR = "crossbar"
    CONVERTERS = "converters"  #: from numbers to currents, and back
    PROCESSOR = "processor"  #: a conventional one
    RAIL = "rail"  #: a measured energy counter; the layer is its name


class Phase(str, Enum):
    """What it was done for: a stage of the algorithm."""

    NONE = ""  #: not told apart
    PROGRAM = "program"  #: parameters are written to the machine
    FREE = "free"  #: relaxing without a nudge
    NUDGE_PLUS = "nudge+"  #: relaxing under a nudge of zero or more
    NUDGE_MINUS = "nudge-"  #: under one below zero
    NUDGE = "nudge"  #: under one that is not real
    UPDATE = "update"  #: the machine changes its own weights
    ANNEAL = "anneal"
    TRAIN = "train"  #: beside the machine's phases: the host's time
    TEST = "test"  #: everything that evaluating takes
    PROBE = "probe"  #: everything that only measures the method

    @classmethod
    def of_nudge(cls, beta: complex | None) -> Phase:
        """The phase of relaxing under the nudge ``beta``; None is free.

        >>> Phase.of_nudge(-0.5).value
        'nudge-'
        """
        if beta is None:
            return cls.FREE
        size = complex(beta)
        if size.imag:
            return cls.NUDGE
        return cls.NUDGE_PLUS if size.real >= 0 else cls.NUDGE_MINUS


class Key(NamedTuple):
    """Where an event happened. Empty strings and core -1 mean "not told apart"."""

    event: Event
    component: str = ""
    layer: str = ""
    core: int = -1
    phase: str = ""


class Uncounted(Protocol):
    """Counts that nobody has asked for yet, as the facts they follow from; these must not change."""

    def count(self) -> Ledger:
        """The counts."""

    def joined(self, other: Uncounted) -> Uncounted | None:
        """One for both, where their facts can be added up, else None."""


class Ledger(Mapping[Key, int]):
    """A counter of events. What was merged `of` facts is counted when somebody looks.

    >>> ledger = Ledger()
    >>> ledger.add(Event.STEPS, 100, phase=Phase.FREE)
    >>> ledger.total(Event.STEPS)
    100
    """

    def __init__(self, counts: Mapping[Key, int] | None = None) -> None:
        self._known: dict[Key, int] = {}
        self._waiting: list[Uncounted] = []
        self._order: list[Key] | None = None
        for key, count in (counts or {}).items():
            self._add(Key(Event(key[0]), *key[1:]), count)

    @classmethod
    def of(cls, facts: Uncounted) -> Ledger:
        """The ledger of ``facts``, which are counted when it is first read."""
        ledger = cls()
        ledger._waiting.append(facts)
        return ledger

    @property
    def _counts(self) -> dict[Key, int]:
        if self._waiting:
            counted = [facts.count() for facts in self._waiting]  # all of them, or an interruption would lose some
            self._waiting = []
            for ledger in counted:
                self.merge(ledger)
        return self._known

    def add(
        self,
        event: Event,
        count: int,
        *,
        component: Component | str = Component.NONE,
        layer: str = "",
        core: int = -1,
        phase: Phase | str = Phase.NONE,
    ) -> None:
        """Count ``event`` ``count`` more times; zero is ignored.

        Raises:
            InputError: a negative count, or an event, component or phase that is not one of the enumerations.
        """
        key = Key(
            _member(Event, event), _member(Component, component).value, layer, int(core), _member(Phase, phase).value
        )
        self._add(key, int(count))

    def _add(self, key: Key, count: int) -> None:
        if count < 0:
            raise InputError(f"a count cannot be negative: {count} of {key.event.value}")
        if count:
            if key not in self._known:
                self._known[key] = 0
                self._order = None
            self._known[key] += count

    def merge(self, other: Ledger) -> None:
        """Add every count of ``other`` to this ledger."""
        for key, count in other._known.items():
            self._add(key, count)
        for facts in tuple(other._waiting):
            for place, mine in enumerate(self._waiting):
                joined = mine.joined(facts)
                if joined is not None:
                    self._waiting[place] = joined
                    break
            else:
                self._waiting.append(facts)

    def copy(self) -> Ledger:
        """The same counts, apart from this ledger."""
        result = Ledger()
        result._known.update(self._known)
        result._waiting.extend(self._waiting)
        return result

    def __add__(self, other: Ledger) -> Ledger:
        result = self.copy()
        result.merge(other)
        return result

    def __getstate__(self) -> dict[Key, int]:
        return dict(self._counts)

    def __setstate__(self, counts: dict[Key, int]) -> None:
        self._known, self._waiting, self._order = counts, [], None

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
        counts = self._counts
        if self._order is None:
            self._order = sorted(counts)
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._counts)

    def __repr__(self) -> str:
        inside = ", ".join(f"{event.value}={count}" for event, count in self.totals().items())
        return f"Ledger({inside})"


Member = TypeVar("Member", bound=Enum)


def _member(kind: type[Member], value: Any) -> Member:
    if type(value) is kind:
        return value
    try:
        return kind(value)
    except ValueError:
        names = ", ".join(repr(member.value) for member in kind)
        raise InputError(f"a ledger counts no {kind.__name__.lower()} {value!r}; there are {names}") from None
