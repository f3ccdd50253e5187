"""One engine fed with sample after sample gives what a fresh engine gives for each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equipoise.network_run import run_network
from hw_profiles.errors import InputError
from mappers.program import place_on_smallest
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.formats import as_network
from substrates.loihi2.neurons import LIF, SigmaDelta
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Dense, Sparse

RNG = np.random.default_rng(2)
FEED, ON = Dense(RNG.integers(-60, 90, (7, 5))), Sparse(RNG.integers(-60, 90, (4, 7)))


def network(raster: np.ndarray, bias: int = 0, vth: int = 20) -> Program:
    program = Program()
    program.source("in", raster)
    program.population("a", 7, LIF(du=300, dv=200, vth=vth, bias_mant=bias), v=np.arange(7) * 100)
    program.population("b", 4, LIF(du=100, dv=90, vth=30))
    program.connect("in", "a", FEED)
    program.connect("a", "b", ON)
    return program


def test_fed_engines_equal_fresh_ones() -> None:
    first = network(np.zeros((1, 5), int))
    cores, _ = place_on_smallest(first)
    fed = Engine(first, placement=cores)
    probes = [Probe("a"), Probe("b", "v")]
    for k in range(6):
        program = network((np.random.default_rng(k).random((20 + k, 5)) < 0.4).astype(int), bias=40 * k)
        fed.feed(program)
        mine, fresh = fed.run(30, probes), Engine(program, placement=cores).run(30, probes)
        for probe in probes:
            key = (probe.population, probe.variable)
            np.testing.assert_array_equal(mine.probes[key], fresh.probes[key])
        assert dict(mine.ledger) == dict(fresh.ledger)
        assert mine.overflows == fresh.overflows


def test_counts_of_fed_runs_add_up() -> None:
    program = network((RNG.random((20, 5)) < 0.4).astype(int))
    engine = Engine(program)
    parts = [engine.run(n).ledger for n in (3, 9, 11)]
    whole = Engine(program).run(23).ledger
    assert dict(parts[0] + parts[1] + parts[2]) == dict(whole)


def test_another_network_is_refused() -> None:
    engine = Engine(network(np.zeros((1, 5), int)))
    other = network(np.zeros((1, 5), int), vth=21)
    wider = network(np.zeros((1, 5), int))
    wider.population("c", 2, SigmaDelta())
    for program in (other, wider):
        with pytest.raises(InputError, match="only sources and biases"):
            engine.feed(program)


def test_samples_of_a_network_are_alone() -> None:
    """Every sample's messages are those that it has when it runs by itself."""
    inputs = (np.random.default_rng(5).random((9, 25, 5)) < 0.4).astype(int)
    net = as_network(network(np.zeros((1, 5), int)), "made")
    together = run_network(net, inputs=inputs)
    for k in (0, 4, 8):
        alone = run_network(replace(net), inputs=inputs[k])
        np.testing.assert_array_equal(alone.outputs[0], together.outputs[k])
    apart = [run_network(net, inputs=inputs[k]).ledger for k in range(9)]
    total = apart[0]
    for ledger in apart[1:]:
        total = total + ledger
    assert dict(total) == dict(together.ledger)
