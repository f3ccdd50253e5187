"""The ideal machine: the network's own equations in floating point, without a fault. The target called `ideal`."""

from __future__ import annotations

import torch

from hw_profiles.ledger import Event, Ledger
from substrates.analog.checks import check_drive, check_nudge, check_start
from substrates.analog.field import Field, promote
from substrates.analog.kernels import DenseRelaxation
from substrates.analog.solvers import Damped, Relaxed, Solver, relax_batch
from substrates.base import Capabilities, Drive, Equilibrium, Nudge, RelaxationSubstrate, Stop
from substrates.network import Network, State

__all__ = ["IdealMachine", "macs_per_step"]


class IdealMachine(RelaxationSubstrate):
    """Relaxes a network exactly as its equations say, on the device and in the precision of its parameters.

    Args:
        network: kept by reference; its present parameters are used at every call, nothing needs programming.
        solver: how to relax; half-steps of the damped map unless told otherwise.
    """

    def __init__(self, network: Network, *, solver: Solver | None = None) -> None:
        self.network = network
        self.solver = Damped() if solver is None else solver
        self._compiled = DenseRelaxation(network)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="ideal",
            complex_states=self.network.holomorphic,
            antisymmetric_correction=True,
            oscillation=True,
            differentiable=True,
        )

    def program(self) -> Ledger:
        """Nothing to write: the parameters are read in place."""
        return Ledger()

    def drive(self, inputs: torch.Tensor) -> Drive:
        with torch.no_grad():
            return Drive(inputs, self._compiled.currents(inputs))

    @torch.no_grad()
    def relax(
        self, drive: Drive, stop: Stop, *, nudge: Nudge | None = None, start: Equilibrium | None = None
    ) -> Equilibrium:
        network = self.network
        check_drive(network, drive)
        check_nudge(network, drive, nudge)
        membranes: State = network.rest(drive.batch) if start is None else check_start(network, drive, start)
        if needs_complex(nudge, membranes):
            membranes = promote(membranes)
        field = Field(network, drive.currents, nudge, lambda i, u: network.activations[i].function(u))
        if self._compiled.applies(field, self.solver, membranes):
            relaxed, activities = self._compiled.run(field, self.solver, membranes, stop, None, None)
        else:
            relaxed = relax_batch(self.solver, field, membranes, stop)
            activities = field.activate(relaxed.membranes)
        return Equilibrium(
            activities=activities,
            membranes=relaxed.membranes,
            residual=relaxed.residual,
            converged=relaxed.converged,
            steps=relaxed.steps,
            cycling=relaxed.cycling,
            ledger=self._count(relaxed, "free" if nudge is None else "nudged"),
        )

    def _count(self, relaxed: Relaxed, phase: str) -> Ledger:
        ledger = Ledger()
        total = int(relaxed.steps.sum())
        factor = 4 if relaxed.membranes[0].is_complex() else 1
        ledger.add(Event.MACS, total * macs_per_step(self.network) * factor, phase=phase)
        ledger.add(Event.STEPS, total, phase=phase)
        return ledger


def needs_complex(nudge: Nudge | None, membranes: State) -> bool:
    """Complex states are needed where the nudge has an imaginary part and the state is still real."""
    return nudge is not None and complex(nudge.beta).imag != 0 and not membranes[0].is_complex()


def macs_per_step(network: Network) -> int:
    """Multiply-accumulates of the recurrent couplings in one step of one sample."""
    return sum(c.macs for c in network.recurrent_couplings())
