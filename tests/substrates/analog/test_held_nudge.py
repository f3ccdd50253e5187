"""A nudge whose force is taken once: the chip's way of nudging, on the ideal machine."""

from __future__ import annotations

import pytest
import torch

from equipoise.testing.rules import make_bench, relative_error
from hw_profiles.errors import InputError
from learning_rules import Centered
from substrates.analog import IdealMachine
from substrates.base import Nudge, Stop


def test_it_is_the_same_as_a_constant_current() -> None:
    bench = make_bench()
    machine = IdealMachine(bench.network, hold_nudge=True)
    nudged = machine.relax(bench.drive, Stop(30), nudge=Nudge(0.3, bench.target), start=bench.free)
    force = 0.3 * bench.network.cost.gradient(bench.free.activities[-1], bench.target)
    currents = (*bench.drive.currents[:-1], bench.drive.currents[-1] + force)
    plain = IdealMachine(bench.network).relax(
        type(bench.drive)(bench.inputs, currents), Stop(30), nudge=None, start=bench.free
    )
    assert all(torch.equal(a, b) for a, b in zip(nudged.activities, plain.activities))
    follows = IdealMachine(bench.network).relax(bench.drive, Stop(30), nudge=Nudge(0.3, bench.target), start=bench.free)
    assert not torch.equal(nudged.activities[-1], follows.activities[-1])


@pytest.mark.parametrize(("correction", "exact"), [("none", "response"), ("asymep", "adjoint")])
def test_a_small_held_nudge_gives_the_same_response(correction: str, exact: str) -> None:
    bench = make_bench(scale=0.6)
    held = IdealMachine(bench.network, hold_nudge=True)
    errors = [
        relative_error(
            Centered(beta, correction).estimate(held, bench.drive, bench.target, bench.phases, bench.free).errors,  # type: ignore[arg-type]
            getattr(bench, exact),
        )
        for beta in (0.08, 0.04, 0.02)
    ]
    assert errors[2] < 1e-3
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.2)  # second order
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.2)


def test_what_cannot_be_held_is_refused() -> None:
    bench = make_bench()
    held = IdealMachine(bench.network, hold_nudge=True)
    with pytest.raises(InputError, match="free state"):
        held.relax(bench.drive, Stop(3), nudge=Nudge(0.1, bench.target))
    with pytest.raises(InputError, match="must be real"):
        held.relax(bench.drive, Stop(3), nudge=Nudge(0.1j, bench.target), start=bench.free)
    assert not held.capabilities.complex_states
