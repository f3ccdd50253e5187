"""The path of accelerators, without one: the batch that moves together, fake tensors, device noise."""

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from hw_profiles.errors import InputError
from learning_rules import Centered, Learner, LearnerState, Phases
from substrates.analog import IdealMachine
from substrates.analog.field import Field
from substrates.analog.imperfections import sample_keys
from substrates.analog.imperfections.device_noise import _normals, normals
from substrates.analog.solvers import (
    AdaptiveODE,
    AlternatingBlocks,
    Anderson,
    Damped,
    DiscreteMap,
    relax_batch,
    relax_together,
)
from substrates.base import Nudge, Stop
from substrates.devices import check_memory, find_device, memory_estimate
from substrates.network import convolutional, hopfield, layered, loop

NETWORKS = {
    "layered": lambda: layered([9, 8, 7, 3], seed=1, activation="tanh"),
    "loop": lambda: loop([9, 8, 7, 3], seed=1),
    "hopfield": lambda: hopfield(9, 8, 3),
    "average": lambda: convolutional((2, 10, 10), (3, 4), classes=3, pooling="average", angle=60),
    "softmax": lambda: convolutional((2, 10, 10), (3, 4), classes=3, angle=60),
}


def field_of(network, drive, nudge=None):
    return Field(network, drive.currents, nudge, lambda i, u: network.activations[i].function(u))


@pytest.mark.parametrize("solver", [Damped(), DiscreteMap(), AlternatingBlocks(0.7), Anderson(), AdaptiveODE()])
@pytest.mark.parametrize("stop", [Stop(60, 1e-6, 5), Stop(7, 1e-3), Stop(25)])
def test_together_is_sample_by_sample(solver, stop):
    for make in NETWORKS.values():
        network = make().double()
        torch.manual_seed(0)
        with torch.no_grad():
            drive = IdealMachine(network).drive(torch.rand(6, *network.input_shape, dtype=torch.float64))
            one, other = (
                loop(solver, field_of(network, drive), network.rest(6), stop) for loop in (relax_batch, relax_together)
            )
        assert torch.equal(one.steps, other.steps)
        assert torch.equal(one.converged, other.converged)
        assert torch.equal(one.cycling, other.cycling)
        same = torch.ones(6, dtype=torch.bool)
        if isinstance(solver, Anderson) and stop.max_steps > 25:  # where it does not come to rest it is chaotic:
            same = one.converged  # last bits grow by any factor
        for a, b in zip(one.membranes, other.membranes):
            torch.testing.assert_close(a[same], b[same], rtol=0, atol=1e-11)


def test_together_sees_limit_cycles():
    network = loop([4, 8, 8, 3], seed=0).double()
    for coupling in network.recurrent_couplings():
        coupling.weight.data *= 8
    drive = IdealMachine(network).drive(torch.rand(20, 4, dtype=torch.float64))
    with torch.no_grad():
        one, other = (
            loop(DiscreteMap(), field_of(network, drive), network.rest(20), Stop(200, 1e-6))
            for loop in (relax_batch, relax_together)
        )
    assert one.cycling.any()
    assert torch.equal(one.cycling, other.cycling)


@pytest.mark.parametrize("name", NETWORKS)
def test_nudges_together_are_nudges_in_turn(name):
    network = NETWORKS[name]().double()
    machine = IdealMachine(network, solver=AlternatingBlocks(0.7))
    drive, target = machine.drive(torch.rand(4, *network.input_shape, dtype=torch.float64)), torch.arange(4) % 3
    free = machine.relax(drive, Stop(300, 1e-12))
    nudges = [Nudge(b, target, free.activities) for b in (0.3, -0.3)]
    turns = [machine.relax(drive, Stop(200, 1e-12), nudge=n, start=free) for n in nudges]
    field = field_of(network, drive, nudges[0]).repeated([0.3, -0.3])
    with torch.no_grad():
        start = tuple(torch.cat([u, u]) for u in free.membranes)
        found = relax_batch(machine.solver, field, start, Stop(200, 1e-12))
    for k, turn in enumerate(turns):
        for a, b in zip(found.membranes, turn.membranes):
            torch.testing.assert_close(a[4 * k : 4 * k + 4], b, rtol=0, atol=1e-10)


