"""Forward tangent: the response to an infinitely small nudge, by forward-mode differentiation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from learning_rules.linear_response import iterate, linearise
from learning_rules.rule import Estimate, Phases, Rule, finite_samples
from substrates.base import Drive, Equilibrium, RelaxationSubstrate

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Tangent"]


@dataclass(frozen=True)
class Tangent(Rule):
    """dv/dbeta at beta = 0 exactly: the tangent of the relaxation, e <- D (W e + c).

    What the finite-nudge estimators tend to as the nudge shrinks. Its only error is the finite number of steps.
    Where forward and backward weights differ, it is *not* the gradient: that is the bias homeostasis removes.

    Args:
        damping: step of the iteration; below 1 it converges for more networks.

    Source: the "true" response of Laborieux & Zenke, arXiv 2309.02214.
    """

    name: ClassVar[str] = "tangent"
    damping: float = 1.0

    def needs(self) -> dict[str, bool]:
        return {"differentiable": True}

    def estimate(
        self, machine: RelaxationSubstrate, drive: Drive, target: Tensor, phases: Phases, free: Equilibrium | None
    ) -> Estimate:
        assert free is not None
        at = linearise(machine.network, free, target)
        stop = phases.nudged
        errors, residual, _ = iterate(
            at,
            at.forward,
            stop.max_steps,
            tolerance=stop.tolerance,
            check_every=stop.check_every,
            damping=self.damping,
        )
        converged = free.converged & finite_samples(errors)
        return Estimate(errors, free.activities, residual.maximum(free.residual), converged, 1)
