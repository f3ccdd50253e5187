"""A machine of one's own: a network that relaxes by small explicit steps, and the target that offers it."""

from __future__ import annotations

from typing import Any

import torch

from equipoise.targets import Learning, Target
from hw_profiles import Event, InputError, Ledger
from substrates import Capabilities, Drive, Equilibrium, Nudge, RelaxationSubstrate, Stop
from substrates.network import Network

STEP = 0.5


class SmallSteps(RelaxationSubstrate):
    """u <- u + (F(v) + drive + beta dL/dv - u) / 2, one sample as any other."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("small-steps", differentiable=True)

    def program(self) -> Ledger:
        return Ledger()

    def drive(self, inputs: torch.Tensor) -> Drive:
        if inputs.shape[0] == 0 or tuple(inputs.shape[1:]) != tuple(self.network.input_shape):
            raise InputError(f"inputs of shape {tuple(inputs.shape)}; expected (batch, {self.network.input_shape})")
        with torch.no_grad():
            return Drive(inputs, self.network.input_currents(inputs))

    @torch.no_grad()
    def relax(
        self, drive: Drive, stop: Stop, *, nudge: Nudge | None = None, start: Equilibrium | None = None
    ) -> Equilibrium:
        if nudge is not None and (complex(nudge.beta).imag or nudge.reference is not None or nudge.force is not None):
            raise InputError("small steps know real nudges that follow the output, and nothing else")
        net = self.network
        u = net.rest(drive.batch) if start is None else start.membranes
        steps, residual = 0, self._residual(u, drive, None)
        while steps < stop.max_steps and (steps == 0 or stop.tolerance == 0 or float(residual.max()) > stop.tolerance):
            u = tuple(a + STEP * b for a, b in zip(u, self._force(u, drive, nudge)))
            steps += 1
            residual = self._residual(u, drive, nudge)
        count = torch.full((drive.batch,), steps)
        ledger = Ledger()
        ledger.add(Event.STEPS, steps * drive.batch)
        ledger.add(Event.MACS, steps * drive.batch * sum(c.macs for c in net.recurrent_couplings()))
        still = residual <= (stop.tolerance or 1e-3)
        return Equilibrium(net.activate(u), u, residual, still, count, torch.zeros_like(still), ledger)

    def _force(self, u: Any, drive: Drive, nudge: Nudge | None) -> Any:
        v = self.network.activate(u)
        force = [f + c - a for f, c, a in zip(self.network.recurrent_currents(v), drive.currents, u)]
        if nudge is not None and nudge.beta:
            force[-1] = force[-1] + complex(nudge.beta).real * self.network.cost.gradient(v[-1], nudge.target)
        return force

    def _residual(self, u: Any, drive: Drive, nudge: Nudge | None) -> torch.Tensor:
        return torch.stack([f.abs().flatten(1).amax(1) for f in self._force(u, drive, nudge)]).amax(0)


def make(network: Network, options: dict[str, Any], seed: int) -> SmallSteps:
    if options:
        raise InputError(f"small steps have no options, got {', '.join(options)}")
    return SmallSteps(network)


TARGET = Target("small-steps", "explicit steps of one half", network=make, learning=Learning(force="following"))
