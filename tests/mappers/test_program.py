"""From programs and problems to connectivity: the synapses the program counts; the engine takes the placement."""

from __future__ import annotations

import numpy as np
import pytest

from hw_profiles.ledger import Event
from hw_profiles.pricing import price
from hw_profiles.profile import load_profile
from mappers import DoesNotFitError
from mappers.chip_models import chip_models, needs_microcode
from mappers.placement import place
from mappers.program import connectivity_of, place_on_smallest, place_program
from substrates.loihi2 import neurons
from substrates.loihi2.annealing import Settings
from substrates.loihi2.annealing.program import pattern_program
from substrates.loihi2.engine import Engine
from substrates.loihi2.neurons import NEURONS
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Conv, Dense, Sparse


def program() -> Program:
    rng = np.random.default_rng(0)
    made = Program()
    made.source("in", rng.integers(0, 2, (5, 12)))
    made.population("a", 50, neurons.LIF(vth=1, bias_mant=100))
    made.population("b", 3 * 4 * 2, neurons.LIF(vth=1))
    made.population("c", 7, neurons.SigmaDelta())
    made.connect("in", "a", Dense(rng.integers(-9, 9, (50, 12))))
    made.connect("a", "a", Sparse(np.where(rng.random((50, 50)) < 0.1, 64, 0)))
    made.connect("a", "b", Conv(rng.integers(-9, 9, (2, 2, 3, 1)), (5, 10, 1), stride=(2, 3), padding=(1, 1)))
    made.connect("b", "c", Dense(rng.integers(-9, 9, (7, 24))))
    return made


def test_fan_out_is_that_of_the_synapses() -> None:
    made = program()
    net = connectivity_of(made)
    for name, start in (("a", 0), ("b", 50), ("c", 74)):
        expected = sum(
            (link.synapses.fan_out() for link in made.connections if link.source == name),
            np.zeros(made.size(name), int),
        )
        np.testing.assert_array_equal(np.diff(net.indptr)[start : start + made.size(name)], expected)
    assert [group.dense for group in net.groups] == [False, False, True]


def test_conv_targets_are_those_the_engine_reaches() -> None:
    """One spike of each source neuron changes exactly the neurons that the mapper lists."""
    kernel = np.ones((2, 2, 3, 2), int)
    synapses = Conv(kernel, (4, 6, 4), stride=(1, 2), padding=(1, 0), dilation=(2, 1), groups=2)
    m, n = synapses.shape
    made = Program()
    made.population("in", n, neurons.LIF(vth=0))
    made.population("out", m, neurons.Sigma())
    made.connect("in", "out", synapses)
    net = connectivity_of(made)
    for i in range(n):
        single = Program()
        single.events("in", n, [1], [i])
        single.population("out", m, neurons.Sigma())
        single.connect("in", "out", synapses)
        engine = Engine(single)
        engine.run(2)
        reached = np.flatnonzero(engine.state("out")["sigma"]) + n
        np.testing.assert_array_equal(np.unique(net.indices[net.indptr[i] : net.indptr[i + 1]]), reached)


def test_the_engine_counts_messages_by_our_placement() -> None:
    made = program()
    cores, placed = place_program(made, "nahuku")
    assert placed.utilisation.cores_used == 3
    ledger = Engine(made, placement=cores).run(20).ledger
    assert ledger.total(Event.MESSAGES_BETWEEN_CORES) > 0
    assert set(cores.cores) == set(made.populations)


def test_a_problem_takes_three_kinds_of_core() -> None:
    """As the published compile report of a 100-variable problem shows: variables, cost, temperature."""
    rng = np.random.default_rng(0)
    a = np.triu(rng.random((100, 100)) < 0.05, 1)
    a = a | a.T
    indptr = np.concatenate([[0], np.cumsum(a.sum(axis=1))])
    indices = np.nonzero(a)[1]
    made = pattern_program(indptr, indices, np.ones_like(indices), 100, Settings())
    use = place(connectivity_of(made), "oheo-gulch").utilisation
    assert use.cores_used == 3
    assert use.neurons.tolist() == [100, 1, 1]
    assert use.synapses.tolist() == [2 * int(a.sum()) + 200, 100, 0]
    n = 2600  # all coupled: whole rows of bytes, twice
    dense = np.arange(0, n * (n - 1) + 1, n - 1)
    full = np.concatenate([np.delete(np.arange(n, dtype=np.int32), i) for i in range(n)])
    with pytest.raises(DoesNotFitError, match="cores, there are 120"):
        place_program(pattern_program(dense, full, np.ones_like(full), n, Settings()), "oheo-gulch")


def test_what_needs_microcode() -> None:
    assert needs_microcode(NEURONS) == (
        "annealing-eviction", "delta-encoder", "lif-adaptive", "lif-refractory", "lif-reset", "lif-ternary",
        "phased-relaxation", "product", "relaxation", "rf-zero",
    )  # fmt: skip
    assert needs_microcode(["something new"]) == ("something new",)
    assert all(model.source for model in chip_models(NEURONS).values())


def test_synapses_of_inputs_are_stored_where_they_lead() -> None:
    """By hand: 900 neurons of 256 inputs take 230,400 bytes of rows and a header of 8 bytes an input on each core."""
    made = Program()
    made.source("in", np.zeros((1, 256), int))
    made.population("a", 900, neurons.LIF(vth=1))
    made.connect("in", "a", Dense(np.ones((900, 256), int)))
    use = place_program(made, "oheo-gulch")[1].utilisation
    assert use.cores_used == 2
    assert use.synapses.sum() == 900 * 256
    np.testing.assert_array_equal(use.synaptic_bytes, use.neurons * 256 + 8 * 256)
    assert (use.synaptic_bytes <= 131_072).all()
    np.testing.assert_array_equal(use.fan_in, [256, 256])


def test_a_program_goes_on_the_smallest_system_that_holds_it() -> None:
    made = Program()
    made.source("in", np.zeros((1, 4200), int))
    made.population("a", 4200, neurons.LIF(vth=1))
    made.connect("in", "a", Dense(np.ones((4200, 4200), int)))
    cores, placed = place_on_smallest(made)
    assert placed.system.name == "kapoho-point"
    assert placed.utilisation.chips_used == 2
    assert cores.cores["a"].max() >= 120
    ledger = Engine(made, placement=cores).run(1).ledger
    assert price(ledger, load_profile("loihi2")).chips == 2
