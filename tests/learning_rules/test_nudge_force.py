"""Nudges that are held, and normalised: the same response in the limit, less noise before it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.testing.rules import check_rule, make_bench, relative_error
from equipoise.training import TrainConfig, load_dataset, train
from hw_profiles.errors import InputError
from learning_rules import (
    FORCES,
    Cauchy,
    Centered,
    Force,
    FourPoint,
    OneSided,
    Phases,
    RandomSign,
    Rule,
    diagnose_nudge,
    make_rule,
)
from learning_rules.references.adjoint import adjoint_errors
from substrates.analog import AnalogMachine, ChipParameters, IdealMachine
from substrates.base import Capabilities, Nudge, Stop
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.network import layered

RULES: list[tuple[Rule, int]] = [
    (OneSided(), 1),
    (RandomSign(), 1),
    (Centered(), 2),
    (FourPoint(), 4),
    (Cauchy(count=4), 4),
]


def test_a_held_force_is_a_constant_current() -> None:
    bench = make_bench()
    force = bench.network.cost.gradient(bench.free.activities[-1], bench.target)
    held = Nudge(0.3, bench.target, None, force)
    nudged = bench.machine.relax(bench.drive, Stop(30), nudge=held, start=bench.free)
    currents = (*bench.drive.currents[:-1], bench.drive.currents[-1] + 0.3 * force)
    plain = bench.machine.relax(type(bench.drive)(bench.inputs, currents), Stop(30), start=bench.free)
    assert relative_error(nudged.activities, plain.activities) < 1e-14
    follows = bench.machine.relax(bench.drive, Stop(30), nudge=Nudge(0.3, bench.target), start=bench.free)
    assert not torch.equal(nudged.activities[-1], follows.activities[-1])


@pytest.mark.parametrize("force", ["held", "normalised"])
@pytest.mark.parametrize(("correction", "estimates"), [("none", "response"), ("asymep", "adjoint")])
@pytest.mark.parametrize(("rule", "order"), RULES, ids=[rule.name for rule, _ in RULES])
def test_every_rule_keeps_its_order(rule, order, correction, estimates, force) -> None:
    check_rule(dataclasses.replace(rule, correction=correction, force=force), estimates=estimates, order=order)


@settings(deadline=None, max_examples=20)
@given(st.floats(1e-3, 1e3), st.booleans())
def test_a_normalised_response_is_linear_in_the_loss(factor: float, readout: bool) -> None:
    """Twice the gradient is twice the error: the network itself is pushed the same way."""
    bench = make_bench(readout=readout)
    rule = Centered(0.5, force="normalised")
    one = rule.estimate(bench.machine, bench.drive, bench.target, bench.phases, bench.free).errors
    plain = bench.network.cost.gradient
    bench.network.cost.gradient = lambda *given: factor * plain(*given)  # type: ignore[method-assign]
    other = rule.estimate(bench.machine, bench.drive, bench.target, bench.phases, bench.free).errors
    assert relative_error(other, tuple(factor * e for e in one)) < 1e-6


def test_a_sample_without_error_has_no_error() -> None:
    bench = make_bench(readout=False)
    target = bench.free.activities[-1].clone()
    target[1] = 0.5
    rule = Centered(0.5, force="normalised")
    found = rule.estimate(bench.machine, bench.drive, target, bench.phases, bench.free)
    assert all(bool((e[[0, 2]] == 0).all()) and bool((e[1] != 0).any()) for e in found.errors)
    assert bool(found.converged.all())


def test_a_normalised_force_brings_the_gradient_through_read_out_noise() -> None:
    """In a trained network nearly all samples are right: what the others say must not drown in the noise of those."""
    config = TrainConfig(layers=(64, 32, 10), estimator="adjoint", epochs=30, train_samples=1000, test_samples=50)
    network = train(config).network
    data = load_dataset("digits").flattened()
    x, y = data.train_inputs[:400], data.train_targets[:400]
    quiet, noisy = (
        AnalogMachine(network, ChipParameters(gain_mismatch=0.05, readout_noise=noise), seed=1) for noise in (0, 0.01)
    )
    phases = Phases(Stop(200, 1e-6), Stop(200, 1e-6))
    drive = quiet.drive(x)
    exact, _ = adjoint_errors(quiet, quiet.relax(drive, phases.free), y, phases)
    free = noisy.relax(drive, phases.free)

    def cosine(force: Force) -> tuple[float, float]:
        """Of the median sample, and of all samples together; the worse population's."""
        found = Centered(0.5, "asymep", force=force).estimate(noisy, drive, y, phases, free).errors
        each = min(float(torch.cosine_similarity(a, b).median()) for a, b in zip(found, exact))
        return each, min(float(torch.cosine_similarity(a.ravel(), b.ravel(), dim=0)) for a, b in zip(found, exact))

    (following, all_following), (held, _), (normalised, all_normalised) = map(cosine, FORCES)
    assert normalised > max(following, held) + 0.2
    assert all_normalised > all_following + 0.2


