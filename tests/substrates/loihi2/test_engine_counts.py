"""Event counts against counting by hand, sizes, overflow, and input that cannot be used."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse as sp

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from substrates.loihi2.engine import Engine, Probe, StateOverflowError
from substrates.loihi2.neurons import LIF, GradedReLU, Relaxation, Sigma
from substrates.loihi2.neurons.relaxation import ACTIVATION_CODES, activation_table, relaxation_step
from substrates.loihi2.program import Placement, Program
from substrates.loihi2.synapses import Conv, Dense, Direct, Sparse, Synapses

STEPS = 30


def network(kind: str, rng: np.random.Generator) -> tuple[Program, Synapses, np.ndarray]:
    n, m = 24, 27
    if kind == "conv":
        synapses: Synapses = Conv(
            rng.integers(1, 100, (3, 2, 3, 2)), (4, 3, 2), padding=(1, 1), stride=(1, 2), dilation=(2, 1)
        )
    elif kind == "sparse":
        synapses = Sparse(rng.integers(-90, 90, (m, n)) * (rng.random((m, n)) < 0.3))
    elif kind == "delayed":
        synapses = Dense(rng.integers(-90, 90, (m, n)), delays=rng.integers(0, 9, (m, n)))
    else:
        synapses = Dense(rng.integers(-90, 90, (m, n)))
    program = Program()
    program.source("in", rng.integers(0, 500, (STEPS, n)))
    program.population("a", n, LIF(du=200, dv=100, vth=400))
    program.population("b", synapses.shape[0], LIF(vth=3000))
    program.connect("in", "a", Direct(n))
    program.connect("a", "b", synapses)
    return program, synapses, reached(synapses)


def reached(synapses: Synapses) -> np.ndarray:
    """(targets, sources) True where there is a synapse, found by sending one message per source."""
    m, n = synapses.shape
    if isinstance(synapses, Dense):
        return np.ones((m, n), bool)
    if isinstance(synapses, Sparse):
        csc = sp.csc_matrix((synapses.values, synapses.indices, synapses.indptr), shape=(m, n))
        return csc.toarray() != 0
    program = Program()
    program.source("in", np.eye(n, dtype=int))
    program.population("out", m, GradedReLU(vth=0))
    program.connect("in", "out", synapses)
    return Engine(program).run(n + 1, [Probe("out")]).probes["out", "messages"][1:].T != 0


@pytest.mark.parametrize("kind", ["dense", "delayed", "sparse", "conv"])
def test_counts_equal_counting_by_hand(kind: str) -> None:
    rng = np.random.default_rng(3)
    program, synapses, there = network(kind, rng)
    n, m = program.size("a"), program.size("b")
    cores = {"a": rng.integers(0, 5, n).astype(np.int32), "b": rng.integers(0, 90, m).astype(np.int32)}
    run = Engine(program, placement=Placement(cores, cores_per_chip=60)).run(STEPS, [Probe("a"), Probe("b")])
    fired = run.probes["a", "messages"] != 0
    total = run.ledger.total
    assert fired.sum() > 20
    assert total(Event.MESSAGES, layer="a") == fired.sum()
    assert total(Event.NEURON_UPDATES_ACTIVE) == fired.sum() + (run.probes["b", "messages"] != 0).sum()
    assert total(Event.NEURON_UPDATES_ACTIVE) + total(Event.NEURON_UPDATES_INACTIVE) == STEPS * (n + m)
    assert total(Event.STEPS) == STEPS
    within = between = chips = x = y = operations = words = whole_words = 0
    per_core = np.zeros(90, int)
    for s in np.nonzero(fired)[1]:
        targets = np.nonzero(there[:, s])[0]
        operations += targets.size
        whole_words += -(-targets.size * synapses.bits_per_synapse // 64)
        for core in np.unique(cores["b"][targets]):
            words += -(-int((cores["b"][targets] == core).sum()) * synapses.bits_per_synapse // 64)
        for t in targets:
            per_core[cores["b"][t]] += 1
        for core in {int(cores["b"][t]) for t in targets}:
            here = int(cores["a"][s])
            within += core == here
            chips += core // 60 != here // 60
            if core != here and core // 60 == here // 60:
                between += 1
                a, b = here % 60 // 4, core % 60 // 4
                x, y = x + abs(a % 8 - b % 8), y + abs(a // 8 - b // 8)
    assert total(Event.SYNAPTIC_OPERATIONS) == operations
    assert [total(Event.SYNAPTIC_OPERATIONS, core=c) for c in range(90)] == per_core.tolist()
    assert total(Event.SYNAPTIC_MEMORY_READS) == words
    assert total(Event.MESSAGES_WITHIN_CORE) == within
    assert total(Event.MESSAGES_BETWEEN_CORES) == between
    assert total(Event.MESSAGES_BETWEEN_CHIPS) == chips
    assert total(Event.HOPS_EAST_WEST) == x
    assert total(Event.HOPS_NORTH_SOUTH) == y
    bare = Engine(program).run(STEPS).ledger
    assert bare.total(Event.SYNAPTIC_OPERATIONS) == operations
    assert bare.total(Event.SYNAPTIC_MEMORY_READS) == whole_words
    assert bare.total(Event.MESSAGES_BETWEEN_CORES) == 0
    assert run.ledger.total(Event.HOST_READS) == STEPS * (n + m)
    assert run.ledger.total(Event.HOST_WRITES) == run.ledger.total(Event.MESSAGES, component="sources")


def test_two_runs_are_one_long_run() -> None:
    program, _, _ = network("delayed", np.random.default_rng(4))
    engine = Engine(program)
    whole = engine.run(STEPS, [Probe("b", "v")])
    end = engine.state("b")["v"].copy()
    engine.reset()
    parts = [engine.run(k, [Probe("b", "v")]) for k in (7, 0, 1, STEPS - 8)]
    assert (np.concatenate([p.probes["b", "v"] for p in parts]) == whole.probes["b", "v"]).all()
    assert (engine.state("b")["v"] == end).all()
    assert sum((p.ledger for p in parts[1:]), parts[0].ledger).totals() == whole.ledger.totals()


def test_zero_steps_do_nothing() -> None:
    program, _, _ = network("dense", np.random.default_rng(4))
    run = Engine(program).run(0, [Probe("b")])
    assert run.steps == 0
    assert run.ledger.totals() == {}
    assert run.probes["b", "messages"].shape == (0, 27)


def test_source_repeats_and_ends() -> None:
    for repeat, expected in ((True, [5, 0, 5, 0, 5]), (False, [5, 0, 0, 0, 0])):
        program = Program()
        program.source("in", [[5], [0]], repeat=repeat)
        program.population("out", 1, GradedReLU(vth=0))
        program.connect("in", "out", Direct(1))
        assert Engine(program).run(5, [Probe("out")]).probes["out", "messages"].ravel().tolist() == expected


def test_probe_every_other_step() -> None:
    program, _, _ = network("dense", np.random.default_rng(4))
    all_of_them = Engine(program).run(STEPS, [Probe("b", "u")]).probes["b", "u"]
    some = Engine(program).run(STEPS, [Probe("a"), Probe("b", "u", every=7)]).probes["b", "u"]
    assert (some == all_of_them[6::7]).all()


@pytest.mark.parametrize("activation", ACTIVATION_CODES)
def test_relaxation_population_is_the_scalar_rule(activation: str) -> None:
    rng = np.random.default_rng(8)
    n = 6
    neuron = Relaxation(activation, rng.integers(-(2**17), 2**17, n), 1, 300, 4, 3)
    table, low, width = activation_table(activation)
    state = neuron.rest(n)
    plain = [(0, 0, 0, 0)] * n
    for t in range(60):
        a_in = rng.integers(-(2**20), 2**20, n)
        messages, _ = neuron.step(state, a_in, t + 1)
        for i in range(n):
            plain[i], message = relaxation_step(
                plain[i], int(a_in[i]), int(neuron.bias[i]), 3, 1, ACTIVATION_CODES[activation], table, low, width, 16,
                300, 4,
            )  # fmt: skip
            assert messages[i] == message
            assert state.values[:, i].tolist() == list(plain[i])


def test_strict_stops_at_the_step_of_the_overflow() -> None:
    program = Program()
    program.source("in", [[2**22]], repeat=True)
    program.population("sum", 1, Sigma())
    program.connect("in", "sum", Direct(1))
    engine = Engine(program, strict=True)
    engine.run(1)
    with pytest.raises(StateOverflowError, match=r"step 2.*'sum'"):
        engine.run(5)
    assert engine.time == 2
    assert Engine(program).run(6).overflows == {"sum": 5}


def test_a_million_neurons_and_ten_million_synapses() -> None:
    """Memory linear in the network: under 4 GB, all copies included; and it runs."""
    n, k = 1_000_000, 10
    rng = np.random.default_rng(0)
    data = rng.integers(1, 100, n * k)
    matrix = sp.csc_array((data, rng.integers(0, n, n * k), np.arange(0, n * k + 1, k)), shape=(n, n))
    program = Program()
    program.population("a", n, LIF(vth=1000, bias_mant=rng.integers(0, 3000, n)))
    program.connect("a", "a", Sparse(matrix))
    engine = Engine(program)
    run = engine.run(3)
    assert engine.memory_bytes < 1_000_000_000
    assert run.ledger.total(Event.NEURON_UPDATES_ACTIVE) + run.ledger.total(Event.NEURON_UPDATES_INACTIVE) == 3 * n


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Dense([[300]]), "300"),
        (lambda: Dense([[0.5]]), "0.5"),
        (lambda: Dense([[1, 2]], delays=64), "63"),
        (lambda: Dense([[1, 2]], delays=[[1]]), "shape"),
        (lambda: Dense([1, 2]), "targets, sources"),
        (lambda: Dense([[1]], bits=9), "weight bits"),
        (lambda: Dense([[-1]], sign_mode=2), "wrong sign"),
        (lambda: Dense([[float("nan")]]), "nan"),
        (lambda: Dense([[-256]]), "mixed signs"),
        (lambda: Sparse([["a"]]), "SciPy sparse"),
        (lambda: Conv(np.ones((2, 3, 3, 1), int), (2, 2, 1)), "no output"),
        (lambda: Conv(np.ones((2, 3, 3, 1), int), (4, 4, 3)), "groups"),
        (lambda: LIF(du=4096), "du"),
        (lambda: LIF(vth=-1), "vth"),
        (lambda: LIF(bias_mant=5000), "bias_mant"),
        (lambda: Relaxation("softplus"), "softplus"),
        (lambda: Relaxation(threshold=1, message_shift=4), "16"),
        (lambda: Program().population("a", 0, LIF()), "number of neurons"),
        (lambda: Program().population("a", 2, LIF(), w=1), "u, v"),
        (lambda: Program().population("a", 2, LIF(bias_mant=[1, 2, 3])), "3 values for 2"),
        (lambda: Program().connect("a", "b", Direct(1)), "'b'"),
        (lambda: Program().events("s", 2, [1], [2]), "indices"),
        (lambda: Engine(Program()), "no population"),
    ],
)
def test_bad_input_is_named(make, says: str) -> None:
    with pytest.raises(InputError, match=says):
        make()


def test_connection_of_the_wrong_size_is_named() -> None:
    program = Program()
    program.population("a", 3, LIF())
    with pytest.raises(InputError, match="3 neurons"):
        program.connect("a", "a", Dense(np.ones((2, 3), int)))
    with pytest.raises(InputError, match="starts at a source"):
        program.connect("a", "a", Direct(3))
    with pytest.raises(InputError, match="taken"):
        program.population("a", 3, LIF())
    engine = Engine(program)
    with pytest.raises(InputError, match="messages, u, v"):
        engine.run(1, [Probe("a", "w")])
    with pytest.raises(InputError, match="no population"):
        engine.state("b")
