"""Networks: activations and couplings against finite differences, constructors, bad input."""

import math

import pytest
import torch

from hw_profiles.errors import InputError
from substrates.analog import IdealMachine
from substrates.base import Nudge, Stop
from substrates.network import ACTIVATIONS, INPUT, chain, conv, convolutional, hopfield, hopfield_resnet, layered, loop

NETWORKS = {
    "layered": (lambda: layered([7, 6, 5, 3], seed=1), (7,)),
    "tied": (lambda: layered([7, 6, 5, 3], seed=1, feedback="tied"), (7,)),
    "loop": (lambda: loop([7, 6, 5, 3], seed=1), (7,)),
    "hopfield": (lambda: hopfield(7, 6, 3), (7,)),
    "softmax": (lambda: convolutional((2, 10, 10), (3, 4), classes=3, angle=90), (2, 10, 10)),
    "average": (lambda: convolutional((2, 10, 10), (3, 4), classes=3, pooling="average", angle=40), (2, 10, 10)),
    "whole-average": (lambda: convolutional((2, 8, 8), (3, 4), classes=3, pooling="average", angle=40), (2, 8, 8)),
    "resnet": (lambda: hopfield_resnet((2, 8, 8), (3, 4), classes=3, feedback="independent"), (2, 8, 8)),
    "tied-resnet": (lambda: hopfield_resnet((2, 8, 8), (3, 4), classes=3), (2, 8, 8)),
    "tied-softmax": (lambda: convolutional((2, 10, 10), (3, 4), classes=3, feedback="tied"), (2, 10, 10)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_the_slope(name):
    a, u = ACTIVATIONS[name], torch.linspace(-2.0, 2.0, 81, dtype=torch.float64) + 0.0123
    slope = (a.function(u + 1e-6) - a.function(u - 1e-6)) / 2e-6
    torch.testing.assert_close(a.derivative(u), slope, atol=1e-8, rtol=0)
    if a.holomorphic:  # Cauchy-Riemann: the same slope along the imaginary axis
        z = torch.complex(u, torch.full_like(u, 0.1))
        along = (a.function(z + 1e-6) - a.function(z - 1e-6)) / 2e-6
        across = (a.function(z + 1e-6j) - a.function(z - 1e-6j)) / 2e-6j
        torch.testing.assert_close(along, across, atol=1e-7, rtol=0)


@pytest.mark.parametrize("name", NETWORKS)
def test_jacobian_transpose_and_gradient(name):
    torch.manual_seed(0)
    make, shape = NETWORKS[name]
    net = make().double()
    x = torch.rand(3, *shape, dtype=torch.float64)
    v = tuple(torch.rand_like(r) for r in net.rest(3))
    d, e = (tuple(torch.randn_like(r) for r in v) for _ in range(2))
    along = net.tangent_currents(d, v)
    h = 1e-6
    plus = net.recurrent_currents(tuple(a + h * b for a, b in zip(v, d)))
    minus = net.recurrent_currents(tuple(a - h * b for a, b in zip(v, d)))
    for a, p, m in zip(along, plus, minus):
        torch.testing.assert_close(a, (p - m) / (2 * h), atol=1e-7, rtol=0)
    back = net.transposed_currents(e, v)
    one, other = (sum(float((a * b).detach().sum()) for a, b in zip(s, t)) for s, t in ((along, e), (back, d)))
    assert one == pytest.approx(other, rel=1e-10)

    def total():
        forces = zip(net.input_currents(x), net.recurrent_currents(v))
        return sum(float(((i + r) * q).detach().sum()) for (i, r), q in zip(forces, e))

    net.accumulate_gradient(x, v, e)
    for coupling in net.couplings:
        for parameter in coupling.parameters():
            for i in (tuple(0 for _ in parameter.shape), tuple(n - 1 for n in parameter.shape)):
                parameter.data[i] += h
                up = total()
                parameter.data[i] -= 2 * h
                down = total()
                parameter.data[i] += h
                assert float(parameter.grad[i]) == pytest.approx((up - down) / (2 * h), abs=1e-6)


@pytest.mark.parametrize("name", ["softmax", "average", "loop"])
def test_complex_relaxation_is_the_analytic_continuation(name):
    """dv/dbeta from an imaginary nudge equals the real one."""
    make, shape = NETWORKS[name]
    net = make().double()
    machine = IdealMachine(net)
    drive = machine.drive(torch.rand(2, *shape, dtype=torch.float64))
    stop, y = Stop(300, 1e-11), torch.tensor([0, 2])
    free = machine.relax(drive, stop)
    up, down = (machine.relax(drive, stop, nudge=Nudge(b, y), start=free) for b in (1e-4, -1e-4))
    side = machine.relax(drive, stop, nudge=Nudge(1e-4j, y), start=free)
    for a, b, c in zip(up.activities, down.activities, side.activities):
        torch.testing.assert_close((a - b) / 2e-4, c.imag / 1e-4, atol=1e-6, rtol=0)


def test_backward_weights_have_their_angle():
    for angle in (0.0, 30.0, 90.0):
        net = layered([50, 200, 150, 10], angle=angle, seed=0)
        i, j = net.reciprocal[0]
        w, b = net.couplings[i].matrix, net.couplings[j].matrix.t()
        got = math.degrees(math.acos(min(1.0, float((w * b).sum() / (w.norm() * b.norm())))))
        assert got == pytest.approx(angle, abs=1.5)


def test_the_papers_network_has_its_shapes():
    net = convolutional()
    assert [p.shape for p in net.populations] == [(128, 16, 16), (256, 8, 8), (512, 4, 4), (512, 1, 1)]
    assert net.holomorphic


def test_biases_are_hoisted():
    net = layered([4, 3, 2], seed=0)
    with torch.no_grad():
        for coupling in net.couplings:
            if coupling.bias is not None:
                coupling.bias.fill_(1.5)
    with_bias = net.input_currents(torch.zeros(1, 4))
    assert all(bool((c == 1.5).all()) for c in with_bias)
    assert all(bool((r == 0).all()) for r in net.recurrent_currents(tuple(torch.zeros_like(c) for c in with_bias)))


def test_bad_networks_are_refused():
    with pytest.raises(InputError, match="at least 3"):
        loop([4, 2])
    with pytest.raises(InputError, match="no pooling 'max'"):
        convolutional(pooling="max")
    with pytest.raises(InputError, match="leaves nothing"):
        convolutional((1, 4, 4), (2, 2, 2))
    with pytest.raises(InputError, match="batch > 0"):
        layered([4, 2]).input_currents(torch.zeros(0, 4))


def test_the_published_residual_network_has_thirteen_weights():
    """Four blocks of two 3x3 convolutions and one 1x1 past both, and the output layer; 32 is halved to 2."""
    net = hopfield_resnet((3, 32, 32), (8, 16, 16, 16))
    forward = [c for c in net.couplings if c.weight is not None]
    assert len(forward) == 13
    assert [p.shape for p in net.populations[1::2]] == [(8, 16, 16), (16, 8, 8), (16, 4, 4), (16, 2, 2)]
    assert sum(tuple(c.weight.shape[2:]) == (1, 1) for c in forward) == 4
    assert sum(c.source == INPUT for c in net.couplings) == 2


@pytest.mark.parametrize(
    ("poolings", "lower", "shape"),
    [
        (("none", "none", "none"), "conv1", (2, 2, 1, 1)),
        (("none", "none", "average"), "input", (2, 1, 1, 1)),
        (("average", "average", "none"), "input", (2 * 2 * 2, 8 * 8)),
    ],
)
def test_a_skip_leaves_maps_in_place_where_they_fit(poolings, lower, shape):
    layers = [conv(2, pooling=pooling) for pooling in poolings]
    net = chain((1, 8, 8), *layers, classes=3, skips=[(lower, "conv3", 0.0)], readout="hidden")
    skips = [c for c in net.couplings if c.target == 2 and c.source != 1]
    assert [tuple(c.weight.shape) for c in skips] == [shape]
    assert not skips[0].weight.any()  # the gain
