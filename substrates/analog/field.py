"""The force on every membrane: what one relaxation, with its drive, nudge and correction, pulls towards.

    F_l(u) = I_l + sum over couplings into l of W v_source + [l is the output] beta dL/dv
             + [reference given] ((J^T - J)(v - v0))_l,         v = sigma(u)

and the dynamics are tau du/dt = F(u) - u. Everything here is a value: a field of half the batch is `select`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from substrates.analog.imperfections.converters import quantise
from substrates.base import Nudge
from substrates.network import Network, State

__all__ = ["Field", "largest", "promote"]


@dataclass(frozen=True)
class Field:
    """F(u) for one batch.

    Attributes:
        network: couplings and cost, with the weights the machine really has.
        currents: constant current into each population, (batch, *shape) each.
        nudge: force on the output; None in the free phase.
        activate_one: (population, u) -> v; a machine with mismatch brings its own.
        rail: forces saturate at plus and minus this; 0 means never.
        nudge_bits, nudge_range: resolution of the nudge current; 0 bits means exact.
    """

    network: Network
    currents: State
    nudge: Nudge | None
    activate_one: Callable[[int, Tensor], Tensor]
    rail: float = 0.0
    nudge_bits: int = 0
    nudge_range: float = 1.0

    def activate(self, membranes: State) -> State:
        """v = sigma(u), population by population."""
        return tuple(self.activate_one(i, u) for i, u in enumerate(membranes))

    def __call__(self, membranes: State) -> State:
        """F(u), one tensor per population; real or complex like ``membranes``."""
        activities = self.activate(membranes)
        forces = self.network.recurrent_currents(activities)
        nudge = self.nudge
        if nudge is None:
            return tuple(self._saturate(i + f) for i, f in zip(self.currents, forces))
        total = [i + f for i, f in zip(self.currents, forces)]
        if nudge.reference is not None:
            away = tuple(v - r for v, r in zip(activities, nudge.reference))
            back = self.network.transposed_currents(away, nudge.reference)
            along = self.network.tangent_currents(away, nudge.reference)
            total = [t + b - a for t, b, a in zip(total, back, along)]
        total[-1] = total[-1] + self._nudge_current(nudge, activities[-1])
        return tuple(self._saturate(t) for t in total)

    def population(self, index: int, activities: State) -> Tensor:
        """F of one population only, from activities; for solvers that update populations in turn."""
        network, nudge = self.network, self.nudge
        total = self.currents[index] + network.recurrent_current(index, activities)
        if nudge is None:
            return self._saturate(total)
        if nudge.reference is not None:
            away = tuple(v - r for v, r in zip(activities, nudge.reference))
            back = network.transposed_currents(away, nudge.reference)[index]
            along = network.tangent_currents(away, nudge.reference)[index]
            total = total + back - along
        if index == len(activities) - 1:
            total = total + self._nudge_current(nudge, activities[-1])
        return self._saturate(total)

    def _saturate(self, force: Tensor) -> Tensor:
        return force.clamp(-self.rail, self.rail) if self.rail else force

    def _nudge_current(self, nudge: Nudge, output: Tensor) -> Tensor:
        """beta dL/dv of the output activities, or beta times the held force."""
        if nudge.beta == 0:
            return torch.zeros_like(output)
        beta = nudge.beta if output.is_complex() else complex(nudge.beta).real
        if nudge.force is None:
            current = beta * self.network.cost.gradient(output, nudge.target)
        else:
            current = beta * nudge.force.detach().to(output.real.dtype)
        return quantise(current, self.nudge_bits, -self.nudge_range, self.nudge_range)

    def select(self, samples: Tensor) -> Field:
        """The field of some samples of the batch, by index."""
        nudge = self.nudge
        if nudge is not None:
            reference, force = nudge.reference, nudge.force
            nudge = Nudge(
                nudge.beta,
                nudge.target[samples],
                None if reference is None else tuple(r[samples] for r in reference),
                None if force is None else force[samples],
            )
        return replace(self, currents=tuple(c[samples] for c in self.currents), nudge=nudge)


def largest(force: State, membranes: State) -> Tensor:
    """Residual per sample: the largest |F(u) - u| over all neurons; infinite where anything is not a number."""
    worst = torch.stack([(f - u).abs().flatten(1).amax(dim=1) for f, u in zip(force, membranes)]).amax(dim=0)
    return torch.nan_to_num(worst, nan=torch.inf)


def promote(state: State) -> State:
    """The same state as complex numbers."""
    return tuple(s if s.is_complex() else torch.complex(s, torch.zeros_like(s)) for s in state)
