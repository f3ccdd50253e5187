"""A program: populations of neurons, sources of events, and connections, in the chip's own number format.

>>> program = Program()
>>> a = program.population("a", 100, LIF(vth=10, bias_mant=700, bias_exp=1))   # doctest: +SKIP
>>> b = program.population("b", 10, LIF(vth=10))                                # doctest: +SKIP
>>> program.connect("a", "b", Dense(weights))                                   # doctest: +SKIP
>>> run = Engine(program).run(100)                                              # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.learning.synapses import LearningSynapses
from substrates.loihi2.neurons.base import Int32, Neuron, per_neuron
from substrates.loihi2.synapses import Direct, Synapses
from substrates.loihi2.widths import STATE_MAX, integer_array, integer_in

__all__ = ["Connection", "Placement", "Population", "Program", "Reset", "Source", "port_name"]


@dataclass(frozen=True, eq=False)
class Population:
    """``n`` neurons of one model; ``initial`` state variables (0 unless given)."""

    name: str
    n: int
    neuron: Neuron
    initial: Mapping[str, Int32] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Source:
    """Events from outside: neuron ``indices[k]`` sends ``values[k]`` for k from ``starts[t-1]`` to ``starts[t]``.

    Step t runs from 1; after ``len(starts) - 1`` steps the events begin again when ``repeat``, else there is silence.
    """

    name: str
    n: int
    starts: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    values: npt.NDArray[np.int32]
    repeat: bool = False


@dataclass(frozen=True, eq=False)
class Connection:
    """``synapses`` from an output port of ``source`` (or a source of events) to an input port of ``target``."""

    name: str
    source: str
    target: str
    synapses: Synapses
    outlet: str  #: where its messages come from, see `port_name`
    inlet: str  #: where its sums go, likewise
    source_port: str
    target_port: str
    #: of learning synapses: outlets with the target neurons' spikes ("spikes") and the third factors ("y1" to "y3")
    hears: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Reset:
    """``variable`` of ``population`` becomes ``value`` after every step t with (t - 1) mod interval = offset."""

    population: str
    variable: str
    interval: int
    offset: int
    value: int


@dataclass(frozen=True, eq=False)
class Placement:
    """Where neurons sit: core number per neuron, per population; core // cores_per_chip is the chip."""

    cores: Mapping[str, npt.NDArray[np.int32]]
    cores_per_chip: int = 120


def port_name(population: str, port: str, ports: tuple[str, ...]) -> str:
    """What ledgers, probes and results call a port: the first of ``ports`` is the population itself."""
    return population if port == ports[0] else f"{population}.{port}"


