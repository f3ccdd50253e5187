"""Limits, stops, starts, bad input, and what is counted."""

import numpy as np
import pytest
from scipy import sparse

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from substrates.loihi2.annealing import Geometric, Linear, Loihi2Annealer, Reanneal, Series, Settings, TemperatureNeuron
from substrates.loihi2.annealing.metropolis_state import MetropolisRead
from substrates.loihi2.annealing.specification import CostIntegrator, ReferenceAnnealer
from substrates.loihi2.annealing.temperature_range import temperature_range


def problem(n=60, density=0.2, seed=0):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.integers(-9, 10, (n, n)) * (rng.random((n, n)) < density), 1)
    return upper + upper.T + np.diag(rng.integers(-9, 10, n))


def build(q, chosen=None):
    rows = sparse.csr_matrix(q - np.diag(np.diag(q)))
    return Loihi2Annealer(rows.indptr, rows.indices, rows.data, np.diag(q), chosen or Settings())


def test_zero_steps_return_the_start():
    q = problem()
    x = np.ones(60, np.uint8)
    result = build(q).anneal(Linear(10, 1, 100), [1], steps=0, start=x)
    assert (result.states[0] == x).all()
    assert result.costs[0] == q.sum()
    assert result.steps[0] == 0
    assert result.improvements[0].tolist() == [[0, q.sum()]]
    assert build(q).anneal(Linear(10, 1, 100), []).states.shape == (0, 60)


@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
def test_zero_temperature_accepts_no_rise(scheme):
    q = problem()
    chosen = Settings(scheme, exponent=0)
    reference = ReferenceAnnealer(q, 1, chosen)
    for _ in range(100):
        before = (1 - 2 * reference.x) * (np.diag(q) + 2 * reference.u)
        reference.step(0)
        assert (before[reference.flips] <= 0).all()
    if scheme == "two-phase":
        energy = (1 - 2 * reference.x) * (np.diag(q) + 2 * reference.u)
        assert (energy >= 0).all()


def test_all_positive_problem_stays_at_zero():
    q = np.abs(problem()) + np.eye(60, dtype=int)
    result = build(q).anneal(None, [1, 2], steps=500)
    assert (result.costs == 0).all()
    assert not result.states.any()


def test_target_timeout_and_interrupt():
    q = problem()
    annealer = build(q)
    best = annealer.anneal(None, [1], steps=3000)
    hit = annealer.anneal(annealer.schedule(3000), [1], target_cost=int(best.costs[0]))
    assert hit.costs[0] == best.costs[0]
    assert hit.steps[0] == best.best_steps[0] == hit.best_steps[0]
    assert annealer.anneal(None, [1], timeout_s=0.0).steps[0] == 0
    timed = annealer.anneal(None, [1], timeout_s=0.02)
    assert timed.steps[0] > 100
    assert timed.wall_ns[0] < 0.5e9
    calls = iter([False, False, True])
    stopped = annealer.anneal(None, [1], timeout_s=60.0, should_stop=lambda: next(calls))
    assert 0 < stopped.steps[0] < 10000


def test_every_improvement_is_noted():
    q = problem(200, 0.1, 3)
    result = build(q).anneal(None, [7], steps=2000)
    trace = result.improvements[0]
    assert (np.diff(trace[:, 0]) > 0).all()
    assert (np.diff(trace[:, 1]) < 0).all()
    assert trace[-1].tolist() == [result.best_steps[0], result.costs[0]]
    x = result.states[0].astype(np.int64)
    assert x @ q @ x == result.costs[0]


def test_more_improvements_than_the_kernel_notes_at_once():
    n = 3000  # every step at T = 0 of a complete graph flips about one neuron and improves
    annealer = Loihi2Annealer(
        np.arange(n + 1) * (n - 1),
        np.concatenate([np.delete(np.arange(n), i) for i in range(n)]),
        np.ones(n * (n - 1), np.int8),
        np.full(n, -4 * n),
        Settings(exponent=0, switch_bits=16),
    )
    result = annealer.anneal(Series((0,)), [1], steps=6000)
    assert len(result.improvements[0]) > 1100
    assert (np.diff(result.improvements[0][:, 1]) < 0).all()


@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
def test_counts_are_those_of_the_specification(scheme):
    q = problem()
    chosen = Settings(scheme, exponent=0)
    fan_out = (q - np.diag(np.diag(q)) != 0).sum(1)
    reference = ReferenceAnnealer(q, 4, chosen)
    suggested = flips = synapses = flip_synapses = shares = 0
    heat = np.linspace(30, 2, 80).astype(int)
    for temperature in heat:
        reference.step(int(temperature))
        suggested += int(reference.suggested.sum())
        synapses += int(fan_out[reference.suggested].sum())
        flips += int(reference.flips.sum())
        flip_synapses += int(fan_out[reference.flips].sum())
        shares += int(reference.x.sum())
    ledger = build(q, chosen).anneal(Series(tuple(heat)), [4]).ledger
    hardware = (160 if scheme == "two-phase" else 80) + 3
    # the last assignment's cost is reported again while it is read out
    shares += int(reference.x.sum()) * (1 if scheme == "two-phase" else 2)
    assert ledger.total(Event.STEPS) == hardware
    assert ledger.total(Event.MESSAGES, layer="variables") == flips
    assert ledger.total(Event.SYNAPTIC_OPERATIONS, layer="variables") == flip_synapses
    assert ledger.total(Event.MESSAGES, layer="variables.share") == shares
    every = ledger.total(Event.NEURON_UPDATES_ACTIVE, layer="variables")
    every += ledger.total(Event.NEURON_UPDATES_INACTIVE, layer="variables")
    assert every == hardware * 60
    if scheme == "two-phase":
        assert ledger.total(Event.MESSAGES, layer="variables.suggest") == suggested
        assert ledger.total(Event.SYNAPTIC_OPERATIONS, layer="variables.rivals") == synapses


