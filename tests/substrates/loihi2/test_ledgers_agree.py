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
from substrates.loihi2.program import Placement, Program


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


@pytest.mark.filterwarnings("ignore:the nudge does not reach", "ignore:.*left the 24-bit range")
@given(seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_batched_relaxation_and_engine(seed: int) -> None:
    """Every phase of every sample: the kernel's ledger of the batch is the sum of the engine's, input included."""
    import torch

    from substrates.base import Nudge, Stop
    from substrates.loihi2.relaxation import Loihi2Machine
    from substrates.loihi2.relaxation.export import program_of
    from substrates.loihi2.relaxation.phase_program import free_force
    from substrates.network import layered

    rng = np.random.default_rng(seed)
    sizes = [int(n) for n in rng.integers(2, 12, size=rng.integers(3, 5))]
    variant = str(rng.choice(["relaxation", "sigma-delta"]))
    plain = {"damping_shift": 0, "guard_bits": 0, "fraction_bits": 12, "message_bits": 12}
    fields = (
        {"variant": variant, **plain} if variant == "sigma-delta" else {"threshold": 2.0 ** -int(rng.integers(6, 15))}
    )
    network = layered(
        sizes, activation="relu" if variant == "sigma-delta" else "logistic", seed=int(rng.integers(2**31))
    )
    with torch.no_grad():
        for parameter in network.parameters():
            if rng.integers(2):  # few synapses: stored as sparse ones
                parameter *= torch.from_numpy(rng.random(tuple(parameter.shape)) < 0.2)
    machine = Loihi2Machine(network, **fields)
    machine.placement = spread(machine.pattern, rng)
    batch, steps = int(rng.integers(1, 4)), int(rng.integers(1, 30))
    drive = machine.drive(
        torch.from_numpy(rng.random((batch, sizes[0])) * (rng.random((batch, sizes[0])) < 0.7)).float()
    )
    at = machine.relax(drive, Stop(0))
    injected = Ledger(at.ledger)
    assert injected.total(Event.HOST_WRITES) == int(drive.messages.sum())
    nudge = Nudge(-0.5, torch.from_numpy(rng.integers(0, sizes[-1], batch)))
    for push in (None, nudge):
        before = at
        at = machine.relax(drive, Stop(steps), nudge=push, start=before)
        if machine.saturations:  # beyond 24 bits our states saturate, those of Lava's sigma-delta neuron do not
            return
        expected = Ledger()
        for sample in range(batch):
            force = None if push is None else free_force(machine, before, push, sample)
            program = program_of(machine.chip, before.state.states, sample, force)
            engine = Engine(program, placement=machine.placement)
            taken = int(at.steps[sample])
            state = "sigma" if variant == "sigma-delta" else "u"
            probes = [Probe(p.name, state, max(taken, 1)) for p in network.populations]
            expected.merge(in_phase(engine.run(taken, probes).ledger, Phase.of_nudge(None if push is None else -0.5)))
        ours = Ledger({k: n for k, n in at.ledger.items() if k.event is not Event.HOST_WRITES})
        assert ours == expected


def in_phase(ledger: Ledger, phase: Phase) -> Ledger:
    """The engine's counts in a phase, without what was under way when the program began: it is injected, not sent."""
    return Ledger({k._replace(phase=phase.value): n for k, n in ledger.items() if not k.layer.endswith("(under way)")})
