"""What a run on Lava gives back, and how it is read from processes, counted, and put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.ledger import Ledger
from hw_profiles.measured import Measurement
from substrates.loihi2.engine.counts import count
from substrates.loihi2.lava.builder import LavaGraph
from substrates.loihi2.lava.chip_program import BorderDelay
from substrates.loihi2.lava.loader import lava_module
from substrates.loihi2.lava.plan import components, outlets
from substrates.loihi2.learning.counting import rule_applications
from substrates.loihi2.learning.synapses import LearningSynapses
from substrates.loihi2.program import Program, Source

__all__ = [
    "Int32", "LavaRun", "contiguous", "counted", "final_states", "integers", "outlets_of", "parts_of", "run_steps",
    "sent_by", "worked_out",
]  # fmt: skip

Int32 = npt.NDArray[np.int32]


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
        measured: time and energy by the board's own probes; None where there are none.
        delay: of the adapters, on the chip.
        notes: what could not be had.
        synapses: of learning connections by name, per variable (steps, targets, sources) as each step used them.
    """

    messages: dict[str, Int32]
    states: dict[str, dict[str, Int32]]
    final: dict[str, dict[str, Int32]]
    sent: dict[str, npt.NDArray[np.int64]]
    ledger: Ledger
    measured: Measurement | None = None
    delay: BorderDelay | None = None
    notes: tuple[str, ...] = ()
    synapses: dict[str, dict[str, Int32]] = field(default_factory=dict)


def parts_of(program: Program) -> list[list[str]]:
    """The populations of every connected part that has any."""
    found = [[name for name in names if name in program.populations] for names in components(program)]
    return [populations for populations in found if populations]


def outlets_of(program: Program, populations: list[str]) -> list[str]:
    return [outlet for outlet, name, _ in outlets(program) if name in populations]


def run_steps(steps: int) -> Any:
    return lava_module("lava.magma.core.run_conditions").RunSteps(num_steps=steps)


def final_states(graph: LavaGraph, populations: list[str]) -> dict[str, dict[str, Int32]]:
    """What the state variables hold now."""
    return {
        name: {v: integers(getattr(graph.neurons[name], v).get()) for v in graph.variables[name]}
        for name in populations
    }


def contiguous(messages: Mapping[str, Int32]) -> dict[str, Int32]:
    return {outlet: np.ascontiguousarray(values) for outlet, values in messages.items()}


def sent_by(messages: Mapping[str, Int32]) -> dict[str, npt.NDArray[np.int64]]:
    return {outlet: np.count_nonzero(values, axis=0) for outlet, values in messages.items()}


def counted(
    program: Program, sent: Mapping[str, Any], steps: int, changed: Mapping[int, Any] | None = None
) -> tuple[dict[str, Any], Ledger]:
    """What everything sent, populations as seen and sources as they have to, and the ledger of that."""
    every = {name: _source_messages(source, steps) for name, source in program.sources.items()} | dict(sent)
    return every, count(program, None, every, steps, changed=changed)


def worked_out(program: Program, messages: Mapping[str, Int32], steps: int) -> dict[int, npt.NDArray[np.int64]]:
    """Of learning connections, by ``id``: for how many synapses of each target neuron the rule was worked out.

    A chip and Lava do not say; it follows from who sent in which epoch.
    """
    found = {}
    for connection in program.connections:
        synapses = connection.synapses
        if isinstance(synapses, LearningSynapses):
            ends = [_raster_of(program, messages, o, steps) for o in (connection.outlet, connection.hears["spikes"])]
            found[id(connection)] = rule_applications(synapses, *ends)
    return found


def _raster_of(program: Program, messages: Mapping[str, Int32], outlet: str, steps: int) -> npt.NDArray[np.bool_]:
    """(steps, n) who sent when."""
    if outlet not in program.sources:
        sent: npt.NDArray[np.bool_] = messages[outlet] != 0
        return sent
    source = program.sources[outlet]
    length = source.starts.size - 1
    raster = np.zeros((length, source.n), bool)
    raster[np.repeat(np.arange(length), np.diff(source.starts)), source.indices] = True
    at = np.arange(steps)
    return raster[at % length] & (source.repeat | (at < length))[:, None]


def _source_messages(source: Source, steps: int) -> npt.NDArray[np.int64]:
    """How many events each neuron of a source sends in ``steps`` steps."""
    length = source.starts.size - 1
    step = np.repeat(np.arange(length), np.diff(source.starts))
    times = (steps - step + length - 1) // length if source.repeat else (step < steps)
    sent = np.zeros(source.n, np.int64)
    np.add.at(sent, source.indices, np.maximum(times, 0).astype(np.int64))
    return sent


def integers(values: npt.NDArray[Any]) -> Int32:
    return np.rint(np.asarray(values)).astype(np.int32)