def on_another_device(network):
    """The network with parameters on a device that only has shapes; call it under a `FakeTensorMode`."""
    for module in network.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                fake = torch.empty(tuple(parameter.shape), dtype=parameter.dtype, device="meta")
                module._parameters[name] = torch.nn.Parameter(fake)
    return network


@pytest.mark.parametrize("correction", ["none", "asymep"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_phase_never_mixes_devices_or_waits(name, correction):
    """A fake tensor refuses an operand of another device, and everything that needs a value on the host."""
    network = NETWORKS[name]()
    with FakeTensorMode(), torch.no_grad():
        network = on_another_device(network)
        machine = IdealMachine(network, solver=AlternatingBlocks(1.0), graphs=False)
        inputs = torch.empty(5, *network.input_shape, device="meta")
        target = torch.zeros(5, dtype=torch.int64, device="meta")
        drive = machine.drive(inputs)
        reference = tuple(torch.empty_like(c) for c in drive.currents) if correction == "asymep" else None
        for nudge in (None, Nudge(0.1, target, reference)):
            field = field_of(network, drive, nudge)
            if nudge is not None:
                field = field.repeated([0.1, -0.1])
            start = tuple(torch.empty_like(c) for c in field.currents)
            found = relax_together(machine.solver, field, start, Stop(40, 1e-4), watch=lambda active: False)
            assert {t.device.type for t in (*found.membranes, found.residual, found.steps)} == {"meta"}
        network.accumulate_gradient(inputs, field.activate(drive.currents), drive.currents)
        assert all(p.grad is None or p.grad.device.type == "meta" for p in network.parameters())
        with pytest.raises(DataDependentOutputException):
            relax_batch(machine.solver, field, start, Stop(40, 1e-4))
        with pytest.raises(RuntimeError, match="device"):
            machine.drive(torch.empty(5, *network.input_shape))


def test_device_noise_is_the_compiled_noise():
    keys = torch.from_numpy(sample_keys(3, np.arange(40, dtype=np.uint64), 2).view(np.int64))
    for step in (0, 1, 1 << 40):
        torch.testing.assert_close(_normals(keys, torch.tensor(step), 501), normals(keys, step, 501), rtol=0, atol=2e-6)


def test_devices_by_name():
    assert find_device("cpu").type == "cpu"
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name, words in (("gpu", "cpu, cuda"), ("meta", "run on cpu and cuda")):
        with pytest.raises(InputError, match=words):
            find_device(name)
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="--device cpu"):
            find_device("cuda")


def test_memory_is_checked_before_anything_is_put_there(monkeypatch):
    network = convolutional((3, 32, 32), (8, 16), pooling="average")
    assert memory_estimate(network, 200) > memory_estimate(network, 100) > 4 * network.num_neurons * 100
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1_000_000_000, 2_000_000_000))
    with pytest.raises(InputError, match="batch of"):
        check_memory(network, 100, torch.device("cuda"))
    check_memory(network, 100, torch.device("cpu"))


def test_a_learner_step_stays_finite_with_samples_held():
    network = convolutional((1, 10, 10), (3, 4), classes=3, pooling="average", angle=90, activation="logistic")
    machine = IdealMachine(network, solver=AlternatingBlocks(1.0))
    learner = Learner(Centered(0.2), Phases(Stop(40, 1e-4), Stop(20, 1e-3)))
    report, _ = learner.step(machine, torch.rand(6, 1, 10, 10), torch.arange(6) % 3, LearnerState())
    assert torch.isfinite(report.loss).all()
