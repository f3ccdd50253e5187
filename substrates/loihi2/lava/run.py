"""Run a program through Lava and read back what its neurons did.

`run_program` is the front: it works in a watched process, so a dead or hung Lava becomes an error. ``lava-sim`` and
``loihi2`` build the same process graph and differ in the run configuration, and in how things are recorded:

- ``taps`` (lava-sim): the CPU models are observed from inside, every state and message of every step, at no cost;
- ``ports`` (the chip, and lava-sim if wanted): a sink on every output, and the states at the end.

On the chip adapters stand at the border (`border`), the program is prepared for their delay (`chip_program`), which is
measured first (`delay`), and Intel's probes say power and time where the extension has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from hw_profiles.errors import InputError
from substrates.loihi2.lava.board import check_models, run_on_chip
from substrates.loihi2.lava.builder import make_graph
from substrates.loihi2.lava.chip_program import BorderDelay
from substrates.loihi2.lava.delay import known_delay
from substrates.loihi2.lava.loader import lava_module, load_lava
from substrates.loihi2.lava.names import raw_name
from substrates.loihi2.lava.outcome import (
    Int32,
    LavaRun,
    contiguous,
    counted,
    final_states,
    integers,
    outlets_of,
    parts_of,
    run_steps,
    sent_by,
    worked_out,
)
from substrates.loihi2.lava.plan import add_sinks, outlets, plan_of, public_variables, sink_key
from substrates.loihi2.lava.taps import SynapseTap, Tap, tapped_configuration
from substrates.loihi2.lava.watchdog import DEFAULT_TIMEOUT_S, LavaSession
from substrates.loihi2.program import Program

__all__ = ["LavaRun", "LavaTarget", "run_here", "run_program"]

LavaTarget = Literal["lava-sim", "loihi2"]


def run_program(
    program: Program,
    steps: int,
    *,
    target: LavaTarget = "lava-sim",
    recording: Literal["taps", "ports"] | None = None,
    raw_weights: Mapping[str, Any] | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    session: LavaSession | None = None,
    delay: BorderDelay | None = None,
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
        delay: of the adapters on the chip, where it is known; measured once per worker when None.

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
    arguments: tuple[Any, ...] = (program, steps, target, how, dict(raw_weights or {}))
    if target == "loihi2":
        arguments = (*arguments, delay)
    if session is not None:
        return session.call(run_here, *arguments, timeout_s=timeout_s)
    with LavaSession() as own:
        return own.call(run_here, *arguments, timeout_s=timeout_s)


def run_here(
    program: Program,
    steps: int,
    target: str,
    recording: str,
    raw_weights: Mapping[str, Any] | None = None,
    delay: BorderDelay | None = None,
) -> LavaRun:
    """As `run_program`, in this very process and unwatched: for use inside a worker."""
    load_lava()
    if target == "loihi2":
        if delay is None:
            check_models(program, steps)  # before anything is measured
            delay = known_delay()
        return run_on_chip(program, steps, delay, raw_weights)
    if recording == "ports":
        return _through_ports(program, steps, raw_weights)
    return _through_taps(program, steps, raw_weights)


def _through_taps(program: Program, steps: int, raw_weights: Mapping[str, Any] | None) -> LavaRun:
    graph = make_graph(plan_of(program, steps, raw_weights))
    taps = {outlet: _tap(program, outlet, name, port, steps) for outlet, name, port in outlets(program)}
    by_process: dict[Any, list[Tap | SynapseTap]] = {}
    for outlet, name, _ in outlets(program):
        by_process.setdefault(graph.neurons[name], []).append(taps[outlet])
    learning = {
        connection.name: SynapseTap(steps, connection.synapses.shape)
        for connection in program.connections if connection.hears
    }  # fmt: skip
    for connection, process in zip(program.connections, graph.connections, strict=True):
        if connection.name in learning:
            by_process[process] = [learning[connection.name]]
    configuration = tapped_configuration(by_process, graph.models)
    for populations in parts_of(program):
        graph.neurons[populations[0]].run(condition=run_steps(steps), run_cfg=configuration)
        graph.neurons[populations[0]].stop()
    states = {name: taps[name].states() for name in program.populations}
    for name, population in program.populations.items():
        states[name] = {v: states[name][v] for v in public_variables(population.neuron)}
    last = {name: {v: values[-1] for v, values in of.items()} for name, of in states.items()}
    messages = {outlet: tap.messages() for outlet, tap in taps.items()}
    sent = {outlet: np.count_nonzero(tap.raw(), axis=0) for outlet, tap in taps.items()}
    synapses = {name: tap.values() for name, tap in learning.items()}
    changed = worked_out(program, messages, steps)
    return LavaRun(messages, states, last, *counted(program, sent, steps, changed), synapses=synapses)


def _through_ports(program: Program, steps: int, raw_weights: Mapping[str, Any] | None) -> LavaRun:
    plan = plan_of(program, steps, raw_weights)
    add_sinks(plan, program, steps)
    graph = make_graph(plan)
    configuration = lava_module("lava.magma.core.run_configs").Loihi2SimCfg(
        select_tag="fixed_pt", exception_proc_model_map=graph.models
    )
    messages: dict[str, Int32] = {}
    final: dict[str, dict[str, Int32]] = {}
    for populations in parts_of(program):
        head = graph.neurons[populations[0]]
        head.run(condition=run_steps(steps), run_cfg=configuration)
        try:
            messages |= {o: integers(graph.nodes[sink_key(o)].data.get()).T for o in outlets_of(program, populations)}
            final |= final_states(graph, populations)
        finally:
            head.stop()
    changed = worked_out(program, messages, steps)
    return LavaRun(contiguous(messages), {}, final, *counted(program, sent_by(messages), steps, changed))


def _tap(program: Program, outlet: str, name: str, port: str, steps: int) -> Tap:
    """Room for one outlet; that of the first port also holds the population's states."""
    population = program.populations[name]
    neuron = population.neuron
    ours = neuron.outputs[0] if outlet == name else outlet[len(name) + 1 :]
    variables = public_variables(neuron) if outlet == name else ()
    raw = raw_name(ours) if ours in neuron.reports else ""
    return Tap(variables, steps, population.n, port=port, raw=raw)
