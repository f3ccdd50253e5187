"""Ideal and analog machines: conformance, same fixed points by every solver, same bits for any batch."""

import sys

import pytest
import torch

from hw_profiles.errors import InputError
from substrates.analog import AnalogMachine, ChipParameters, IdealMachine, list_presets, load_preset
from substrates.analog.solvers import AdaptiveODE, AlternatingBlocks, Anderson, Damped, DiscreteMap
from substrates.base import Nudge, Stop
from substrates.network import Network, Population, SquaredError, hopfield, layered, loop
from substrates.network.couplings import Dense

if sys.version_info >= (3, 11):
    pass
else:
    pass

SOLVERS = [Damped(), DiscreteMap(), AlternatingBlocks(), Anderson()]


@pytest.mark.parametrize("wiring", [layered([9, 8, 6, 3], seed=1), loop([9, 8, 6, 3], seed=1), hopfield(9, 8, 3)])
def test_every_solver_finds_the_same_fixed_point(wiring):
    network = wiring.double()
    x = torch.rand(4, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = []
    for solver in [*SOLVERS, AdaptiveODE(atol=1e-7, rtol=1e-6)]:
        machine = IdealMachine(network, solver=solver)
        # an explicit method hovers about its own error tolerance near an equilibrium
        found.append(machine.relax(machine.drive(x), Stop(600, 1e-5 if solver.name == "ode" else 1e-8)))
        assert bool(found[-1].converged.all()), solver.name
    for other in found[1:]:
        for a, b in zip(found[0].activities, other.activities):
            assert float((a - b).abs().max()) < 3e-5


@pytest.mark.parametrize("solver", SOLVERS[:3], ids=lambda s: s.name)
@pytest.mark.parametrize("corrected", [False, True])
def test_compiled_loop_is_the_torch_one(solver, corrected):
    single = layered([11, 40, 17, 3], seed=4)
    double = layered([11, 40, 17, 3], seed=4).double()
    x, y = torch.rand(7, 11), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    results = []
    for network, inputs in ((single, x), (double, x.double())):
        machine = IdealMachine(network, solver=solver)
        drive = machine.drive(inputs)
        free = machine.relax(drive, Stop(200))
        reference = free.activities if corrected else None
        results.append(machine.relax(drive, Stop(50), nudge=Nudge(0.2, y, reference), start=free))
    for a, b in zip(*(r.activities for r in results)):
        torch.testing.assert_close(a.double(), b, atol=3e-6, rtol=0)


def test_compiled_noise_is_the_torch_noise():
    chip = ChipParameters(state_noise=0.02, read_noise=0.01, read_noise_proportional=0.03)
    network, x = layered([11, 20, 17, 3], seed=4), torch.rand(5, 11)
    y = torch.zeros(5, dtype=torch.int64)
    results = []
    for compiled in (True, False):
        machine = AnalogMachine(network, chip, seed=1)
        if not compiled:
            machine._compiled.applies = lambda *_: False
        drive = machine.drive(x)
        free = machine.relax(drive, Stop(30))
        results.append([free, machine.relax(drive, Stop(20), nudge=Nudge(0.1, y), start=free)])
    for one, other in zip(*results):
        for a, b in zip(one.activities, other.activities):
            torch.testing.assert_close(a, b, atol=5e-6, rtol=0)


def test_a_sample_is_the_same_in_any_company():
    network, x = layered([20, 50, 33, 5], seed=1), torch.rand(37, 20)
    machine = IdealMachine(network)
    together = machine.relax(machine.drive(x), Stop(100, 1e-4))
    for i in (0, 17, 36):
        alone = machine.relax(machine.drive(x[i : i + 1]), Stop(100, 1e-4))
        assert int(alone.steps[0]) == int(together.steps[i])
        # the input product is torch's: only the relaxation promises the bits, so the drive is passed on
        drive = machine.drive(x)
        part = type(drive)(drive.inputs[i : i + 1], tuple(c[i : i + 1] for c in drive.currents))
        same = machine.relax(part, Stop(100, 1e-4))
        assert all(bool((a[0] == b[i]).all()) for a, b in zip(same.activities, together.activities))


def _flip_flop(gain: float) -> Network:
    """One neuron inhibiting itself: u <- -gain v; the undamped map oscillates with period two when steep."""
    coupling = Dense(0, 0, 1, 1)
    coupling.weight.data.fill_(-gain)
    feed = Dense(-1, 0, 1, 1)
    feed.weight.data.fill_(1.0)
    return Network((1,), [Population("out", (1,))], [feed, coupling], SquaredError())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_limit_cycle_is_recognised_and_damping_settles_it(dtype):
    network, x = _flip_flop(4.0).to(dtype), torch.full((2, 1), 2.5, dtype=dtype)
    undamped = IdealMachine(network, solver=DiscreteMap())
    got = undamped.relax(undamped.drive(x), Stop(200, 1e-6))
    assert not bool(got.converged.any())
    assert bool(got.cycling.all())
    damped = IdealMachine(network, solver=Damped(0.2))
    assert bool(damped.relax(damped.drive(x), Stop(400, 1e-6)).converged.all())


def test_divergence_is_reported_never_hidden():
    """Spectral radius above one without saturation: not converged, and no number replaced by zero."""
    coupling = Dense(0, 0, 2, 2)
    coupling.weight.data = torch.tensor([[3.0, 0.0], [0.0, 3.0]])
    feed = Dense(-1, 0, 2, 2)
    feed.weight.data = torch.eye(2)
    network = Network((2,), [Population("out", (2,), "identity")], [feed, coupling], SquaredError())
    machine = IdealMachine(network, solver=DiscreteMap())
    got = machine.relax(machine.drive(torch.ones(1, 2)), Stop(500, 1e-6))
    assert not bool(got.converged.any())
    assert not bool(torch.isfinite(got.membranes[0]).all())
    assert float(got.residual[0]) == float("inf")


def test_complex_nudge_needs_holomorphic_functions():
    machine = IdealMachine(layered([4, 3, 2], activation="relu"))
    drive = machine.drive(torch.rand(2, 4))
    with pytest.raises(InputError, match="relu"):
        machine.relax(drive, Stop(5), nudge=Nudge(0.1j, torch.zeros(2, dtype=torch.int64)))
    good = IdealMachine(layered([4, 3, 2]))
    with pytest.raises(InputError, match="0 to 1"):
        good.relax(good.drive(torch.rand(2, 4)), Stop(5), nudge=Nudge(0.1, torch.tensor([0, 2])))


def test_presets_load_and_say_where_they_come_from():
    assert load_preset("assumed").levels == 32
    assert {"assumed", "capacitor-2018", "ecram-2018", "pcm-2019", "reram-2018"} <= set(list_presets())
    # what the sources give, as parameters of the machine
    given = {
        "capacitor-2018": {"open_loop": True, "levels": 201, "write_asymmetry": 0.05, "write_noise": 0.3},
        "ecram-2018": {"open_loop": True, "levels": 501, "write_asymmetry": 0.31, "write_noise": 0.3},
        "reram-2018": {"open_loop": True, "levels": 501, "write_asymmetry": 1.0, "write_noise": 3.75},
        "pcm-2019": {"programming_error": 0.034, "drift_exponent": 0.052, "drift_spread": 0.23, "drift_time_s": 20.0},
    }
    for name, parameters in given.items():
        assert load_preset(name) == ChipParameters(**parameters)


@pytest.mark.parametrize("name", ["capacitor-2018", "ecram-2018", "pcm-2019", "reram-2018"])
def test_a_preset_can_be_written_again_and_again(name):
    net = layered([6, 5, 4, 3], seed=1)
    machine = AnalogMachine(net, load_preset(name), seed=2)
    x = torch.rand(4, 6, generator=torch.Generator().manual_seed(0))
    before = machine.relax(machine.drive(x), Stop(50)).activities[-1]
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.05)
    machine.program()
    machine.age(3600.0)
    after = machine.relax(machine.drive(x), Stop(50)).activities[-1]
    assert torch.isfinite(after).all()
    assert not torch.equal(before, after)


def test_a_preset_that_is_none_says_so():
    with pytest.raises(InputError, match="assumed"):
        load_preset("nothing")