def test_on_loihi_the_force_given_is_the_force_taken() -> None:
    """The chip holds its force anyway: what the host would compute, given by hand, is the same integers."""
    machine = Loihi2Machine(layered([9, 12, 4], seed=4))
    machine.program()
    x, y = torch.rand(5, 9), torch.tensor([0, 1, 2, 3, 0])
    drive = machine.drive(x)
    free = machine.relax(drive, Stop(60))
    force = machine.network.cost.gradient(free.activities[-1], y)
    for beta in (0.5, -0.5):
        own = machine.relax(drive, Stop(20), nudge=Nudge(beta, y), start=free)
        given_ = machine.relax(drive, Stop(20), nudge=Nudge(beta, y, None, force), start=free)
        assert all(torch.equal(a, b) for a, b in zip(own.membranes, given_.membranes))
    other = machine.relax(drive, Stop(20), nudge=Nudge(0.5, y, None, 2 * force), start=free)
    assert not torch.equal(other.membranes[-1], own.membranes[-1])


def test_what_cannot_be_held_is_refused() -> None:
    with pytest.raises(InputError, match="no force 'heavy'"):
        Centered(0.1, force="heavy")  # type: ignore[arg-type]
    for name, correction in (("oscillation", "none"), ("tangent", "none"), ("centered", "dyadic")):
        with pytest.raises(InputError, match="nothing to hold"):
            make_rule(name, correction=correction, force="held")
    assert make_rule("centered", force="normalised") == Centered(0.1, force="normalised")
    bench = make_bench()

    class Deaf(IdealMachine):
        @property
        def capabilities(self) -> Capabilities:
            return dataclasses.replace(super().capabilities, held_force=False)

    with pytest.raises(InputError, match="no held force"):
        Centered(0.1, force="held").check(Deaf(bench.network))
    loihi = Loihi2Machine(layered([9, 12, 4]))
    with pytest.raises(InputError, match="no finite numbers"):
        loihi.relax(
            loihi.drive(torch.rand(1, 9)),
            Stop(3),
            nudge=Nudge(0.1, torch.tensor([0]), None, torch.full((1, 4), math.nan)),
        )
    wrong = torch.ones(2, 4, dtype=torch.float64)
    for machine in (bench.machine, AnalogMachine(bench.network), Loihi2Machine(layered([9, 12, 8, 4]))):
        drive = machine.drive(bench.inputs.to(next(machine.network.parameters()).dtype))
        with pytest.raises(InputError, match="one per output neuron"):
            machine.relax(drive, Stop(3), nudge=Nudge(0.1, bench.target, None, wrong))


def test_the_force_is_taken_as_a_number_whatever_its_type() -> None:
    """A user's own cost may compute in another precision, or with autograd."""
    for options in ({}, {"nudge_bits": 6}):  # compiled, and in torch
        machine = AnalogMachine(layered([9, 12, 4], seed=4), ChipParameters(**options))
        drive = machine.drive(torch.rand(3, 9, generator=torch.Generator().manual_seed(0)))
        free = machine.relax(drive, Stop(60))
        force = torch.linspace(-1, 1, 12).reshape(3, 4)
        found = [
            machine.relax(drive, Stop(20), nudge=Nudge(0.5, torch.tensor([0, 1, 2]), None, f), start=free)
            for f in (force, force.double().requires_grad_())
        ]
        assert all(torch.equal(a, b) for a, b in zip(found[0].activities, found[1].activities))


def test_a_diagnosis_compares_nudges_of_the_same_force() -> None:
    bench = make_bench(scale=2.0)
    rule = Cauchy(0.5, count=4, force="normalised")
    found = diagnose_nudge(rule, bench.machine, bench.drive, bench.target, bench.phases, bench.free)
    coarse, fine = (
        dataclasses.replace(rule, count=n)
        .estimate(bench.machine, bench.drive, bench.target, bench.phases, bench.free)
        .errors
        for n in (4, 8)
    )
    assert found.difference == pytest.approx(relative_error(coarse, fine), rel=1e-6)


def test_the_usual_force_follows_the_chip() -> None:
    def usual(**settings: Any) -> str:
        target = settings.get("target", "ideal")
        return TrainConfig(layers=(64, 32, 10), **settings).resolved(target, 64, 10).nudge_force

    assert usual(target="analog") == usual() == "normalised"  # the target's recipe
    asymep = {"correction": "asymep"}
    assert usual(target="analog", **asymep) == "normalised"
    assert usual(target="analog", chip={"readout_noise": 0.01}, **asymep) == "normalised"
    assert usual(target="analog", chip={"gain_mismatch": 0.05}, **asymep) == "following"
    assert usual(target="analog", estimator="oscillation") == "following"
    assert usual(target="analog", nudge_force="held") == "held"
    assert usual(**asymep) == "following"
    with pytest.raises(InputError, match="nudge_force is 'heavy'; expected"):
        usual(nudge_force="heavy")
