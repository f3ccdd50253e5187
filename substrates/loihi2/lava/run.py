"""Run a program through Lava and read back what its neurons did.

`run_program` is the front: it works in a watched process, so a dead or hung Lava becomes an error. ``lava-sim`` and
``loihi2`` build the same process graph and differ in the run configuration, and in how things are recorded:

- ``taps`` (lava-sim): the CPU models are observed from inside, every state and message of every step, at no cost;
- ``ports`` (the chip, and lava-sim if wanted): a sink on every output, and the states at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from substrates.loihi2.engine.counts import count
from substrates.loihi2.lava.builder import make_graph
from substrates.loihi2.lava.chip import chip_configuration
from substrates.loihi2.lava.loader import lava_module, load_lava
from substrates.loihi2.lava.names import raw_name
from substrates.loihi2.lava.plan import add_sinks, components, outlets, plan_of, sink_key
from substrates.loihi2.lava.taps import Tap, tapped_configuration
from substrates.loihi2.lava.watchdog import DEFAULT_TIMEOUT_S, LavaSession
from substrates.loihi2.program import Program, Source

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
    plan = plan_of(program, steps, raw_weights)
    if recording == "ports":
        add_sinks(plan, program, steps)
    graph = make_graph(plan)
    owners = {outlet: name for outlet, name, _ in outlets(program)}
    taps = {outlet: _tap(program, outlet, name, port, steps) for outlet, name, port in outlets(program)}
    by_process: dict[Any, list[Tap]] = {}
    for outlet, name in owners.items():
        by_process.setdefault(graph.neurons[name], []).append(taps[outlet])
    configuration: Any
    if target == "loihi2":
        configuration = chip_configuration(program, graph)
    elif recording == "taps":
        configuration = tapped_configuration(by_process)
    else:
        configuration = lava_module("lava.magma.core.run_configs").Loihi2SimCfg(select_tag="fixed_pt")
    condition = lava_module("lava.magma.core.run_conditions").RunSteps(num_steps=steps)
    messages: dict[str, Int32] = {}
    final: dict[str, dict[str, Int32]] = {}
    for names in components(program):
        populations = [name for name in names if name in graph.variables]
        if not populations:
            continue
        head = graph.neurons[populations[0]]
        head.run(condition=condition, run_cfg=configuration)
        try:
            if recording == "ports":
                here = [outlet for outlet, name in owners.items() if name in populations]
                sinks = {outlet: graph.nodes[sink_key(outlet)] for outlet in here}
                messages |= {outlet: _integers(sink.data.get()).T.copy() for outlet, sink in sinks.items()}
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


def _tap(program: Program, outlet: str, name: str, port: str, steps: int) -> Tap:
    """Room for one outlet; that of the first port also holds the population's states."""
    population = program.populations[name]
    neuron = population.neuron
    ours = neuron.outputs[0] if outlet == name else outlet[len(name) + 1 :]
    variables = neuron.variables if outlet == name else ()
    raw = raw_name(ours) if ours in neuron.reports else ""
    return Tap(variables, steps, population.n, port=port, raw=raw)


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


def _integers(values: npt.NDArray[Any]) -> Int32:
    return np.rint(np.asarray(values)).astype(np.int32)
