"""Run a program through Lava and read back what its neurons did.

`run_program` is the front: it works in a watched process, so a dead or hung Lava becomes an error. ``lava-sim`` and
``loihi2`` build the same process graph and differ in the run configuration, and in how things are recorded:

- ``taps`` (lava-sim): the CPU models are observed from inside, every state and message of every step, at no cost;
- ``ports`` (the chip, and lava-sim if wanted): a sink on every output, and the states at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from substrates.loihi2.engine.counts import count
from substrates.loihi2.lava.builder import LavaGraph, build
from substrates.loihi2.lava.chip import chip_configuration
from substrates.loihi2.lava.loader import lava_module, load_lava
from substrates.loihi2.lava.taps import Tap, tapped_configuration
from substrates.loihi2.lava.watchdog import DEFAULT_TIMEOUT_S, LavaSession
from substrates.loihi2.program import Program, Source, port_name

__all__ = ["LavaRun", "LavaTarget", "run_here", "run_program"]

Int32 = npt.NDArray[np.int32]
LavaTarget = Literal["lava-sim", "loihi2"]


@dataclass(frozen=True)
class LavaRun:
    """What a program's populations did, by name.

    Attributes:
        messages: per outlet (see `Program.outlets`; sources left out) (steps, n) message of every neuron at every
            step, 0 for silence.
        states: per variable (steps, n) after every step; empty when recorded by ports.
        final: per variable (n,) after the last step.
        sent: per outlet, how many messages each neuron sent, those of sources included.
        ledger: counted from these.
    """

    messages: dict[str, Int32]
    states: dict[str, dict[str, Int32]]
    final: dict[str, dict[str, Int32]]
    sent: dict[str, npt.NDArray[np.int64]]
    ledger: Ledger


def run_program(
    program: Program,
    steps: int,
    *,
    target: LavaTarget = "lava-sim",
    recording: Literal["taps", "ports"] | None = None,
    raw_weights: Mapping[str, Any] | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    session: LavaSession | None = None,
) -> LavaRun:
    """Run ``program`` for ``steps`` time steps on Lava and return what happened.

    Args:
        program: see `substrates.loihi2.lava.builder.build` for what can be run.
        steps: at least 1.
        target: Lava's CPU runtime, or the chip.
        recording: see this module; by default taps on lava-sim and ports on the chip.
        raw_weights: see `build`.
        timeout_s: seconds until the run is ended as hung.
        session: a worker to run in; a fresh one when None (costs half a second).

    Raises:
        InputError: bad arguments.
        TargetUnavailableError: Lava or the chip is not there.
        LavaWorkerError: the run died or hung.
    """
    if steps < 1:
        raise InputError(f"a Lava run needs at least one step, got {steps}")
    how = recording or ("taps" if target == "lava-sim" else "ports")
    if how == "taps" and target != "lava-sim":
        raise InputError("states inside the chip cannot be observed at every step; record by 'ports'")
    arguments = (program, steps, target, how, dict(raw_weights or {}))
    if session is not None:
        return session.call(run_here, *arguments, timeout_s=timeout_s)
    with LavaSession() as own:
        return own.call(run_here, *arguments, timeout_s=timeout_s)


def run_here(
    program: Program, steps: int, target: str, recording: str, raw_weights: Mapping[str, Any] | None = None
) -> LavaRun:
    """As `run_program`, in this very process and unwatched: for use inside a worker."""
    load_lava()
    graph = build(program, steps, raw_weights=raw_weights)
    outlets = dict(_outlets(program))
    taps = {outlet: _tap(program, outlet, name, steps) for outlet, name in outlets.items()}
    by_process: dict[Any, list[Tap]] = {}
    for outlet, name in outlets.items():
        by_process.setdefault(graph.neurons[name], []).append(taps[outlet])
    configuration: Any
    if target == "loihi2":
        configuration = chip_configuration(program, graph)
    elif recording == "taps":
        configuration = tapped_configuration(by_process)
    else:
        configuration = lava_module("lava.magma.core.run_configs").Loihi2SimCfg(select_tag="fixed_pt")
    sinks = _add_sinks(graph, program, steps) if recording == "ports" else {}
    condition = lava_module("lava.magma.core.run_conditions").RunSteps(num_steps=steps)
    messages: dict[str, Int32] = {}
    final: dict[str, dict[str, Int32]] = {}
    for names in _components(program):
        populations = [name for name in names if name in graph.variables]
        if not populations:
            continue
        head = graph.neurons[populations[0]]
        head.run(condition=condition, run_cfg=configuration)
        try:
            if recording == "ports":
                here = [outlet for outlet, name in outlets.items() if name in populations]
                messages |= {outlet: _integers(sinks[outlet].data.get()).T.copy() for outlet in here}
            for name in populations if recording == "ports" else []:
                process = graph.neurons[name]
                final[name] = {v: _integers(getattr(process, v).get()) for v in graph.variables[name]}
        finally:
            head.stop()
    if recording == "ports":
        sent = {outlet: np.count_nonzero(values, axis=0) for outlet, values in messages.items()}
        return LavaRun(messages, {}, final, *_counted(program, sent, steps))
    states = {name: taps[name].states() for name in program.populations}
    for name, population in program.populations.items():
        states[name] = {v: states[name][v] for v in population.neuron.variables}
    last = {name: {v: values[-1] for v, values in of.items()} for name, of in states.items()}
    messages = {outlet: tap.messages() for outlet, tap in taps.items()}
    sent = {outlet: np.count_nonzero(tap.raw(), axis=0) for outlet, tap in taps.items()}
    return LavaRun(messages, states, last, *_counted(program, sent, steps))


def _outlets(program: Program) -> Iterator[tuple[str, str]]:
    """(outlet, population) of every output port."""
    for name, population in program.populations.items():
        for port in population.neuron.outputs:
            yield port_name(name, port, population.neuron.outputs), name


def _tap(program: Program, outlet: str, name: str, steps: int) -> Tap:
    """Room for one outlet; that of the first port also holds the population's states."""
    names = lava_module("substrates.loihi2.lava.engine_neuron")
    population = program.populations[name]
    neuron = population.neuron
    port = neuron.outputs[0] if outlet == name else outlet[len(name) + 1 :]
    variables = neuron.variables if outlet == name else ()
    raw = names.raw_name(port) if port in neuron.reports else ""
    return Tap(variables, steps, population.n, port=names.output_name(neuron, port), raw=raw)


