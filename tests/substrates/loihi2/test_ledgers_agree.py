"""One counter: whoever runs a program, its ledger is the same, event by event and core by core."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from hw_profiles.ledger import Event, Ledger, Phase
from substrates.loihi2.annealing import Loihi2Annealer, Series, Settings
from substrates.loihi2.annealing.program import annealing_program, read_out, time_steps
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.engine.counts import count
from substrates.loihi2.lava.loader import why_unavailable
from substrates.loihi2.program import Placement, Program

lava = pytest.mark.skipif(bool(why_unavailable()), reason=why_unavailable() or "Lava is there")


def spread(program: Program, rng: np.random.Generator, cores: int = 7) -> Placement:
    """Every neuron on a core of its own choice, on chips of four cores."""
    return Placement(
        {name: rng.integers(0, cores, program.size(name)).astype(np.int32) for name in program.populations}, 4
    )


def problem(rng: np.random.Generator, large: bool) -> tuple[csr_matrix, np.ndarray]:
    n = int(rng.integers(2, 90))
    pairs = np.triu(rng.random((n, n)) < rng.uniform(0.02, 0.9), 1)
    top = 3000 if large else 120
    weights = pairs * rng.integers(-top, top, (n, n)) if rng.integers(2) else pairs * rng.integers(1, top, (n, n))
    return csr_matrix(weights + weights.T), rng.integers(-600, 200, n).astype(np.int64)


def drawn(
    seed: int, scheme: str
) -> tuple[np.random.Generator, csr_matrix, np.ndarray, Settings, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrix, diagonal = problem(rng, bool(rng.integers(2)))
    chosen = Settings(scheme, exponent=0, strict=bool(rng.integers(2)), initial_rest=bool(rng.integers(2)))
    heat = np.sort(rng.integers(0, 3 * (int(np.abs(matrix.data).max(initial=1)) + 1), int(rng.integers(1, 40))))[::-1]
    start = (rng.random(diagonal.size) < 0.4 * rng.integers(2)).astype(np.uint8)
    return rng, matrix, diagonal, chosen, np.minimum(heat, 65535).astype(np.int32), start


@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_annealer_kernel_and_engine(scheme: str, seed: int) -> None:
    rng, matrix, diagonal, chosen, heat, start = drawn(seed, scheme)
    annealer = Loihi2Annealer(matrix.indptr, matrix.indices, matrix.data, diagonal, chosen)
    program = annealing_program(matrix, diagonal, heat, seed, chosen, start)
    annealer.placement = spread(program, rng)
    theirs = annealer.anneal(Series(tuple(int(t) for t in heat)), [seed], start=start)
    steps = time_steps(chosen, heat.size)
    engine = Engine(program, placement=annealer.placement)
    run = engine.run(steps, [Probe(name) for name in program.outlets])
    assert ledger_of(run.ledger, read_out(diagonal.size, 1)) == theirs.ledger
    assert (engine.state("variables")["best"] == theirs.states[0]).all() or theirs.costs[0] > 0
    assert theirs.ledger.total(Event.STEPS) == steps


def ledger_of(ledger: Ledger, reads: dict[str, int]) -> Ledger:
    """The engine's counts, with what an anneal reads instead of what the probes read, all in the phase of annealing."""
    found = Ledger()
    for key, number in ledger.items():
        if key.event is not Event.HOST_READS:
            found.merge(Ledger({key._replace(phase=Phase.ANNEAL.value): number}))
    for name, values in reads.items():
        found.add(Event.HOST_READS, values, component="host", layer=name, phase=Phase.ANNEAL)
    return found


def test_counting_is_linear_in_reads() -> None:
    _, matrix, diagonal, chosen, heat, _ = drawn(3, "two-phase")
    annealer = Loihi2Annealer(matrix.indptr, matrix.indices, matrix.data, diagonal, chosen)
    schedule = Series(tuple(int(t) for t in heat))
    together = annealer.anneal(schedule, [1, 2, 3]).ledger
    assert together == sum((annealer.anneal(schedule, [k]).ledger for k in (1, 2, 3)), Ledger())


@lava
@pytest.mark.lava
@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
def test_annealer_kernel_and_lava(scheme: str) -> None:
    from substrates.loihi2.lava.annealer import LavaAnnealer

    for seed in (5, 8):
        _, matrix, diagonal, chosen, heat, _ = drawn(seed, scheme)
        both = [
            kind(matrix.indptr, matrix.indices, matrix.data, diagonal, chosen)
            for kind in (Loihi2Annealer, LavaAnnealer)
        ]
        for annealer in both:
            annealer.placement = spread(annealer.pattern, np.random.default_rng(seed))
        ours, theirs = (a.anneal(Series(tuple(int(t) for t in heat)), [seed]).ledger for a in both)
        assert ours == theirs


@lava
@pytest.mark.lava
def test_engine_and_lava_over_random_networks() -> None:
    from equipoise.conformance import MODELS
    from equipoise.conformance.network_cases import NetworkCase
    from substrates.loihi2.lava.run import run_program
    from substrates.loihi2.lava.watchdog import LavaSession
    from substrates.seeds import stream

    with LavaSession() as session:
        for model in ("mixed-network", "delays", "relaxation"):
            case = MODELS[model].make(stream(1, model), 25)
            assert isinstance(case, NetworkCase)
            theirs = run_program(case.program, 25, raw_weights=case.raw_weights, session=session)
            assert Engine(case.program).run(25).ledger == theirs.ledger
            placement = spread(case.program, np.random.default_rng(1))
            ours = Engine(case.program, placement=placement).run(25).ledger
            assert ours == count(case.program, placement, theirs.sent, 25)
