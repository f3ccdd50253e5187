"""A program as hardware can take it: no source without synapses, and events early enough for the adapters' delay.

Three things differ between the engine and a board (see `border`):

- a source cannot lead into neurons without synapses (`Direct`). Into neurons that add their input up, what arrives in
  the first step is part of the state they start from; every other event goes through synapses of weight 1, one step
  earlier;
- the adapter on the way in delays by some steps: events leave so much earlier;
- where the first events would have to leave before the run begins, everything waits. That is the same run only for a
  network that does nothing until something arrives; the engine proves it, or the program is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.neurons import Sigma, SigmaDelta
from substrates.loihi2.program import Connection, Population, Program, Source
from substrates.loihi2.synapses import Direct, Sparse
from substrates.loihi2.weights import SignMode
from substrates.loihi2.widths import STATE_MAX

__all__ = ["BorderDelay", "ChipProgram", "begin_later", "for_chip"]


@dataclass(frozen=True)
class BorderDelay:
    """Steps by which adapters hold up what goes into the chip, and what comes back."""

    into: int = 0
    out: int = 0


@dataclass(frozen=True, eq=False)
class ChipProgram:
    """What runs on hardware, and how to read it.

    Attributes:
        program: to be run.
        wait: steps before the given program's first one begins.
        delay: of the adapters.
    """

    program: Program
    wait: int
    delay: BorderDelay

    @property
    def skipped(self) -> int:
        """Steps of the recorded messages before the given program's first."""
        return self.wait + self.delay.out


def for_chip(program: Program, steps: int, delay: BorderDelay | None = None) -> ChipProgram:
    """``program`` for a run of ``steps`` steps on hardware whose adapters delay by ``delay``.

    Raises:
        InputError: an event comes too early for the adapters, and the network does not wait for it.
    """
    delay = delay or BorderDelay()
    folded = _without_first_events(program)
    direct = {c.source for c in folded.connections if isinstance(c.synapses, Direct)}
    mixed = direct & {c.source for c in folded.connections if not isinstance(c.synapses, Direct)}
    if mixed:
        raise InputError(
            f"the source {min(mixed)!r} leads into neurons both with and without synapses; make it two sources"
        )
    lead = {name: delay.into + (name in direct) for name in folded.sources}
    first = {name: _first_step(source) for name, source in folded.sources.items()}
    wait = max((lead[name] - at + 1 for name, at in first.items() if at is not None), default=0)
    wait = max(wait, 0)
    if wait:
        _check_waiting(folded, steps, wait, lead, first)
    built = Program()
    for name, source in folded.sources.items():
        built.sources[name] = _moved(source, steps, wait - lead[name])
    built.populations.update(folded.populations)
    for connection in folded.connections:
        if isinstance(connection.synapses, Direct):
            n = connection.synapses.shape[0]
            connection = replace(connection, synapses=_identity(n))
        built.connections.append(connection)
    return ChipProgram(built, wait, delay)


def begin_later(program: Program, steps: int, by: int) -> Program:
    """``program`` with ``by`` silent steps before the events of every source; neurons begin as before."""
    late = Program()
    late.populations.update(program.populations)
    late.connections += program.connections
    late.sources.update({name: _moved(source, steps, by) for name, source in program.sources.items()})
    return late


def _identity(n: int) -> Sparse:
    """Synapses of weight 1 from neuron k to neuron k."""
    from scipy.sparse import eye_array

    return Sparse(eye_array(n, dtype=np.int64), sign_mode=SignMode.EXCITATORY, graded=True)


def _first_step(source: Source) -> int | None:
    """The step of a source's first event; None where there is none."""
    steps = np.flatnonzero(np.diff(source.starts))
    return int(steps[0]) + 1 if steps.size else None


def _events(source: Source, steps: int) -> tuple[npt.NDArray[np.int64], Any, Any]:
    """(times, neurons, values) of every event within ``steps`` steps, repetitions written out."""
    length = source.starts.size - 1
    times = np.repeat(np.arange(1, length + 1), np.diff(source.starts))
    who, what = source.indices, source.values
    if source.repeat and length < steps:
        rounds = -(-steps // length)
        times = (times[None] + length * np.arange(rounds)[:, None]).reshape(-1)
        who, what = np.tile(who, rounds), np.tile(what, rounds)
    inside = times <= steps
    return times[inside], who[inside], what[inside]


def _moved(source: Source, steps: int, by: int) -> Source:
    """The source with every event ``by`` steps later (earlier where negative)."""
    times, who, what = _events(source, steps)
    built = Program()
    return built.events(
        source.name, source.n, times + by, who, what, max(steps + by, 1, int(times.max(initial=0)) + by)
    )


def _without_first_events(program: Program) -> Program:
    """The same program where events of step 1 without synapses are in the states that neurons start from."""
    folded = Program()
    folded.sources.update(program.sources)
    folded.populations.update(program.populations)
    users = [connection.source for connection in program.connections]
    shared = {name for name in users if users.count(name) > 1}
    for connection in program.connections:
        if isinstance(connection.synapses, Direct):
            _fold(folded, connection, shared)
            if _first_step(folded.sources[connection.source]) is None:
                continue  # nothing is left to send
        folded.connections.append(connection)
    used = {connection.source for connection in folded.connections}
    for name in [name for name in folded.sources if name not in used]:
        del folded.sources[name]
    return folded


def _fold(program: Program, connection: Connection, shared: set[str]) -> None:
    """Add what a direct connection brings in step 1 to its population's start, where that is the same."""
    population, source = program.populations[connection.target], program.sources[connection.source]
    adds_up = isinstance(population.neuron, (Sigma, SigmaDelta))
    if not adds_up or source.repeat or _first_step(source) != 1 or source.name in shared:
        return
    end = int(source.starts[1])
    total = np.array(population.initial.get("sigma", np.zeros(population.n)), np.int64)
    np.add.at(total, source.indices[:end], source.values[:end])
    if np.abs(total).max(initial=0) > STATE_MAX:
        return
    initial = {**population.initial, "sigma": total.astype(np.int32)}
    program.populations[population.name] = Population(population.name, population.n, population.neuron, initial)
    starts = np.concatenate([[0], source.starts[1:] - end]).astype(np.int64)
    program.sources[source.name] = Source(source.name, source.n, starts, source.indices[end:], source.values[end:])


def _check_waiting(program: Program, steps: int, wait: int, lead: dict[str, int], first: dict[str, int | None]) -> None:
    """Raise unless ``program`` begun ``wait`` steps late does what it does, silent until then.

    Raises:
        InputError: it does something else.
    """
    late = begin_later(program, steps, wait)
    probes = [Probe(outlet) for outlet in program.outlets if outlet not in program.sources]
    now, then = Engine(program), Engine(late)
    ours, theirs = now.run(steps, probes).probes, then.run(steps + wait, probes).probes
    for key, values in ours.items():
        if theirs[key][:wait].any() or not np.array_equal(theirs[key][wait:], values):
            early = min((at - lead[name], name) for name, at in first.items() if at is not None)[1]
            raise InputError(
                f"the adapters need events {lead[early]} steps early; the source {early!r} sends in step "
                f"{first[early]} and {key[0]!r} does not wait for it (biases, or a start away from rest); begin "
                f"every source with {wait} silent steps"
            )
