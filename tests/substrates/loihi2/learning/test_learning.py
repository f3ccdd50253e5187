"""The learning engine: its grammar against Lava's own reader, its integers by hand, its counts, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.conformance import network_cases
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.lava.loader import lava_module, load_lava
from substrates.loihi2.lava.run import run_program
from substrates.loihi2.learning import LearningDense, LearningRule, LearningSparse, SpikeUse
from substrates.loihi2.learning.counting import rule_applications
from substrates.loihi2.learning.draws import CHUNK
from substrates.loihi2.learning.products import VARIABLES, parse
from substrates.loihi2.neurons import LIF
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Dense
from substrates.loihi2.weights import SignMode

STDP = LearningRule(dw="2^-2 * x1 * y0 - 2^-2 * y1 * x0", x1_impulse=16, x1_tau=10, y1_impulse=16, y1_tau=10, seed=1)

NUMBERS = st.one_of(
    st.integers(0, 7).map(str), st.integers(-3, 3).map(lambda e: f"2^{e}"),
    st.tuples(st.integers(1, 7), st.integers(-3, 3)).map(lambda m: f"{m[0]} * 2^{m[1]}"),
)  # fmt: skip
SMALL, SIGNS, NAMES = st.integers(0, 60), st.sampled_from("+-"), st.sampled_from(VARIABLES[2:])
FACTORS = st.one_of(
    NAMES,
    NUMBERS,
    st.tuples(NAMES, SIGNS, SMALL).map(lambda f: f"({f[0]} {f[1]} {f[2]})"),
    st.tuples(SMALL, SIGNS, NAMES).map(lambda f: f"({f[0]} {f[1]} {f[2]})"),
    st.tuples(st.sampled_from("wdt"), SIGNS, SMALL).map(lambda f: f"sgn({f[0]} {f[1]} {f[2]})"),
)


@st.composite
def rules(draw: st.DrawFn) -> str:
    """A sum of one to three products; all conditions u have one digit."""
    digit, text = draw(st.integers(0, 9)), draw(st.sampled_from(["", "-"]))
    for k in range(draw(st.integers(1, 3))):
        condition = draw(st.sampled_from(["x0", "y0", f"u{digit}"]))
        parts = [condition, *draw(st.lists(FACTORS, max_size=3))]
        text += (draw(st.sampled_from([" + ", " - "])) if k else "") + " * ".join(draw(st.permutations(parts)))
    return text


@pytest.mark.lava
@settings(max_examples=300, deadline=None)
@given(rules())
def test_rules_mean_what_lava_reads_in_them(text: str) -> None:
    load_lava()
    series = lava_module("lava.magma.core.learning.product_series").ProductSeries
    equation = lava_module("lava.magma.core.learning.symbolic_equation").SymbolicEquation
    try:
        theirs = series(equation("dw", text)).products
    except ValueError:
        with pytest.raises(InputError):
            parse(text)
        return
    ours = parse(text)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.mantissa, mine.exponent + 7) == (other.s_mantissa, other.s_exp)
        assert ("x0", "y0", "u")[mine.condition] == other.dependency
        assert mine.every == (0 if other.decimate_exponent is None else 2**other.decimate_exponent)
        found = [(factor.state_var, factor.const or 0, factor.is_sgn) for factor in other.factors]
        assert [(f.variable, f.constant, f.sign) for f in mine.factors] == found


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("x1 * y1", "condition"), ("x0 * (-y1)", "minus"), ("x0 / 2", "division"), ("0.75 * x0", "3 \\* 2"),
        ("x0 * u1", "one condition"), ("u12 * w", "digit"), ("x0 * (x1 + y1)", "brackets"), ("x0 x1", "missing"),
        ("9 * x0", "mantissas"), ("x0 * 2^9", "exponents"), ("x0 *", "ends"), ("sgn(x1 - 2) * x0", "sgn"),
        ("x0 * (x1 + 2^-1)", "integers"), ("x0 * q", "cannot be read"), ("3^2 * x0", "of two"), ("", "ends"),
        ("x0 * x1 * x1 * x1 * x1 * x1 * x1 * x1", "at most 6"),
    ],
)  # fmt: skip
def test_what_a_rule_cannot_say_is_refused_by_name(text: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        parse(text)


def two_neurons(rule: LearningRule, pre: list[int], post: list[int], **more: Any) -> Program:
    """One synapse; ``post`` says when the target neuron fires (one step after its drive)."""
    program = Program()
    program.source("pre", np.array(pre)[:, None])
    program.source("drive", np.array([*post[1:], 0])[:, None])  # one step for the synapse
    program.population("post", 1, LIF(du=4095, dv=4096, vth=60))
    program.connect("drive", "post", Dense([[64]]))
    program.connect("pre", "post", LearningDense([[20]], rule, **more), name="learning")
    return program


def test_spike_timing_by_hand() -> None:
    # x1 jumps to 16 at the first spike and is not decayed before the target fires (tau so long that nothing is lost)
    rule = LearningRule(dw="2^0 * x1 * y0", x1_impulse=16, x1_tau=2**20, epoch=1, seed=0)
    run = Engine(two_neurons(rule, [1, 0, 0, 1, 0], [0, 0, 1, 0, 1])).run(5, [Probe("learning", "weights")])
    # widths 7 + 4 are below 15: no shift down; 2^0 is 7 places up: 16 * 2^7 / 2^7 = 16, then 32 are added
    np.testing.assert_array_equal(run.probes["learning", "weights"][:, 0, 0], [20, 20, 36, 36, 68])


def test_weights_stop_at_the_ends_of_their_signs() -> None:
    up = LearningRule(dw="7 * 2^2 * x0")
    down = LearningRule(dw="-7 * 2^2 * x0")
    for rule, mode, end in ((up, SignMode.MIXED, 255), (up, SignMode.EXCITATORY, 255), (down, SignMode.EXCITATORY, 0)):
        engine = Engine(two_neurons(rule, [1] * 40, [0] * 40, sign_mode=mode))
        engine.run(40)
        assert engine.synapses("learning").item() == end
    engine = Engine(two_neurons(down, [1] * 40, [0] * 40))
    engine.run(40)
    assert engine.synapses("learning").item() == -256


def test_a_reward_decides_which_synapses_keep_their_tag() -> None:
    """Three factors: a tag remembers a coincidence, and the reward, when it comes, turns tags into weights."""
    rule = LearningRule(
        dt="2^0 * x1 * y0", dw="2^-1 * t * y1 * u0", x1_impulse=16, x1_tau=2**20, third_factor=True, seed=4
    )
    program = Program()
    program.source("pre", np.array([[1, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0]]))
    program.source("drive", np.array([[1], [0], [0], [0], [0], [0]]))
    program.source("reward", np.array([[0], [0], [0], [0], [9], [0]]))
    program.population("post", 1, LIF(du=4095, dv=4096, vth=60))
    program.connect("drive", "post", Dense([[64]]))
    program.connect("pre", "post", LearningDense([[10, 10]], rule), name="learning", hears={"y1": "reward"})
    run = Engine(program).run(6, [Probe("learning", "weights"), Probe("learning", "tags")])
    assert run.probes["learning", "tags"][-1].tolist() == [[16, 0]]
    weights = run.probes["learning", "weights"][:, 0]
    assert (weights[:4] == 10).all()  # no reward yet
    assert weights[-1, 0] > 10 == weights[-1, 1]


def test_pieces_and_chunks_change_no_bit() -> None:
    steps = CHUNK + 40
    rng = np.random.default_rng(3)
    program = Program()
    program.source("pre", (rng.random((97, 5)) < 0.3).astype(int), repeat=True)
    program.population("post", 4, LIF(du=4095, dv=1000, vth=4))
    program.connect("pre", "post", LearningDense(rng.integers(0, 90, (4, 5)), STDP), name="learning")
    whole, pieces = Engine(program), Engine(program)
    at_once = whole.run(steps, [Probe("learning", "weights", every=7)])
    parts = [pieces.run(n, [Probe("learning", "weights", every=7)]) for n in (7, CHUNK - 2, 35)]
    np.testing.assert_array_equal(whole.synapses("learning"), pieces.synapses("learning"))
    np.testing.assert_array_equal(whole.synapses("learning", "x1"), pieces.synapses("learning", "x1"))
    assert len(at_once.probes["learning", "weights"]) == steps // 7
    updates = [run.ledger.total(Event.SYNAPTIC_UPDATES) for run in (at_once, *parts)]
    assert updates[0] == sum(updates[1:]) > 0
    whole.reset()
    np.testing.assert_array_equal(whole.synapses("learning"), program.connections[0].synapses.matrix(  # type: ignore[attr-defined]
        program.connections[0].synapses.values)[0])  # type: ignore[attr-defined]  # fmt: skip
    again = whole.run(steps, [Probe("learning", "weights", every=7)])
    np.testing.assert_array_equal(again.probes["learning", "weights"], at_once.probes["learning", "weights"])


@pytest.mark.lava
@pytest.mark.parametrize("seed", range(6))
def test_engine_lava_and_spikes_count_the_same_updates(seed: int) -> None:
    case = network_cases.learning(np.random.default_rng(seed), 40)
    connection = next(c for c in case.program.connections if c.hears)
    if connection.synapses.spikes == SpikeUse.ADD_OVERFLOW:  # type: ignore[attr-defined]
        pytest.skip("there a spike counts only when its trace overflows")
    names = [connection.outlet, connection.hears["spikes"]]
    run = Engine(case.program).run(40, [Probe(name) for name in names])
    sent = [run.probes[name, "messages"] != 0 for name in names]
    expected = int(rule_applications(connection.synapses, *sent).sum())  # type: ignore[arg-type]
    assert run.ledger.total(Event.SYNAPTIC_UPDATES) == expected
    there = run_program(case.program, 40)
    assert there.ledger.total(Event.SYNAPTIC_UPDATES) == expected


@pytest.mark.lava
def test_a_broken_rounding_is_seen_by_the_comparison_with_lava(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that cannot fail says nothing: with other random numbers it fails."""
    from substrates.loihi2.engine import engine as module
    from substrates.loihi2.lava.watchdog import LavaSession

    class Shifted(module.Draws):
        def __init__(self, rule: LearningRule) -> None:
            super().__init__(rule)
            for generator in self._shares:
                generator.random()

    monkeypatch.setattr(module, "Draws", Shifted)
    with LavaSession() as session:
        found = [
            network_cases.learning(np.random.default_rng(k), 40).run(session, "lava-sim", 60).mismatches
            for k in range(12)
        ]
    assert sum(found) > 0


