"""Rules, homeostasis and measures on convolutional networks, against a dense Jacobian of their currents."""

import pytest
import torch

from learning_rules import (
    Adjoint,
    Centered,
    JacobianVector,
    Learner,
    Phases,
    Tangent,
    symmetry,
)
from substrates.analog import IdealMachine
from substrates.base import Stop
from substrates.network import convolutional

POOLINGS = ("average", "softmax", "none")


def small(pooling, **settings):
    shape = (2, 6, 6) if pooling == "none" else (2, 10, 10)
    settings = {"angle": 60.0, "activation": "logistic", "seed": 1, **settings}
    return convolutional(shape, (3, 4), classes=3, pooling=pooling, **settings).double()


def dense_jacobian(network, activities):
    """d currents / d activities of one sample, by autograd: (n, n)."""
    shapes = [v.shape for v in activities]
    sizes = [v.numel() for v in activities]

    def currents(flat):
        parts = [p.reshape(s) for p, s in zip(flat.split(sizes), shapes)]
        return torch.cat([c.flatten() for c in network.recurrent_currents(tuple(parts))])

    flat = torch.cat([v.flatten() for v in activities])
    return torch.autograd.functional.jacobian(currents, flat)


@pytest.fixture(params=POOLINGS)
def settled(request):
    network = small(request.param)
    machine = IdealMachine(network)
    inputs, target = torch.rand(1, *network.input_shape, dtype=torch.float64), torch.tensor([1])
    drive = machine.drive(inputs)
    return network, machine, drive, target, machine.relax(drive, Stop(500, 1e-12))


def test_tangent_and_adjoint_solve_the_dense_system(settled):
    network, machine, drive, target, free = settled
    jacobian = dense_jacobian(network, free.activities)
    slopes = torch.cat([a.derivative(u).flatten() for a, u in zip(network.activations, free.membranes)])
    force = torch.zeros_like(slopes)
    gradient = network.cost.gradient(free.activities[-1], target).flatten()
    force[-len(gradient) :] = gradient
    phases = Phases(Stop(500, 1e-12), Stop(500, 1e-14))
    for rule, matrix in ((Tangent(), jacobian), (Adjoint(), jacobian.T)):
        found = rule.estimate(machine, drive, target, phases, free)
        wanted = torch.linalg.solve(torch.diag(1 / slopes) - matrix, force)
        torch.testing.assert_close(torch.cat([e.flatten() for e in found.errors]), wanted, rtol=1e-8, atol=1e-12)


def test_jacobian_vector_loss_and_symmetry_are_those_of_the_dense_jacobian(settled):
    network, _, _, _, free = settled
    jacobian = dense_jacobian(network, free.activities)
    n = network.num_neurons
    wanted = float((jacobian**2).sum() - (jacobian * jacobian.T).sum()) / n
    many = tuple(v.expand(500, *v.shape[1:]).contiguous() for v in free.activities)
    homeostasis = JacobianVector(1.0, draws=2, distribution="rademacher")
    assert homeostasis.accumulate(network, many, 0.0, 0) == pytest.approx(wanted, rel=0.1)
    full = jacobian - torch.eye(n, dtype=jacobian.dtype)
    parts = [torch.linalg.norm(full + sign * full.T) for sign in (1, -1)]
    exact = float(parts[0] / (parts[0] + parts[1]))
    assert symmetry(network, many, draws=1) == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_homeostasis_lowers_its_loss_on_convolutions(pooling):
    network = small(pooling)
    machine = IdealMachine(network)
    optimizer = torch.optim.Adam(network.parameters(), 2e-2)
    learner = Learner(Centered(0.1), Phases(Stop(60, 1e-5), Stop(30, 1e-4)), JacobianVector(100.0))
    state = learner.init()
    inputs, target = torch.rand(8, *network.input_shape, dtype=torch.float64), torch.arange(8) % 3
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        report, state = learner.step(machine, inputs, target, state)
        optimizer.step()
        losses.append(report.homeostasis)
    assert sum(losses[-3:]) < 0.5 * sum(losses[:3])
