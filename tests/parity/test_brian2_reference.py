"""The analog dynamics against Brian2: same equilibria, same time courses."""

import numpy as np
import pytest
import torch

from substrates.analog import IdealMachine
from substrates.analog.solvers import AdaptiveODE
from substrates.base import Stop
from substrates.network import layered

brian2 = pytest.importorskip("brian2", reason="brian2 is an optional extra")


@pytest.mark.parametrize("seed", [0, 9])
def test_equilibrium_and_time_course_agree(seed: int) -> None:
    from substrates.analog.brian2_reference import relax_in_brian2

    net = layered([6, 5, 4, 3], seed=1).double()
    x = torch.rand(1, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    tau = 1e-3
    times, course = relax_in_brian2(net, x[0], duration_s=30 * tau, time_constant_s=tau, step_s=tau / 100)
    for at in (1.0, 3.0, 30.0):
        solver = AdaptiveODE(time_constant_s=tau, duration_s=at * tau, rtol=1e-7, atol=1e-9)
        machine = IdealMachine(net, solver=solver)
        ours = np.concatenate([u[0].numpy() for u in machine.relax(machine.drive(x), Stop(3000)).membranes])
        nearest = int(np.argmin(np.abs(times - at * tau)))
        # Brian2 takes first-order steps of tau/100: at most 1.2e-3 over twelve inputs.
        np.testing.assert_allclose(course[nearest], ours, atol=2e-3)
    settled = IdealMachine(net)
    end = settled.relax(settled.drive(x), Stop(2000, 1e-12)).membranes
    np.testing.assert_allclose(course[-1], np.concatenate([u[0].numpy() for u in end]), atol=1e-6)