def test_sparse_synapses_learn_as_the_dense_ones_that_are_there() -> None:
    rng = np.random.default_rng(5)
    weights = rng.integers(1, 60, (6, 8)) * 2
    mask = rng.random((6, 8)) < 0.5
    rule = LearningRule(dw="2^-1 * x1 * y0 - 2^-2 * w * u1", dt="2^-3 * (y1 + 2) * x0", x1_impulse=20, x1_tau=6,
                        y1_impulse=30, y1_tau=9, epoch=3, seed=8)  # fmt: skip
    found = []
    for synapses in (LearningDense(weights * mask, rule), LearningSparse(weights * mask, rule)):
        program = Program()
        program.source("pre", (np.random.default_rng(1).random((60, 8)) < 0.3).astype(int))
        program.source("teach", (np.random.default_rng(2).random((60, 6)) < 0.2).astype(int))
        program.population("post", 6, LIF(vth=2**17))  # never fires: only the learning is compared
        program.connect("pre", "post", synapses, name="learning", hears={"spikes": "teach"})
        engine = Engine(program)
        engine.run(60)
        found.append([engine.synapses("learning", variable) for variable in ("weights", "tags")])
    for dense, sparse in zip(*found, strict=True):
        np.testing.assert_array_equal(dense * mask, sparse)
    assert (found[0][0] != weights * mask).any()


