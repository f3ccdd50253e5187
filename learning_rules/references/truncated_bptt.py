"""Truncated backpropagation through time: reverse-mode differentiation of the last steps of the relaxation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from learning_rules.rule import Estimate, Phases, Rule, finite_samples
from substrates.base import Drive, Equilibrium, RelaxationSubstrate

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TruncatedBPTT"]


@dataclass(frozen=True)
class TruncatedBPTT(Rule):
    """Unroll u <- F(v, x) for T2 steps from the (detached) free state and differentiate the last loss.

    The error of a population is the gradient with respect to a current added to it at every step: the sum over the
    unrolled steps of dL/dF_t. At the fixed point this equals T2 steps of recurrent backprop, by a different road
    (automatic differentiation of the dynamics), which is what makes it a check.

    Source: Ernoult et al., arXiv 1905.13633, theorem 1.
    """

    name: ClassVar[str] = "truncated-bptt"

    @property
    def exact(self) -> bool:
        return True

    def needs(self) -> dict[str, bool]:
        return {"differentiable": True}

    def estimate(
        self, machine: RelaxationSubstrate, drive: Drive, target: Tensor, phases: Phases, free: Equilibrium | None
    ) -> Estimate:
        assert free is not None
        network = machine.network
        extra = tuple(torch.zeros_like(u).requires_grad_() for u in free.membranes)
        activities = tuple(v.detach() for v in free.activities)
        with torch.enable_grad():
            for _ in range(phases.nudged.max_steps):
                currents = network.recurrent_currents(activities)
                membranes = tuple(c + r + x for c, r, x in zip(drive.currents, currents, extra))
                activities = network.activate(membranes)
            loss = network.cost.loss(activities[-1], target).sum()
            found = torch.autograd.grad(loss, extra, allow_unused=True)
        errors = tuple(torch.zeros_like(x) if g is None else g.detach() for g, x in zip(found, extra))
        converged = free.converged & finite_samples(errors)
        return Estimate(errors, free.activities, free.residual, converged, 1)
