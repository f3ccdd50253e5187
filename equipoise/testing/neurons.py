"""Conformance of a Loihi 2 neuron model: run this on your own before you build networks of it.

    from equipoise.testing.neurons import check_neuron
    check_neuron(MyNeuron)

Every check raises AssertionError with a sentence that names the promise broken.
To add one, write a function of a `Trial` and list it in ``CHECKS``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from substrates.seeds import stream

if TYPE_CHECKING:
    from substrates.loihi2.neurons import Neuron, State

__all__ = ["CHECKS", "Trial", "check_neuron"]

Ints = npt.NDArray[np.integer[Any]]
STEPS = 40
N = 7


@dataclass
class Trial:
    """A neuron model, and random populations of it.

    Attributes:
        driven: it acts on its own, as clocks and random neurons do: silence is not promised.
        example: (random stream, n) -> a model with random parameters for n neurons.
    """

    model: type[Neuron]
    driven: bool
    example: Callable[[np.random.Generator, int], Neuron | None]

    def populations(self, count: int = 12) -> Iterator[tuple[Neuron, npt.NDArray[np.int64]]]:
        """(model with random parameters, (steps, inputs * N) what it is fed), small and extreme values among them."""
        for k in range(count):
            rng = stream(0, f"neuron kit {self.model.name}", k)
            neuron = self.example(rng, N)
            assert neuron is not None, f"{self.model.name}: example() gives no population to try"
            width = len(neuron.inputs) * N
            size = (20, 3000, 2**22)[k % 3]
            fed = rng.integers(-size, size, (STEPS, width)) * (rng.random((STEPS, width)) < 0.4)
            yield neuron, fed

    def run(self, neuron: Neuron, fed: Ints, state: State | None = None) -> tuple[list[Any], list[Any], int]:
        """(messages, states) of every step, and overflows."""
        state = neuron.rest(N) if state is None else state
        messages, states, overflows = [], [], 0
        for time, a_in in enumerate(fed, 1):
            out, lost = neuron.step(state, a_in, time)
            messages.append(out)
            states.append(state.values.copy())
            overflows += lost
        return messages, states, overflows


def check_neuron(
    model: type[Neuron],
    *,
    driven: bool = False,
    example: Callable[[np.random.Generator, int], Neuron | None] | None = None,
) -> None:
    """Check what every `Neuron` promises.

    Parameters are a few integers; the same step gives the same integers, into whatever the output buffer held; a
    neuron's course is its own; states stay in 24 bits and losses are counted; silence stays silent; spikes are 0 and 1;
    the engine steps as the model does.

    Args:
        model: the class.
        driven: it acts on its own (a clock, a random neuron), so that it may speak without having heard anything.
        example: makes populations to try, (random stream, n) -> model; the class's own `Neuron.example` by default.

    Raises:
        AssertionError: names the promise that is broken.
    """
    trial = Trial(model, driven, example or model.example)
    for check in CHECKS:
        check(trial)


def _parameters(trial: Trial) -> None:
    from substrates.loihi2.neurons.base import MAX_PARAMETERS

    for neuron, _ in trial.populations():
        values = neuron.parameters()
        assert len(values) <= MAX_PARAMETERS, f"{len(values)} parameters; the chip's table has {MAX_PARAMETERS}"
        whole = all(isinstance(value, (int, np.integer)) for value in values)
        assert whole, f"parameters must be integers, got {values}"
        rest, other = neuron.rest(N), neuron.rest(N)
        assert rest.values.shape == (len(neuron.variables), N), "rest() must give one row per state variable"
        assert not np.shares_memory(rest.values, other.values), "two populations at rest share their state"


def _repeats(trial: Trial) -> None:
    for neuron, fed in trial.populations():
        before = fed.copy()
        first, again = trial.run(neuron, fed), trial.run(neuron, fed)
        assert np.array_equal(fed, before), "a step changed its input"
        same = all(np.array_equal(a, b) for a, b in zip(itertools.chain(*first[:2]), itertools.chain(*again[:2])))
        assert same, "the same steps gave other integers: something is kept outside the state"


def _stale_output(trial: Trial) -> None:
    """A step writes every message, silence included: the engine's buffer still holds the last step's."""
    for neuron, fed in trial.populations(3):
        wanted, _, _ = trial.run(neuron, fed)
        state, bias = neuron.rest(N), neuron.bias_values(N)
        packed, table = np.array(neuron.parameters(), np.int64), neuron.table()
        for time, a_in in enumerate(fed, 1):
            out = np.full(len(neuron.outputs) * N, 77, np.int32)
            type(neuron).kernel(state.values, a_in.astype(np.int32), bias, out, packed, table, time)
            assert np.array_equal(out, wanted[time - 1]), "a step leaves old messages where it should write silence"


def _independence(trial: Trial) -> None:
    """Neuron 0's course is the same whatever the others hear."""
    for neuron, fed in trial.populations(6):
        other = fed.copy().reshape(STEPS, len(neuron.inputs), N)
        other[:, :, 1:] = other[::-1, :, 1:]
        one, two = trial.run(neuron, fed), trial.run(neuron, other.reshape(STEPS, -1))
        for a, b in zip(one[1], two[1]):
            assert np.array_equal(a[:, :1], b[:, :1]), "a neuron's state depends on what other neurons hear"
        for a, b in zip(one[0], two[0]):
            heard = a.reshape(-1, N)[:, 0], b.reshape(-1, N)[:, 0]
            assert np.array_equal(*heard), "a neuron's message depends on what other neurons hear"


