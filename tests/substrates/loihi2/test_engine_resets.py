"""State variables that are set at regular steps."""

from __future__ import annotations

import numpy as np
import pytest

from hw_profiles.errors import InputError
from hw_profiles.ledger import Component, Event
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.neurons import Sigma
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Direct


def counting(**reset: int) -> Program:
    """A running sum of ones."""
    program = Program()
    program.source("in", [[1, 1, 1]], repeat=True)
    program.population("sum", 3, Sigma())
    program.connect("in", "sum", Direct(3))
    program.reset("sum", "sigma", **reset)
    return program


@pytest.mark.parametrize(("interval", "offset", "value"), [(1, 0, 0), (4, 0, 0), (4, 2, 7), (5, 9, -3), (50, 3, 1)])
def test_they_are_set_after_their_step(interval: int, offset: int, value: int) -> None:
    program = counting(interval=interval, offset=offset, value=value)
    run = Engine(program).run(20, [Probe("sum", "sigma")])
    expected, total = [], 0
    for time in range(1, 21):
        total += 1
        if (time - 1) % interval == offset % interval:
            total = value
        expected.append(total)
    assert run.probes["sum", "sigma"][:, 0].tolist() == expected
    # every one is three values that the host writes, beside the source's events
    times = sum((time - 1) % interval == offset % interval for time in range(1, 21))
    written = run.ledger.total(Event.HOST_WRITES, component=Component.HOST.value, layer="sum")
    assert written == 3 * times


def test_pieces_of_a_run_are_set_and_counted_alike() -> None:
    program = counting(interval=3, offset=1, value=5)
    whole, engine = Engine(program).run(17, [Probe("sum", "sigma")]), Engine(program)
    pieces = [engine.run(n, [Probe("sum", "sigma")]) for n in (1, 2, 6, 8)]
    joined = np.concatenate([piece.probes["sum", "sigma"] for piece in pieces])
    np.testing.assert_array_equal(joined, whole.probes["sum", "sigma"])
    writes = [piece.ledger.total(Event.HOST_WRITES) for piece in pieces]
    assert sum(writes) == whole.ledger.total(Event.HOST_WRITES)


def test_bad_input() -> None:
    program = counting()
    for name, variable, more, word in (
        ("nobody", "sigma", {}, "nobody"), ("sum", "voltage", {}, "voltage"),
        ("sum", "sigma", {"offset": -1}, "offset"),
        ("sum", "sigma", {"interval": 0}, "interval"), ("sum", "sigma", {"value": 2**23}, "value"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=word):
            program.reset(name, variable, **more)
