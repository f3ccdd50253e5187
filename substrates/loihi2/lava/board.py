"""Run a program on the chip: adapters at the border, events early enough, states, signs, the board's own probes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hw_profiles.measured import Measurement
from substrates.loihi2.lava.border import extend_sign, with_adapters
from substrates.loihi2.lava.builder import make_graph
from substrates.loihi2.lava.chip import BoardProbes, chip_configuration, require_extension
from substrates.loihi2.lava.chip_program import BorderDelay, for_chip
from substrates.loihi2.lava.outcome import (
    Int32,
    LavaRun,
    contiguous,
    counted,
    final_states,
    outlets_of,
    parts_of,
    run_steps,
    sent_by,
)
from substrates.loihi2.lava.plan import add_sinks, plan_of, sink_key
from substrates.loihi2.program import Program

__all__ = ["check_models", "run_on_chip"]


def check_models(program: Program, steps: int) -> None:
    """Raise unless everything in ``program`` has a model for the chip.

    Raises:
        TargetUnavailableError: names what has none, or the missing parts of the extension.
    """
    require_extension()
    chip_configuration(program, make_graph(plan_of(program, steps)))


def run_on_chip(
    program: Program, steps: int, delay: BorderDelay, raw_weights: Mapping[str, Any] | None = None
) -> LavaRun:
    """Run ``program`` on the chip whose adapters delay by ``delay``; in this process, unwatched.

    States are read when the program has done its steps; only then do the last messages come out.

    Raises:
        InputError: the program's events come too early for the delay.
        TargetUnavailableError: the extension is not whole, or something has no model for the chip.
    """
    require_extension()
    chip = for_chip(program, steps, delay)
    length = steps + chip.skipped
    plan = plan_of(chip.program, length, raw_weights)
    add_sinks(plan, chip.program, length)
    graph = make_graph(with_adapters(plan))
    configuration = chip_configuration(chip.program, graph)
    messages: dict[str, Int32] = {}
    final: dict[str, dict[str, Int32]] = {}
    measured: list[Measurement] = []
    notes: dict[str, None] = {}
    for populations in parts_of(chip.program):
        head, probes = graph.neurons[populations[0]], BoardProbes(length)
        configuration.callback_fxs = probes.callbacks
        head.run(condition=run_steps(steps + chip.wait), run_cfg=configuration)
        try:
            final |= final_states(graph, populations)
            if delay.out:
                head.run(condition=run_steps(delay.out), run_cfg=configuration)
            for outlet in outlets_of(program, populations):
                came = extend_sign(graph.nodes[sink_key(outlet)].data.get()).T
                messages[outlet] = came[chip.skipped : chip.skipped + steps]
        finally:
            head.stop()
        found = probes.read()
        if found is not None:
            measured.append(found)
        elif probes.problem:
            notes[probes.problem] = None
    return LavaRun(
        contiguous(messages), {}, final, *counted(program, sent_by(messages), steps),
        sum(measured[1:], measured[0]) if measured else None, delay, tuple(notes),
    )  # fmt: skip
