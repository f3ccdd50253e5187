"""Whole steps with a fall-back for samples that cycle, and threads that change no bit."""

import pytest
import torch

from hw_profiles.errors import InputError
from substrates.analog import AnalogMachine, ChipParameters, IdealMachine
from substrates.analog.solvers import AlternatingBlocks
from substrates.base import Nudge, Stop
from substrates.network import chain, conv, layered
from substrates.threads import available, over_rows, using_threads


def restless(dtype):
    """A network some of whose samples cycle under whole steps and settle under shorter ones."""
    network = layered([12, 30, 30, 4], seed=3).to(dtype)
    for coupling in network.recurrent_couplings():
        coupling.weight.data *= 3.0
    return network


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])  # compiled, and in torch
def test_samples_that_cycle_settle_in_shorter_steps(dtype):
    network = restless(dtype)
    inputs = torch.rand(200, 12, generator=torch.Generator().manual_seed(0)).to(dtype)
    plain, careful = (
        IdealMachine(network, solver=AlternatingBlocks(1.0, fallback=fallback)) for fallback in (0.0, 0.5)
    )
    stop = Stop(200, 1e-5)
    one, other = (m.relax(m.drive(inputs), stop) for m in (plain, careful))
    assert not one.converged.all()
    assert other.converged.float().mean() > one.converged.float().mean()
    assert int(other.steps.max()) <= 200
    settled = one.converged & (one.steps <= 100)  # these never came to the second leg
    assert torch.equal(one.steps[settled], other.steps[settled])
    for a, b in zip(one.membranes, other.membranes):
        torch.testing.assert_close(a[settled], b[settled], rtol=0, atol=1e-5)
    alone = careful.relax(careful.drive(inputs[:7]), stop)
    for a, b in zip(alone.membranes, other.membranes):
        torch.testing.assert_close(a, b[:7], rtol=0, atol=0 if dtype == torch.float32 else 1e-12)


def test_nudges_together_fall_back_as_in_turn():
    network = restless(torch.float32)
    machine = IdealMachine(network, solver=AlternatingBlocks(1.0, fallback=0.5))
    drive, target = machine.drive(torch.rand(60, 12)), torch.arange(60) % 4
    free, stop = machine.relax(drive, Stop(200, 1e-5)), Stop(24, 1e-5)
    for force in (None, torch.randn(60, 4)):
        nudges = [Nudge(b, target, force=force) for b in (0.7, -0.7)]
        together = machine.relax_each(drive, stop, nudges, free)
        for nudge, found in zip(nudges, together):
            turn = machine.relax(drive, stop, nudge=nudge, start=free)
            assert torch.equal(turn.steps, found.steps)
            assert all(torch.equal(a, b) for a, b in zip(turn.membranes, found.membranes))
    assert int(together[0].steps.max()) > 12, "nobody fell back: the test shows nothing"


def test_any_number_of_threads_gives_the_same_bits():
    network = restless(torch.float32)
    inputs, target = torch.rand(101, 12), torch.arange(101) % 4
    seen = []
    for threads in (1, 2, 5):
        machines = (
            IdealMachine(network, solver=AlternatingBlocks(1.0, fallback=0.5)),
            AnalogMachine(network, ChipParameters(readout_noise=0.01, state_noise=0.02, gain_mismatch=0.1), seed=1),
        )
        with using_threads(threads):
            found = []
            for machine in machines:
                drive = machine.drive(inputs)
                free = machine.relax(drive, Stop(100, 1e-5))
                nudged = machine.relax_each(drive, Stop(20), [Nudge(b, target) for b in (0.5, -0.5)], free)
                found += [t for e in (free, *nudged) for t in (*e.activities, e.steps, e.residual)]
        seen.append(found)
    assert all(torch.equal(a, b) for other in seen[1:] for a, b in zip(seen[0], other))


def test_rows_are_shared_out_once_each_and_errors_come_back():
    done = []
    with using_threads(3):
        over_rows(100, lambda a, b: done.extend(range(a, b)))
        with pytest.raises(ZeroDivisionError):
            over_rows(100, lambda a, b: 1 // (a - a))
    assert sorted(done) == list(range(100))
    over_rows(5, lambda a, b: done.append((a, b)))
    assert done[-1] == (0, 5)
    assert available() >= 1


def test_bad_fallback_and_a_network_built_and_called():
    with pytest.raises(InputError, match="fallback"):
        AlternatingBlocks(1.0, fallback=2.0)
    network = chain((1, 12, 12), conv(4), conv(6), 8, classes=3, activation="tanh")
    activities = network(torch.rand(2, 1, 12, 12))
    assert [tuple(v.shape) for v in activities] == [(2, 4, 6, 6), (2, 6, 3, 3), (2, 8)]
    text = repr(network)
    assert "conv1 4 x 6 x 6 tanh" in text
    assert "conv2 -> conv1: ConvolutionFeedback 6 x 4 x 3 x 3 (reciprocal)" in text
    for arguments, words in (
        (((1, 12, 12),), "at least one layer"),
        ((12, conv(3)), "needs an image"),
        ((12, 4, 0), "all above 0"),
    ):
        with pytest.raises(InputError, match=words):
            chain(*arguments, classes=3)
    for settings, words in (
        ({"readout": "last"}, "no read-out"),
        ({"feedback": "some"}, "no feedback"),
        ({"skips": [("l1", "l2")]}, "at least two above"),
        ({"skips": [("l1", "l9")]}, "no layer 'l9'"),
    ):
        with pytest.raises(InputError, match=words):
            chain(5, 4, 4, classes=3, **settings)
