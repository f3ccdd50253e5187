"""Any number of threads gives the same integers and the same counts."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.conformance import network_cases
from equipoise.conformance.models import MODELS
from hw_profiles.errors import InputError
from substrates.loihi2.engine import Engine, Probe, parts
from substrates.loihi2.neurons import LIF, Sigma
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Conv, Dense, Sparse

NAMES = ("mixed-network", "dense", "sparse", "conv", "delays", "graded-messages", "learning", "sigma-delta")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("threads", [2, 3, 5])
def test_random_networks(name: str, threads: int) -> None:
    """Small ones: most of their steps are left to the first thread."""
    for k in range(4):
        case: network_cases.NetworkCase = MODELS[name].make(np.random.default_rng(k), 40)  # type: ignore[assignment]
        probes = [Probe(p, v) for p, of in case.program.populations.items() for v in ("messages", *of.neuron.variables)]
        one, more = (Engine(case.program, threads=t).run(case.steps, probes) for t in (1, threads))
        for key, values in one.probes.items():
            np.testing.assert_array_equal(values, more.probes[key], str(key))
        assert dict(one.ledger) == dict(more.ledger)


def large(steps: int = 12) -> Program:
    """Every kind of connection, with enough events a step for the threads to share them."""
    rng, program = np.random.default_rng(0), Program()
    n = 1200
    program.source("in", (rng.random((steps, n)) < np.linspace(0, 0.6, steps)[:, None]).astype(int))
    program.population("a", 1000, LIF(du=500, dv=300, vth=3000))
    program.population("b", 900, LIF(du=500, dv=300, vth=200))
    program.connect("in", "a", Dense(rng.integers(-128, 128, (1000, n))))
    program.connect("in", "b", Sparse((rng.random((900, n)) < 0.1) * rng.integers(-90, 90, (900, n))))
    program.connect("a", "b", Sparse((rng.random((900, 1000)) < 0.1) * rng.integers(-90, 90, (900, 1000)), delays=3))
    program.connect("a", "a", Dense(rng.integers(0, 128, (1000, 1000)), exponent=-2))
    conv = Conv(rng.integers(-90, 90, (8, 3, 3, 8)), (15, 10, 8))
    program.population("c", conv.shape[0], LIF(du=500, dv=300, vth=500))
    program.connect("in", "c", conv)
    return program


@pytest.mark.parametrize("threads", [2, 3])
def test_shared_steps(threads: int) -> None:
    program = large()
    probes = [Probe("a"), Probe("b"), Probe("b", "v"), Probe("a", "u"), Probe("c", "u")]
    one, more = Engine(program).run(12, probes), Engine(program, threads=threads).run(12, probes)
    shared = [m for m in (one.probes["a", "messages"] != 0).sum(axis=1) if m * 1000 > parts.FEWEST_EVENTS]
    assert shared, "no step was large enough to be shared"
    for key, values in one.probes.items():
        np.testing.assert_array_equal(values, more.probes[key], str(key))
    assert dict(one.ledger) == dict(more.ledger)


def test_pieces_of_a_run_and_other_samples() -> None:
    program = large()
    engine = Engine(program, threads=2)
    parts_of = [engine.run(k, [Probe("b")]).probes["b", "messages"] for k in (5, 7)]
    whole = Engine(program).run(12, [Probe("b")]).probes["b", "messages"]
    np.testing.assert_array_equal(np.concatenate(parts_of), whole)
    engine.feed(program)
    np.testing.assert_array_equal(engine.run(12, [Probe("b")]).probes["b", "messages"], whole)


def test_strict_runs_take_one_thread_and_still_stop() -> None:
    program = Program()
    program.source("in", np.full((9, 3), 2**22), repeat=True)
    program.population("a", 3, Sigma())
    program.connect("in", "a", Dense(np.full((3, 3), 100), graded=True))
    with pytest.raises(InputError, match="left their registers"):
        Engine(program, strict=True, threads=2).run(9)
    with pytest.raises(InputError, match="threads"):
        Engine(program, threads=-1)
