"""Homeostasis: every method against the closed form, the closed form against automatic differentiation."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hw_profiles.errors import InputError
from learning_rules import (
    Adjoint,
    ClosedForm,
    CoefficientSchedule,
    Homeostasis,
    JacobianVector,
    Learner,
    NoiseCorrelation,
    Phases,
    RecurrentDecay,
    Tangent,
    symmetry,
    weight_angle,
)
from substrates.analog import IdealMachine
from substrates.base import Stop
from substrates.network import Dense, Network, Population, SquaredError, layered


def loop() -> Network:
    """l1 -> l2 -> out -> l1: no reciprocal pair."""
    sizes = (5, 4, 3)
    couplings = [Dense(-1, 0, 6, 5, bias=True), Dense(0, 1, 5, 4), Dense(1, 2, 4, 3), Dense(2, 0, 3, 5)]
    generator = torch.Generator().manual_seed(0)
    for c in couplings:
        c.weight.data = torch.randn(c.weight.shape, generator=generator)
    return Network((6,), [Population(f"p{i}", (n,)) for i, n in enumerate(sizes)], couplings, SquaredError()).double()


def matrix(network: Network) -> torch.Tensor:
    offsets = torch.tensor([0, *[p.size for p in network.populations]]).cumsum(0).tolist()
    full = torch.zeros(offsets[-1], offsets[-1], dtype=torch.float64)
    for c in network.recurrent_couplings():
        block = full[offsets[c.target] : offsets[c.target + 1], offsets[c.source] : offsets[c.source + 1]]
        block += c.matrix
    return full


def gradient(homeostasis: Homeostasis, network: Network, batch: int = 1, step: int = 0) -> tuple[float, torch.Tensor]:
    network.zero_grad(set_to_none=True)
    generator = torch.Generator().manual_seed(0)
    activities = tuple(torch.rand(batch, p.size, generator=generator).double() for p in network.populations)
    loss = homeostasis.accumulate(network, activities, homeostasis.coefficient_at(0.0), step)
    parts = [p.grad if p.grad is not None else torch.zeros_like(p) for p in network.parameters()]
    return loss, torch.cat([g.flatten() for g in parts])


def reference(network: Network, c: float = 1.0) -> tuple[float, torch.Tensor]:
    """2/n |A|^2 and its gradient, by automatic differentiation of the whole matrix, in the units of ``c``."""
    network.zero_grad(set_to_none=True)
    sizes = torch.tensor([p.size for p in network.populations])
    powers = -torch.arange(len(sizes), dtype=torch.float64) / 2
    units = (c**powers).repeat_interleave(sizes)
    full = matrix(network) * units / units[:, None]
    loss = 2 / (c + 1 / c) * 2.0 / network.num_neurons * (((full - full.t()) / 2) ** 2).sum()
    loss.backward()
    parts = [p.grad if p.grad is not None else torch.zeros_like(p) for p in network.parameters()]
    return float(loss.detach()), torch.cat([g.flatten() for g in parts])


@given(st.lists(st.integers(2, 8), min_size=3, max_size=5), st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_the_closed_form_is_twice_the_antisymmetric_part(sizes: list[int], seed: int) -> None:
    network = layered(sizes, seed=seed).double()
    expected_loss, expected = reference(network)
    loss, found = gradient(ClosedForm(1.0), network)
    assert loss == pytest.approx(expected_loss, rel=1e-9, abs=1e-12)
    assert torch.allclose(found, expected, atol=1e-12)
    pairs = sum(float(((network.couplings[i].matrix.detach() - network.couplings[j].matrix.detach().t()) ** 2).sum())
                for i, j in network.reciprocal)  # fmt: skip
    assert loss == pytest.approx(pairs / network.num_neurons, rel=1e-9, abs=1e-12)


def test_without_reciprocal_pairs_homeostasis_is_weight_decay() -> None:
    network = loop()
    loss, found = gradient(ClosedForm(1.0), network)
    decay_loss, decay = gradient(RecurrentDecay(1.0), network)
    assert loss == pytest.approx(decay_loss)
    assert torch.allclose(found, decay)
    assert torch.allclose(found, reference(network)[1])


@pytest.mark.parametrize("c", [1.0, 0.3])
@pytest.mark.parametrize(
    "method",
    [JacobianVector(1.0, draws=1), JacobianVector(1.0, draws=1, distribution="rademacher"), NoiseCorrelation(1.0)],
    ids=["gaussian", "rademacher", "local"],
)
def test_sampled_methods_are_unbiased(method: Homeostasis, c: float) -> None:
    network = layered((4, 6, 5, 3), seed=3).double()
    method = replace(method, feedback_scale=c)
    expected_loss, expected = reference(network, c)
    errors = []
    for batch in (2_000, 200_000):
        loss, found = gradient(method, network, batch=batch)
        errors.append(float((found - expected).norm() / expected.norm()))
        assert loss == pytest.approx(expected_loss, rel=6 / math.sqrt(batch) * 4)
    assert errors[1] < 0.02
    assert errors[1] < errors[0]


@given(st.lists(st.integers(2, 8), min_size=3, max_size=5), st.floats(0.05, 4.0), st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_weak_feedback_is_symmetric_in_other_units(sizes: list[int], c: float, seed: int) -> None:
    network = layered(sizes, seed=seed).double()
    expected_loss, expected = reference(network, c)
    loss, found = gradient(ClosedForm(1.0, feedback_scale=c), network)
    assert loss == pytest.approx(expected_loss, rel=1e-9, abs=1e-12)
    assert torch.allclose(found, expected, atol=1e-10)
    # Half the way from either side, and the pair has met: B = c W^T.
    optimizer = torch.optim.SGD(network.parameters(), lr=network.num_neurons / 4)
    optimizer.step()
    for i, j in network.reciprocal:
        assert torch.allclose(network.couplings[j].matrix, c * network.couplings[i].matrix.t(), atol=1e-9)
    assert symmetry(network, feedback_scale=c) == pytest.approx(1.0, abs=1e-6)


def test_with_weak_symmetric_feedback_the_learner_has_the_exact_gradient() -> None:
    c, grads = 0.3, []
    for rule in (Tangent(), Adjoint()):
        network = layered((5, 9, 8, 4), angle=0.0, feedback_scale=c, seed=2).double()
        machine = IdealMachine(network)
        phases = Phases(Stop(400, 1e-12), Stop(400, 1e-12))
        learner = Learner(rule, phases, homeostasis=ClosedForm(0.0, feedback_scale=c))
        x = torch.rand(6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        learner.step(machine, x, torch.tensor([0, 1, 2, 3, 0, 1]), learner.init())
        grads.append(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]))
    # The weights were drawn in float32: B = c W^T holds to about 1e-7.
    assert float((grads[0] - grads[1]).norm() / grads[1].norm()) < 1e-6


def test_the_gradient_vanishes_at_symmetry_and_leaves_biases_alone() -> None:
    network = layered((4, 6, 5, 3), angle=0.0, seed=3).double()
    for method in (ClosedForm(1.0), JacobianVector(1.0), NoiseCorrelation(1.0)):
        loss, found = gradient(method, network, batch=4)
        assert loss == pytest.approx(0.0, abs=1e-12)
        if isinstance(method, ClosedForm):  # the others vanish in the mean only
            assert float(found.abs().max()) < 1e-12
    network = layered((4, 6, 5, 3), seed=3).double()
    gradient(NoiseCorrelation(1.0), network, batch=4)
    assert all(c.bias.grad is None for c in network.couplings if c.bias is not None)


def test_draws_depend_on_seed_and_step_only() -> None:
    network = layered((4, 6, 5, 3), seed=3).double()
    for method in (JacobianVector(1.0), NoiseCorrelation(1.0)):
        first, again, other = (gradient(method, network, batch=4, step=s)[1] for s in (7, 7, 8))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


def test_descending_the_loss_makes_the_weights_symmetric() -> None:
    network = layered((4, 12, 10, 3), seed=1).double()
    before = weight_angle(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=network.num_neurons / 8)
    for _ in range(60):
        gradient(ClosedForm(1.0), network)
        optimizer.step()
    assert before > 60
    assert weight_angle(network) < 0.1
    assert symmetry(network) == pytest.approx(1.0, abs=1e-6)


def test_symmetry_by_products_agrees_with_the_blocks() -> None:
    network = layered((4, 12, 10, 3), seed=1).double()
    full = matrix(network).detach() - torch.eye(network.num_neurons, dtype=torch.float64)
    s, a = ((full + full.t()) / 2).norm(), ((full - full.t()) / 2).norm()
    assert symmetry(network) == pytest.approx(float(s / (s + a)), rel=1e-9)


def test_scale_and_schedule() -> None:
    network = layered((4, 6, 5, 3), seed=3).double()
    _, plain = gradient(ClosedForm(1.0), network)
    _, scaled = gradient(ClosedForm(1.0, layer_scale=(2.0, 2.0)), network)
    assert torch.allclose(scaled, 2 * plain)
    with pytest.raises(InputError, match="layer_scale has 1"):
        gradient(ClosedForm(1.0, layer_scale=(2.0,)), network)
    for shape, middle in (("linear", 0.55), ("cosine", 0.55), ("geometric", math.sqrt(0.1))):
        schedule = CoefficientSchedule(1.0, 0.1, shape=shape)  # type: ignore[arg-type]
        assert schedule.at(0.0) == 1.0
        assert schedule.at(0.5) == pytest.approx(middle)
        assert schedule.at(1.0) == 0.1
    with pytest.raises(InputError):
        CoefficientSchedule(0.0, 1.0, shape="geometric")
    with pytest.raises(InputError):
        ClosedForm(-1.0)
    with pytest.raises(InputError, match="feedback scale"):
        ClosedForm(1.0, feedback_scale=0.0)
    with pytest.raises(InputError, match="weight decay"):
        RecurrentDecay(1.0, feedback_scale=0.5)
