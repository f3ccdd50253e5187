"""Phases and learning on the chip: against the implicit solution, closed forms, and at their limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from substrates.base import Nudge, Stop
from substrates.loihi2.random import stream_key
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.loihi2.relaxation.learning import ACCUMULATOR_MAX, LocalLearner, noise_correlation, stochastic_shift
from substrates.loihi2.relaxation.phases import PhaseSchedule, measure_response, rescale, response_shifts
from substrates.network import layered

SIZES = [8, 16, 12, 4]


def setup(**fields):
    network = layered(SIZES, seed=4)
    x = torch.rand(6, 8, generator=torch.Generator().manual_seed(1))
    return Loihi2Machine(network, **fields), x, torch.arange(6) % 4


def linear_response(machine, activities, target):
    """dv/dbeta = (D^-1 - W)^-1 c, solved densely in floats with the stored weights."""
    offset, n = machine.chip.rules.offset, machine.chip.num_neurons
    w = np.zeros((n, n))
    for c in machine.chip.recurrent_couplings:
        rows, cols = slice(*offset[c.target : c.target + 2]), slice(*offset[c.source : c.source + 2])
        w[rows, cols] = c.mantissas * 2.0**c.exponent
    v = torch.cat(activities, dim=1).double().numpy()
    force = np.zeros_like(v)
    force[:, offset[-2] :] = machine.network.cost.gradient(activities[-1], target).numpy()
    slope = 4 * v * (1 - v)
    return np.stack([np.linalg.solve(np.diag(1 / slope[b]) - w, force[b]) for b in range(len(v))])


def cosine(a, b):
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def test_the_centered_response_is_the_linear_one() -> None:
    machine, x, y = setup(threshold=2.0**-16)
    response = measure_response(machine, machine.drive(x), y, PhaseSchedule(300, 100, beta=0.25))
    exact = linear_response(machine, response.free.activities, y)
    assert cosine(response.error / response.scale, exact) > 0.995
    assert abs(np.linalg.norm(response.error / response.scale) / np.linalg.norm(exact) - 1) < 0.05


def test_lock_in_agrees_with_the_centered_difference() -> None:
    machine, x, y = setup(threshold=2.0**-16)
    drive = machine.drive(x)
    centered = measure_response(machine, drive, y, PhaseSchedule(200, 60))
    wave = measure_response(machine, drive, y, PhaseSchedule(200, 60, periods=4, skip=1))
    a, b = centered.error / centered.scale, wave.error / wave.scale
    assert cosine(a, b) > 0.99
    # The first steps of a half period still carry the other sign: the wave sees less than the whole response.
    assert 0.7 < np.linalg.norm(b) / np.linalg.norm(a) < 1.05


def test_going_on_under_the_same_nudge_is_the_same_phase() -> None:
    machine, x, y = setup()
    drive = machine.drive(x)
    free = machine.relax(drive, Stop(50))
    whole = machine.relax(drive, Stop(9), nudge=Nudge(0.5, y), start=free)
    half = machine.relax(drive, Stop(4), nudge=Nudge(0.5, y), start=free)
    half = machine.relax(drive, Stop(5), nudge=Nudge(0.5, y), start=half)
    np.testing.assert_array_equal(whole.state.states.u, half.state.states.u)
    # Minus straight after plus takes its force from the free state, as minus from free does.
    direct = machine.relax(drive, Stop(300), nudge=Nudge(-0.5, y), start=free)
    after = machine.relax(drive, Stop(300), nudge=Nudge(-0.5, y), start=whole)
    assert max(float((a - b).abs().max()) for a, b in zip(direct.activities, after.activities)) < 5e-3


def test_a_coarse_threshold_is_diagnosed_by_silent_neurons() -> None:
    machine, x, y = setup(threshold=2.0**-14)
    response = measure_response(machine, machine.drive(x), y)
    assert max(response.silent_share(machine.chip.rules)) < 0.2
    assert max(machine.silent_share) < 0.2
    machine, x, y = setup(threshold=0.9)
    with pytest.warns(UserWarning, match="swallows"):
        response = measure_response(machine, machine.drive(x), y)
    assert min(response.silent_share(machine.chip.rules)[:-1]) > 0.95


def test_a_vanishing_nudge_gives_no_response() -> None:
    machine, x, y = setup(threshold=2.0**-14)
    response = measure_response(machine, machine.drive(x), y, PhaseSchedule(300, 30, beta=1e-6))
    assert not response.error.any()


def test_rescaling_fills_the_spike_and_never_overflows_it() -> None:
    machine, x, y = setup()
    response = measure_response(machine, machine.drive(x), y)
    rules = machine.chip.rules
    shifts = response_shifts(response.error, rules)
    scaled = rescale(response.error, rules, shifts)
    assert np.abs(scaled).max() <= 127
    for p in range(len(rules.kind)):
        lo, hi = rules.offset[p], rules.offset[p + 1]
        assert np.quantile(np.abs(scaled[:, lo:hi]), 0.99) >= 60
        assert cosine(scaled[:, lo:hi].astype(float), response.error[:, lo:hi].astype(float)) > 0.99


def test_stochastic_shift_has_the_exact_mean_and_no_shift_is_exact() -> None:
    values = np.full(200_000, -13)
    key = stream_key(0, "test")
    assert abs(stochastic_shift(values, 4, key, 0).mean() + 13 / 16) < 0.01
    np.testing.assert_array_equal(stochastic_shift(values, 0, key, 0), values)
    assert not stochastic_shift(np.zeros(1000, np.int64), 62, key, 1).any()


def test_noise_correlation_is_unbiased() -> None:
    """Its mean is minus the antisymmetric part; the spread falls with the square root of the draws."""
    machine, _, _ = setup()
    machine.program()
    chip = machine.chip
    key = stream_key(3, "noise")
    errors = []
    for draws in (500, 20_000):
        sums = noise_correlation(chip.couplings, chip.rules.offset, draws, key, 0)
        wanted, got = [], []
        for c, value in zip(chip.couplings, sums):
            if value is None:
                continue
            back = next(o for o in chip.couplings if (o.source, o.target) == (c.target, c.source))
            wanted.append((c.mantissas * 2.0**c.exponent - back.mantissas.T * 2.0**back.exponent).ravel())
            got.append(-(value[0] * 2.0 ** value[1] / draws).ravel())
        a, b = np.concatenate(wanted), np.concatenate(got)
        errors.append(np.linalg.norm(a - b) / np.linalg.norm(a))
    assert errors[1] < 0.08
    assert errors[1] < errors[0] / 4


def test_local_homeostasis_symmetrises() -> None:
    machine, x, y = setup()
    response = measure_response(machine, machine.drive(x), y)
    learner = LocalLearner(machine, rate=0.0, homeostasis=2.0, draws=8)

    def asymmetry():
        pairs = {(c.source, c.target): c.mantissas * 2.0**c.exponent for c in machine.chip.recurrent_couplings}
        return sum(np.square(w - pairs[t, s].T).sum() for (s, t), w in pairs.items())

    before = asymmetry()
    for _ in range(60):
        learner.update(x, response)
    assert asymmetry() < 0.2 * before


def test_local_updates_follow_the_gradient() -> None:
    """Mean change of many windows against the float product of the same responses."""
    machine, x, y = setup()
    response = measure_response(machine, machine.drive(x), y)
    chip = machine.chip
    start = [c.mantissas.astype(float) * 2.0**c.exponent for c in chip.couplings]
    first, bias = list(chip.couplings), chip.bias
    total = [np.zeros_like(w) for w in start]
    learner = LocalLearner(machine, rate=1.0)
    ledger = learner.update(x, response)
    assert ledger.total(Event.SYNAPTIC_UPDATES) > 0
    for _ in range(200):
        chip.store(first, bias)
        learner.update(x, response)
        for t, c, w in zip(total, chip.couplings, start):
            t += c.mantissas * 2.0**c.exponent - w
    e = response.error / response.scale
    v = response.activity / machine.settings.one
    for index, c in enumerate(first):
        post = e[:, slice(*chip.rules.offset[c.target : c.target + 2])]
        pre = x.numpy() if c.source < 0 else v[:, slice(*chip.rules.offset[c.source : c.source + 2])]
        assert cosine(total[index], -(post.T @ pre)) > 0.9


def test_bounds_of_accumulators_and_weights_are_kept_counted_and_refused_when_strict() -> None:
    machine, x, y = setup()
    many, labels = x.repeat(200, 1), y.repeat(200)
    response = measure_response(machine, machine.drive(many), labels)
    learner = LocalLearner(machine, rate=1.0)
    learner.update(many, response)
    assert ACCUMULATOR_MAX == 32767
    assert learner.clipped_accumulators > 0
    assert learner.clipped_weights == 0
    bold = LocalLearner(machine, rate=1e4)
    bold.update(x, measure_response(machine, machine.drive(x), y))
    assert bold.clipped_weights > 0
    assert all(np.abs(c.mantissas.astype(int)).max() <= 128 for c in machine.chip.couplings)
    machine, x, y = setup(strict=True)
    response = measure_response(machine, machine.drive(x), y)
    with pytest.raises(InputError, match="left their 8 bits"):
        LocalLearner(machine, rate=1e4).update(x, response)


def test_bad_schedules_and_rates() -> None:
    with pytest.raises(InputError):
        PhaseSchedule(free_steps=-1)
    with pytest.raises(InputError):
        PhaseSchedule(beta=0.0)
    machine, _, _ = setup()
    with pytest.raises(InputError):
        LocalLearner(machine, rate=-1.0)
