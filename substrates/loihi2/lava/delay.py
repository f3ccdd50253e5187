"""How long the adapters hold up messages, measured: nobody outside has published it.

Two programs of one neuron each. A neuron that spikes by itself at a step we know shows the delay on the way out; the
same neuron fed with one event shows both delays together. The answer is compared message by message, so that anything
but a delay (a lost event, another value) is an error.
"""

from __future__ import annotations

import numpy as np

from hw_profiles.errors import TargetUnavailableError
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.lava.board import check_models, run_on_chip
from substrates.loihi2.lava.chip_program import BorderDelay
from substrates.loihi2.neurons import LIF
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Dense

__all__ = ["LONGEST_DELAY", "clock_program", "echo_program", "known_delay", "measure_delay"]

LONGEST_DELAY = 16  #: steps; adapters that hold up longer are not understood
_EVENT = 3  #: the step in which the echo's event leaves

_KNOWN: list[BorderDelay] = []


def clock_program() -> Program:
    """A neuron that spikes by itself, for the first time some steps after the start, and not every step."""
    program = Program()
    program.population("clock", 1, LIF(vth=100, bias_mant=64 * 30))
    return program


def echo_program() -> Program:
    """A neuron that answers one event with one spike."""
    program = Program()
    program.events("event", 1, [_EVENT], [0], 1, steps=_EVENT)
    program.population("echo", 1, LIF(du=4095, dv=4096, vth=10))
    program.connect("event", "echo", Dense([[100]]))
    return program


def known_delay() -> BorderDelay:
    """`measure_delay`, once per process."""
    if not _KNOWN:
        _KNOWN.append(measure_delay())
    return _KNOWN[0]


def measure_delay() -> BorderDelay:
    """Run the two programs on the chip.

    Raises:
        TargetUnavailableError: what came back is not what the neuron sends, however much later.
    """
    out = _shift("clock", clock_program(), 0)
    return BorderDelay(_shift("echo", echo_program(), out), out)


def _shift(name: str, program: Program, known: int) -> int:
    """How many steps later than in the engine ``name`` is heard, beyond ``known``."""
    steps = 2 * LONGEST_DELAY
    check_models(program, steps)
    ours = Engine(program).run(steps, [Probe(name)]).probes[name, "messages"][:, 0]
    came = run_on_chip(program, steps + LONGEST_DELAY, BorderDelay()).messages[name][:, 0]
    first = int(np.flatnonzero(ours)[0])
    heard = np.flatnonzero(came)
    if not heard.size:
        raise TargetUnavailableError(f"the one-neuron program {name!r} ran, and nothing came back in {came.size} steps")
    shift = int(heard[0]) - first
    fits = 0 <= shift - known <= LONGEST_DELAY
    if not fits or not np.array_equal(came[shift : shift + steps], ours):
        sent = (np.flatnonzero(ours) + 1).tolist()[:5]
        raise TargetUnavailableError(
            f"the one-neuron program {name!r} sends in steps {sent}, and came back in steps "
            f"{(heard + 1).tolist()[:5]}: more than a delay of up to {LONGEST_DELAY} steps"
        )
    return shift - known
