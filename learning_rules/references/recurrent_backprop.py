"""Recurrent backpropagation as the homeostasis paper runs it: a fixed number of undamped steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from learning_rules.linear_response import linearise
from learning_rules.rule import Estimate, Phases, Rule, State, finite_samples
from substrates.base import Drive, Equilibrium, RelaxationSubstrate

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["RecurrentBackprop"]


@dataclass(frozen=True)
class RecurrentBackprop(Rule):
    """The Pineda-Almeida iteration in membrane coordinates, T2 steps from zero:

        z <- W^T (D z) + dL/dv,        error = D z

    the same fixed point as `Adjoint`, without a stopping rule: the baseline of the published figures.

    Source: Pineda, Phys. Rev. Lett. 59:2229 (1987); Almeida (1987).
    """

    name: ClassVar[str] = "recurrent-backprop"

    @property
    def exact(self) -> bool:
        return True

    def needs(self) -> dict[str, bool]:
        return {"differentiable": True}

    def estimate(
        self, machine: RelaxationSubstrate, drive: Drive, target: Tensor, phases: Phases, free: Equilibrium | None
    ) -> Estimate:
        assert free is not None
        at = linearise(machine.network, free, target)
        z: State = tuple(torch.zeros_like(c) for c in at.force)
        change = torch.zeros_like(free.residual)
        for _ in range(phases.nudged.max_steps):
            back = at.transposed(tuple(d * x for d, x in zip(at.slopes, z)))
            following = tuple(m + c for m, c in zip(back, at.force))
            change = torch.stack([(f - x).abs().flatten(1).amax(1) for f, x in zip(following, z)]).amax(0)
            z = following
        errors = tuple(d * x for d, x in zip(at.slopes, z))
        converged = free.converged & finite_samples(errors)
        return Estimate(errors, free.activities, change.maximum(free.residual), converged, 1)