def test_bad_input_is_refused() -> None:
    program = two_neurons(STDP, [1], [0])
    for make, word in (
        (lambda: LearningRule(), "dw, dd or dt"),
        (lambda: LearningRule(dw="x0 * x1", x1_impulse=200), "127"),
        (lambda: LearningRule(dw="x0 * x1", x1_tau=-1), "tau"),
        (lambda: LearningRule(dw="x0 * x1", epoch=0), "epoch"),
        (lambda: LearningRule(dw="x0 * y1", y1_tau=3, third_factor=True), "outside"),
        (lambda: LearningRule(dw="u0 * w", dt="u1 * w"), "same digit"),
        (lambda: LearningDense([[1, 2]], STDP, tags=[[1], [2]]), "shape"),
        (lambda: LearningDense([[1, 2]], STDP, tags=300), "tags"),
        (lambda: LearningDense([[1, 2]], "x0"), "LearningRule"),  # type: ignore[arg-type]
        (lambda: LearningSparse([[0, 0]], STDP), "at least one"),
        (lambda: program.connect("pre", "post", LearningDense([[1]], STDP), hears={"y1": "pre"}), "third"),
        (lambda: program.connect("pre", "post", LearningDense([[1]], STDP), hears={"spikes": "nobody"}), "nobody"),
        (lambda: program.connect("pre", "post", Dense([[1]]), hears={"spikes": "post"}), "do not learn"),
        (lambda: Engine(program).run(1, [Probe("learning", "voltage")]), "voltage"),
        (lambda: Engine(program).synapses("drive->post"), "learning"),
    ):
        with pytest.raises(InputError, match=word):
            make()