def test_schedules():
    assert Linear(10, 0, 11).temperatures(0, 12).tolist() == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert Series((5, 3)).temperatures(1, 3).tolist() == [3, 3, 3]
    assert Geometric(64, 1, 7).temperatures(0, 7).tolist() == [64, 32, 16, 8, 4, 2, 1]
    grown = Reanneal(8, 1, shortest=4, growth=2, longest=10)
    pieces = [Linear(8, 1, length).temperatures(0, length) for length in (4, 8, 10, 10)]
    assert (grown.temperatures(0, 32) == np.concatenate(pieces)).all()
    assert (grown.temperatures(9, 20) == np.concatenate(pieces)[9:29]).all()
    with pytest.raises(InputError, match="longest"):
        Reanneal(8, 1, shortest=4, longest=3)
    again = Reanneal(8, 1, shortest=4, growth=2)
    whole = again.temperatures(0, 30)
    assert (np.concatenate([again.temperatures(k, 1) for k in range(30)]) == whole).all()
    assert whole[[0, 3, 4, 11, 12]].tolist() == [8, 1, 8, 1, 8]
    for bad in (lambda: Linear(1, 2), lambda: Linear(70000, 1), lambda: Series(()), lambda: Geometric(4, 0)):
        with pytest.raises(InputError):
            bad()


def test_temperature_neuron():
    linear = {"maximum": 10, "minimum": 3, "delta": 3, "steps_per_temperature": 2}
    assert TemperatureNeuron(**linear).temperatures(0, 8).tolist() == [10, 10, 7, 7, 4, 4, 4, 4]
    assert TemperatureNeuron(**linear, floor="reset").temperatures(0, 8).tolist() == [10, 10, 7, 7, 4, 4, 10, 10]
    assert TemperatureNeuron(**linear, floor="zero").temperatures(4, 4).tolist() == [4, 4, 0, 0]
    falling = TemperatureNeuron(100, 1, 230, 8, kind="geometric")
    assert falling.temperatures(0, 4).tolist() == [100, 89, 79, 70]
    assert falling.temperatures(5000, 1)[0] == falling.levels[-1] >= 1
    for bad in (
        {"maximum": 70000},
        {"maximum": 1, "delta": 600, "exponent": 8, "kind": "geometric"},
        {"maximum": 1, "floor": "x"},
    ):
        with pytest.raises(InputError):
            TemperatureNeuron(**bad)


def test_temperature_range_scales_with_the_problem():
    rng = np.random.default_rng(0)
    energies = rng.integers(1, 100, 500)
    high, low = temperature_range(energies, -10000)
    assert high > low > 0
    assert np.allclose(temperature_range(7 * energies, -70000), (7 * high, 7 * low))
    assert temperature_range(np.zeros(5, np.int64), 0) == (1.0, 1.0)


def test_range_and_exponent_keep_the_state_in_24_bits():
    annealer = build(problem() * 3000)
    high, low = annealer.temperature_range()
    assert 0 < low <= high <= 65535
    assert annealer.layout.worst * 2.0**annealer.exponent < 2**23


def test_cost_integrator_splits_and_latches():
    unit = CostIntegrator()
    assert not unit.integrate(np.array([0]), 1)
    assert unit.integrate(np.array([-5, 2]), 2)
    assert (unit.high, unit.low) == (-1, 2**24 - 3)
    assert (unit.high << 24) + unit.low == -3
    assert not unit.integrate(np.array([-3]), 3)
    assert unit.integrate(np.array([-(2**25)]), 4)
    assert unit.history == [(2, -3), (4, -(2**25))]


@pytest.mark.parametrize(
    ("arrays", "part"),
    [
        (([0, 1], [0], [1], []), "at least one variable"),
        (([0, 0], [], [], [2**24]), "24-bit"),
        (([0, 1, 2], [5, 0], [1, 1], [0, 0]), "column numbers"),
        (([0, 0], [], [], [0.5]), "whole numbers"),
        (([0, 2, 1], [1, 0], [1, 1], [0, 0]), "indptr"),
    ],
)
def test_bad_problems(arrays, part):
    with pytest.raises(InputError, match=part):
        Loihi2Annealer(*(np.array(a) for a in arrays))


def test_bad_requests():
    annealer = build(problem())
    for wrong in (
        {},
        {"steps": -1},
        {"timeout_s": -1.0},
        {"steps": 1, "threads": 0},
        {"steps": 1, "start": np.zeros(3)},
        {"steps": 1, "start": np.full(60, 2)},
    ):
        with pytest.raises(InputError):
            annealer.anneal(None, [1], **wrong)
    for wrong in ({"scheme": "x"}, {"random_bits": 0}, {"refractory_scaling": 9}, {"exponent": 40}):
        with pytest.raises(InputError):
            Settings(**wrong)
    with pytest.raises(InputError):
        build(problem(), Settings(exponent=18))


def test_warm_start_is_kept():
    q = problem()
    annealer = build(q)
    found = annealer.anneal(None, [1], steps=2000)
    warm = annealer.anneal(Series((0,)), [2], steps=10, start=found.states[0])
    assert warm.costs[0] <= found.costs[0]
    read = MetropolisRead(annealer.layout, 1, annealer.settings, found.states[0], 0)
    assert read.cost == found.costs[0]