def _counted(program: Program, sent: Mapping[str, Any], steps: int) -> tuple[dict[str, Any], Ledger]:
    """What everything sent, populations as seen and sources as they have to, and the ledger of that."""
    every = {name: _source_messages(source, steps) for name, source in program.sources.items()} | dict(sent)
    return every, count(program, None, every, steps)


def _source_messages(source: Source, steps: int) -> npt.NDArray[np.int64]:
    """How many events each neuron of a source sends in ``steps`` steps."""
    length = source.starts.size - 1
    step = np.repeat(np.arange(length), np.diff(source.starts))
    times = (steps - step + length - 1) // length if source.repeat else (step < steps)
    sent = np.zeros(source.n, np.int64)
    np.add.at(sent, source.indices, np.maximum(times, 0).astype(np.int64))
    return sent


def _add_sinks(graph: LavaGraph, program: Program, steps: int) -> dict[str, Any]:
    ring_buffer = lava_module("lava.proc.io.sink").RingBuffer
    sinks = {}
    for outlet, name in _outlets(program):
        tap = _tap(program, outlet, name, 1)
        sinks[outlet] = ring_buffer(shape=(program.populations[name].n,), buffer=steps)
        getattr(graph.neurons[name], tap.port).connect(sinks[outlet].a_in)
    return sinks


def _components(program: Program) -> list[list[str]]:
    """Names that are connected with each other; Lava runs one such part at a time."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names = list(program.names)
    number = {name: i for i, name in enumerate(names)}
    ends = [(number[c.source], number[c.target]) for c in program.connections]
    rows, columns = np.array(ends, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(rows.size), (rows, columns)), shape=(len(names), len(names)))
    _, label = connected_components(graph, directed=False)
    return [[name for name in names if label[number[name]] == k] for k in range(int(label.max(initial=-1)) + 1)]


def _integers(values: npt.NDArray[Any]) -> Int32:
    return np.rint(np.asarray(values)).astype(np.int32)