def _widths(trial: Trial) -> None:
    from substrates.loihi2.neurons.base import ZERO_MESSAGE
    from substrates.loihi2.widths import STATE_MAX

    for neuron, fed in trial.populations():
        fed = np.where(fed == 0, 0, np.sign(fed) * STATE_MAX) if trial.model.graded else fed
        messages, states, overflows = trial.run(neuron, fed)
        largest = max((int(np.abs(s.astype(np.int64)).max(initial=0)) for s in states), default=0)
        assert overflows > 0 or largest < STATE_MAX, (
            f"a state reached {largest}, the registers hold {STATE_MAX}, and no overflow was counted"
        )
        if not neuron.graded:
            values = set(np.unique(np.concatenate(messages)).tolist()) - {ZERO_MESSAGE}
            assert values <= {0, 1}, f"messages are not graded, yet they hold {sorted(values)}"


def _silence(trial: Trial) -> None:
    """Event-driven: a neuron that did nothing in silence does nothing in the next step of silence."""
    if trial.driven:
        return
    for neuron, fed in trial.populations():
        quiet = np.zeros((60, fed.shape[1]), np.int64)
        state = neuron.rest(N)
        trial.run(neuron, fed[:3], state)
        messages, states, _ = trial.run(neuron, quiet, state)
        for t in range(1, len(quiet)):
            still = (states[t] == states[t - 1]).all(axis=0) & (messages[t - 1].reshape(-1, N) == 0).all(axis=0)
            if t + 1 < len(quiet):
                silent = (messages[t].reshape(-1, N) == 0).all(axis=0)
                spoke = (messages[t + 1].reshape(-1, N) != 0).any(axis=0) & silent
                moved = (states[t + 1] != states[t]).any(axis=0)
                assert not (still & (spoke | moved)).any(), "a neuron at rest acts in silence: it is not event-driven"


def _engine(trial: Trial) -> None:
    """The engine's time loop gives the model's own course, through one synapse of weight one."""
    from substrates.loihi2.engine import Engine, Probe
    from substrates.loihi2.program import Program
    from substrates.loihi2.synapses import Direct

    for neuron, fed in trial.populations(3):
        if len(neuron.inputs) > 1:
            return
        fed = np.clip(fed, -(2**15), 2**15)
        program = Program()
        program.source("fed", fed)
        program.population("here", N, neuron)
        program.connect("fed", "here", Direct(N))
        found = Engine(program).run(STEPS, [Probe("here", name) for name in ("messages", *neuron.variables)]).probes
        shifted = _arrivals(fed, found, neuron, trial)
        messages, states, _ = trial.run(neuron, shifted)
        seen = np.asarray(found["here", "messages"]).reshape(STEPS, -1)
        assert np.array_equal(seen, np.stack(messages)[:, : seen.shape[1]]), "the engine sends what the step does not"
        for row, name in enumerate(neuron.variables):
            mine = np.stack(states)[:, row]
            assert np.array_equal(found["here", name], mine), f"the engine's {name} is not the step's"


def _arrivals(fed: Ints, found: Any, neuron: Neuron, trial: Trial) -> Ints:
    """What reaches the neuron at each step: at once, or a step late, whichever the engine's course shows."""
    late = np.vstack([np.zeros((1, fed.shape[1]), fed.dtype), fed[:-1]])
    for arriving in (fed, late):
        messages, _, _ = trial.run(neuron, arriving)
        seen = np.asarray(found["here", "messages"]).reshape(len(fed), -1)
        if np.array_equal(seen, np.stack(messages)[:, : seen.shape[1]]):
            return arriving
    return late


CHECKS: tuple[Callable[[Trial], None], ...] = (
    _parameters,
    _repeats,
    _stale_output,
    _independence,
    _widths,
    _silence,
    _engine,
)
