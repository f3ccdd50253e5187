"""A network of Lava's processes as a program of ours: `program_of`.

| Lava                                                    | program                                                  |
|---------------------------------------------------------|----------------------------------------------------------|
| a process that a neuron names (`Neuron.process`)        | a population of it                                       |
| LearningLIF                                             | LIF; what its back-propagated port would say, its spikes |
| Dense, DelayDense, Sparse, DelaySparse, Conv            | the synapses of that name                                |
| ConvInTime                                              | a dense connection per step of the kernel, delayed       |
| LearningDense, LearningSparse                           | the synapses of that name, with their rule               |
| a RingBuffer that sends                                 | a source, again and again                                |
| io.Reset                                                | a reset                                                  |
| a RingBuffer that receives, Monitor                     | nothing: a probe of the engine                           |
| processes that hold others                              | what they hold                                           |

Ports may be reshaped, transposed and concatenated. What has no counterpart is refused, all of it at once, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hw_profiles.errors import InputError
from hw_profiles.registry import nearest
from substrates.loihi2.lava.loader import lava_module, load_lava
from substrates.loihi2.lava.names import input_name, output_name
from substrates.loihi2.lava.read_synapses import SYNAPSES
from substrates.loihi2.lava.routes import Route, routes_of
from substrates.loihi2.neurons.base import Neuron
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.neurons.registry import NEURONS
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Direct

__all__ = ["LavaNetwork", "program_of"]

SOURCE = ("lava.proc.io.source", "RingBuffer")
RESET = ("lava.proc.io.reset", "Reset")
#: what only looks
WATCHERS = {("lava.proc.io.sink", "RingBuffer"), ("lava.proc.monitor.process", "Monitor")}
#: classes that are a neuron of ours under another name
ALSO = {("lava.proc.lif.process", "LearningLIF"): "lif"}


@dataclass(frozen=True, eq=False)
class LavaNetwork:
    """A program that was read, and what it was read from.

    Attributes:
        program: the network.
        names: name of the population or source of each process, by the process's own name.
        shapes: of each population and source, in Lava's order.
        notes: what was left out or changed.
    """

    program: Program
    names: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]
    notes: tuple[str, ...]


def program_of(process: Any) -> LavaNetwork:
    """The network that ``process`` is part of.

    Args:
        process: any process of it, connected and not yet run. Processes that hold others are opened, as a run of
            Lava would; run the network on our engine or by `run_program` afterwards, not the process itself.

    Raises:
        TargetUnavailableError: Lava is not here.
        InputError: there are processes or connections without a counterpart, or values that the chip cannot hold.
    """
    load_lava()
    return _Reader(process).read()


def _kind(process: Any) -> tuple[str, str]:
    return type(process).__module__, type(process).__name__


@dataclass
class _Reader:
    process: Any
    program: Program = field(default_factory=Program)
    names: dict[Any, str] = field(default_factory=dict)  #: by process
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def read(self) -> LavaNetwork:
        leaves = _leaves(self.process)
        kinds = _neuron_kinds()
        self._refuse_unknown(leaves, kinds)
        routes = [route for leaf in leaves for route in routes_of(leaf, leaves)]
        for leaf in leaves:
            if _kind(leaf) == SOURCE:
                self._source(leaf)
            elif _kind(leaf) in kinds:
                self._population(leaf, kinds[_kind(leaf)])
        for leaf in leaves:
            if _kind(leaf) in SYNAPSES:
                self._synapses(leaf, routes)
            elif _kind(leaf) == RESET:
                self._reset(leaf)
        for route in routes:
            if route.source in self.names and route.target in self.names:
                self._direct(route)
        watched = sum(_kind(leaf) in WATCHERS for leaf in leaves)
        if watched:
            self.notes.append(f"{watched} processes that only record were left out; probe the engine instead")
        names = {leaf.name: name for leaf, name in self.names.items()}
        return LavaNetwork(self.program, names, self.shapes, tuple(self.notes))

    def _refuse_unknown(self, leaves: list[Any], kinds: Mapping[tuple[str, str], type[Neuron]]) -> None:
        known = {*kinds, *SYNAPSES, SOURCE, RESET, *WATCHERS}
        unknown = sorted({_kind(leaf) for leaf in leaves} - known)
        if unknown:
            possible = sorted({name for _, name in known})
            lines = [f"{name} of {module} ({nearest(name, possible).strip()})" for module, name in unknown]
            raise InputError(
                f"the network has processes without a counterpart here: {', '.join(lines).replace(' ()', '')}; "
                f"there are {', '.join(possible)}"
            )
        if not any(_kind(leaf) in kinds for leaf in leaves):
            raise InputError("the network has no neurons; give a process that is connected with some")

    def _name(self, process: Any) -> str:
        """The process's own name where it can be used, else with a number."""
        name = str(process.name).replace(".", " ")
        while name in self.program.populations or name in self.program.sources:
            name += "'"
        self.names[process] = name
        return name

    def _source(self, process: Any) -> None:
        data = np.asarray(process.data.init)
        name = self._name(process)
        self.shapes[name] = tuple(int(k) for k in data.shape[:-1])
        self.program.source(name, data.reshape(-1, data.shape[-1]).T, repeat=True)

    def _population(self, process: Any, neuron: type[Neuron]) -> None:
        shape = tuple(int(k) for k in process.a_out.shape) if hasattr(process, "a_out") else _shape(process, neuron)
        n = int(np.prod(shape))
        values = {**process.proc_params._parameters, **{var.name: var.init for var in process.vars.members}}
        model = neuron.from_lava(Given(f"{type(process).__name__} {process.name!r}", n, values))
        initial = {}
        for variable in neuron.variables:
            start = values.get(variable)
            if start is None or np.array_equal(np.asarray(start), np.zeros(np.shape(start))):
                continue
            if variable == "theta" and neuron.name == "lif-adaptive":  # Lava overwrites it at the first step
                continue
            initial[variable] = np.broadcast_to(np.asarray(start), shape).reshape(-1)
        name = self._name(process)
        self.shapes[name] = shape
        self.program.population(name, n, model, **initial)

    def _synapses(self, process: Any, routes: list[Route]) -> None:
        made = SYNAPSES[_kind(process)](process)
        coming = [route for route in routes if route.target is process and route.into == "s_in"]
        leaving = [route for route in routes if route.source is process and route.target in self.names]
        if not coming or not leaving:
            self.notes.append(f"{process.name} connects nothing and was left out")
            return
        made.check_senders(process.name, coming)
        hears = self._hears(process, routes)
        for before in coming:
            if before.source not in self.names:
                raise InputError(f"{process.name} hears {before.source.name}, which is neither neurons nor a source")
            for after in leaving:
                for number, synapses in enumerate(made.between(process.name, before, after)):
                    self.program.connect(
                        self.names[before.source], self.names[after.target], synapses,
                        name=process.name if len(coming) == len(leaving) == 1 and number == 0 else "",
                        source_port=_port(self._neuron(before.source), before.out, output_name, "outputs"),
                        target_port=_port(self._neuron(after.target), after.into, input_name, "inputs"),
                        hears=hears,
                    )  # fmt: skip

    def _hears(self, process: Any, routes: list[Route]) -> dict[str, str] | None:
        """Where a learning process has its target neurons' spikes and third factors from; None if it does not learn."""
        if not hasattr(process, "s_in_bap"):
            return None
        heard: dict[str, str] = {}
        for route in routes:
            if route.target is not process or route.into == "s_in":
                continue
            if not route.straight or route.source not in self.names:
                raise InputError(f"{process.name}.{route.into} must hear neurons or a source, in their order")
            if route.out.startswith(("s_out_y", "s_out_bap")):  # ports that Lava's LearningLIF has and never uses
                self.notes.append(f"{route.source.name}.{route.out} never sends in Lava; {process.name} hears silence")
                continue
            port = "spikes" if route.into == "s_in_bap" else route.into.removeprefix("s_in_")
            heard[port] = self._outlet(route)
        if "spikes" not in heard:
            size = process.s_in_bap.shape[0]
            silence = f"silence of {process.name}"
            if silence not in self.program.sources:
                self.program.source(silence, np.zeros((1, size), int))
            heard["spikes"] = silence
        return heard

    def _outlet(self, route: Route) -> str:
        name, neuron = self.names[route.source], self._neuron(route.source)
        port = _port(neuron, route.out, output_name, "outputs")
        return name if neuron is None or port == neuron.outputs[0] else f"{name}.{port}"

    def _direct(self, route: Route) -> None:
        source, target = self.names[route.source], self.names[route.target]
        if source not in self.program.sources:
            raise InputError(
                f"{route.source.name} leads into {route.target.name} without synapses; put a Dense with the identity "
                "between them (on a chip there is no other way either; it takes a step)"
            )
        n = self.program.size(target)
        if not route.straight or self.program.size(source) != n:
            events = self.program.sources[source]
            raster = np.zeros((events.starts.size - 1, events.n + 1), np.int64)
            raster[np.repeat(np.arange(len(raster)), np.diff(events.starts)), events.indices] = events.values
            source = f"{source} to {target}"
            self.program.source(source, raster[:, route.heard], repeat=True)
        port = _port(self._neuron(route.target), route.into, input_name, "inputs")
        self.program.connect(source, target, Direct(n), target_port=port)

    def _reset(self, process: Any) -> None:
        given = {name: int(np.asarray(getattr(process, name).init).reshape(-1)[0]) for name in ("interval", "offset")}
        value = int(np.asarray(process.reset_value.init).reshape(-1)[0])
        for variable in process.state.get_dst_vars():
            if variable.process not in self.names:
                raise InputError(f"{process.name} resets {variable.name} of {variable.process.name}, no neuron's state")
            self.program.reset(self.names[variable.process], variable.name, value=value, **given)

    def _neuron(self, process: Any) -> Neuron | None:
        population = self.program.populations.get(self.names[process])
        return None if population is None else population.neuron