class Program:
    """Populations, sources and connections by name; everything is checked as it is added."""

    def __init__(self) -> None:
        self.populations: dict[str, Population] = {}
        self.sources: dict[str, Source] = {}
        self.connections: list[Connection] = []
        self.resets: list[Reset] = []

    def population(self, name: str, n: int, neuron: Neuron, **initial: npt.ArrayLike) -> Population:
        """Add ``n`` neurons; ``initial`` gives state variables by name.

        Raises:
            InputError: the name is taken, a variable is unknown, or a bias does not fit ``n``.
        """
        self._new(name)
        integer_in("the number of neurons", n, 1, 2**31 - 1)
        if not isinstance(neuron, Neuron) or "name" not in vars(type(neuron)):
            raise InputError(f"{type(neuron).__name__} has no name of its own; it is no neuron model (see Neuron)")
        unknown = set(initial) - set(neuron.variables)
        if unknown:
            raise InputError(
                f"{type(neuron).__name__} has no state variable {', '.join(sorted(unknown))}; "
                f"it has {', '.join(neuron.variables) or 'none'}"
            )
        neuron.bias_values(n)
        start = {key: per_neuron(f"the initial {key}", value, n) for key, value in initial.items()}
        self.populations[name] = Population(name, n, neuron, start)
        return self.populations[name]

    def source(self, name: str, raster: npt.ArrayLike, *, repeat: bool = False) -> Source:
        """Add a source from a raster (steps, n) of message values, 0 for silence."""
        values = integer_array("the raster", raster, -STATE_MAX - 1, STATE_MAX)
        if values.ndim != 2 or values.shape[1] < 1:
            raise InputError(f"a raster has shape (steps, neurons), got {values.shape}")
        times, indices = np.nonzero(values)
        return self.events(name, values.shape[1], times + 1, indices, values[times, indices], values.shape[0], repeat)

    def events(
        self,
        name: str,
        n: int,
        times: npt.ArrayLike,
        indices: npt.ArrayLike,
        values: npt.ArrayLike = 1,
        steps: int | None = None,
        repeat: bool = False,
    ) -> Source:
        """Add a source of ``n`` neurons from a list of events: at step ``times`` (from 1), neuron ``indices``.

        Raises:
            InputError: lengths differ, or a time, neuron or value is out of range.
        """
        self._new(name)
        integer_in("the number of neurons", n, 1, 2**31 - 1)
        at = integer_array("the times", times, 1, 2**31 - 1).reshape(-1)
        who = integer_array("the indices", indices, 0, n - 1).reshape(-1)
        what = integer_array("the values", values, -STATE_MAX - 1, STATE_MAX).reshape(-1)
        what = np.broadcast_to(what, at.shape) if what.size == 1 else what
        if not at.size == who.size == what.size:
            raise InputError(f"{at.size} times, {who.size} indices and {what.size} values; give as many of each")
        length = int(at.max(initial=1)) if steps is None else integer_in("steps", steps, int(at.max(initial=1)), 2**31)
        order = np.lexsort((who, at))
        starts = np.searchsorted(at[order], np.arange(1, length + 2)).astype(np.int64)
        self.sources[name] = Source(
            name, n, starts, who[order].astype(np.int32), what[order].astype(np.int32), bool(repeat)
        )
        return self.sources[name]

    def connect(
        self,
        source: str,
        target: str,
        synapses: Synapses,
        name: str = "",
        *,
        source_port: str | None = None,
        target_port: str | None = None,
        hears: Mapping[str, str] | None = None,
    ) -> Connection:
        """Connect ``source`` (population or source) to the population ``target``.

        Args:
            source_port, target_port: of neurons that have several; the first of each when None.
            hears: of learning synapses, which outlet (a population, a port ``population.port``, a source) brings the
                target neurons' spikes, {"spikes": outlet}, and the third factors "y1", "y2", "y3" of a rule that has
                them; the target population itself, and silence, when left out.

        Raises:
            InputError: an end or a port is unknown, or its size differs from the synapses' shape.
        """
        if target not in self.populations:
            raise InputError(f"no population {target!r}; there are {', '.join(self.populations) or 'none'}")
        if isinstance(synapses, Direct) and source not in self.sources:
            raise InputError(f"a direct connection starts at a source, {source!r} is none; use Dense, Sparse or Conv")
        sizes = (self.populations[target].n, self.size(source))
        if sizes != synapses.shape:
            raise InputError(
                f"synapses of shape (targets, sources) = {synapses.shape} cannot connect {source!r} ({sizes[1]} "
                f"neurons) to {target!r} ({sizes[0]} neurons)"
            )
        outputs = self.populations[source].neuron.outputs if source in self.populations else ("events",)
        leaving = _port(source, source_port, outputs)
        inputs = self.populations[target].neuron.inputs
        entering = _port(target, target_port, inputs)
        outlet, inlet = port_name(source, leaving, outputs), port_name(target, entering, inputs)
        self.connections.append(
            Connection(
                name or f"{outlet}->{inlet}", source, target, synapses, outlet, inlet, leaving, entering,
                self._heard(target, synapses, hears),
            )
        )  # fmt: skip
        return self.connections[-1]

    def reset(self, population: str, variable: str, *, interval: int = 1, offset: int = 0, value: int = 0) -> Reset:
        """Set a state variable to ``value`` after every ``interval``-th step, the first after step ``offset`` + 1.

        Source: Lava's ``lava.proc.io.reset.Reset``. It is a write by the host.

        Raises:
            InputError: there is no such population or variable, or a number is out of range.
        """
        if population not in self.populations:
            raise InputError(f"no population {population!r}; there are {', '.join(self.populations) or 'none'}")
        variables = self.populations[population].neuron.variables
        if variable not in variables:
            raise InputError(
                f"{population!r} has no state variable {variable!r}; it has {', '.join(variables) or 'none'}"
            )
        integer_in("the interval", interval, 1, 2**31 - 1)
        integer_in("the offset", offset, 0, 2**31 - 1)
        integer_in("the value", value, -STATE_MAX - 1, STATE_MAX)
        self.resets.append(Reset(population, variable, interval, offset % interval, value))
        return self.resets[-1]

    def _heard(self, target: str, synapses: Synapses, hears: Mapping[str, str] | None) -> dict[str, str]:
        if not isinstance(synapses, LearningSynapses):
            if hears:
                raise InputError(f"{type(synapses).__name__} synapses do not learn, so they hear nothing")
            return {}
        factors = ("y1", "y2", "y3") if synapses.rule.third_factor else ()
        heard = {"spikes": target, **(hears or {})}
        for port, outlet in heard.items():
            if port not in ("spikes", *factors):
                raise InputError(
                    f"these synapses hear {', '.join(('spikes', *factors))}, not {port!r}; third factors need a rule "
                    "with third_factor=True"
                )
            if self.outlets.get(outlet) != synapses.shape[0]:
                raise InputError(
                    f"{outlet!r} has {self.outlets.get(outlet, 'no')} neurons; what learning synapses hear as {port} "
                    f"has one per target neuron, {synapses.shape[0]}"
                )
        return heard

    def size(self, name: str) -> int:
        """Number of neurons of a population or source."""
        where = self.populations.get(name) or self.sources.get(name)
        if where is None:
            raise InputError(f"no population or source {name!r}; there are {', '.join(self.names) or 'none'}")
        return where.n

    @property
    def names(self) -> tuple[str, ...]:
        """Sources, then populations, in the engine's order."""
        return (*self.sources, *self.populations)

    @property
    def outlets(self) -> dict[str, int]:
        """Everything that sends, with the number of its neurons: sources, then the output ports of all populations."""
        found = {name: source.n for name, source in self.sources.items()}
        for name, population in self.populations.items():
            outputs = population.neuron.outputs
            found.update({port_name(name, port, outputs): population.n for port in outputs})
        return found

    def _new(self, name: str) -> None:
        if "." in name and name.partition(".")[0] in self.populations:
            raise InputError(f"the name {name!r} reads like a port of {name.partition('.')[0]!r}; choose another")
        if not name or name in self.populations or name in self.sources:
            raise InputError(f"the name {name!r} is empty or taken; every population and source needs its own")


def _port(owner: str, port: str | None, ports: tuple[str, ...]) -> str:
    if port is None:
        return ports[0]
    if port not in ports:
        raise InputError(f"{owner!r} has no port {port!r} there; it has {', '.join(ports)}")
    return port