def _neuron_kinds() -> dict[tuple[str, str], type[Neuron]]:
    kinds = {key: NEURONS[name] for key, name in ALSO.items()}
    for name in NEURONS:
        neuron = NEURONS[name]
        process = vars(neuron).get("process")
        if process is not None:
            kinds[process.module, process.name] = neuron
    return kinds


def _leaves(process: Any) -> list[Any]:
    """Every process connected with ``process``, opened where it holds others, in order of birth."""
    graphs = lava_module("lava.magma.compiler.compiler_graphs")
    holder = lava_module("lava.magma.core.model.sub.model").AbstractSubProcessModel
    known = {*_neuron_kinds(), *SYNAPSES, SOURCE, RESET, *WATCHERS}
    waiting, leaves = list(graphs.find_processes(process)), dict[int, Any]()
    seen = set()
    while waiting:
        one = waiting.pop()
        if one.id in seen:
            continue
        seen.add(one.id)
        models = () if _kind(one) in known else graphs.ProcGroupDiGraphs._find_proc_models(one)
        inside = [model for model in models if issubclass(model, holder)]
        if not inside:
            leaves[one.id] = one
            continue
        made = inside[0](one)
        parts = made.find_sub_procs()
        one.register_sub_procs(parts)
        for part in parts.values():
            waiting += graphs.find_processes(part)
    return [leaves[number] for number in sorted(leaves)]


def _shape(process: Any, neuron: type[Neuron]) -> tuple[int, ...]:
    port = getattr(process, output_name(neuron, neuron.outputs[0]))
    return tuple(int(k) for k in port.shape)


def _port(neuron: Neuron | None, name: str, named: Callable[[Neuron, str], str], ports: str) -> str | None:
    """Our name of the port that Lava calls ``name``; None of a source."""
    if neuron is None:
        return None
    found = [port for port in getattr(neuron, ports) if named(neuron, port) == name]
    if not found:
        raise InputError(f"the neuron {neuron.name!r} has no port that Lava calls {name}")
    return found[0]
