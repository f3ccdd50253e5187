"""Dyadic EP: a second compartment per neuron that relaxes to the exact adjoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hw_profiles.errors import InputError
from learning_rules.linear_response import iterate, linearise
from learning_rules.rule import Estimate, Phases, Rule, finite_samples
from substrates.base import Drive, Equilibrium, RelaxationSubstrate

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Dyadic"]


@dataclass(frozen=True)
class Dyadic(Rule):
    """Each neuron holds a mean m and a difference d; m keeps the free dynamics, d follows the transposed Jacobian:

        dm/dt = F(m) - m,        dd/dt = D (W^T d + beta dL/dm) - d,        gradient = d / beta

    Exact in networks without reciprocity, and free of the finite-nudge bias: d is linear in beta, so +beta and
    -beta carry the same information and one relaxation serves every finite-nudge estimator. Needs W^T.

    Args:
        nudge: beta; only rounding depends on it.

    Source: Scurria et al., arXiv 2602.03670.
    """

    name: ClassVar[str] = "dyadic"
    nudge: float = 0.1
    damping: float = 1.0

    def __post_init__(self) -> None:
        if not (self.nudge > 0 and self.nudge < float("inf")):
            raise InputError(f"the nudge must be a finite number above zero, got {self.nudge}")

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
        stop = phases.nudged_by(self.nudge)
        difference, residual, _ = iterate(
            at,
            at.transposed,
            stop.max_steps,
            tolerance=stop.tolerance,
            check_every=stop.check_every,
            damping=self.damping,
            force=self.nudge,
        )
        errors = tuple(d / self.nudge for d in difference)
        converged = free.converged & finite_samples(errors)
        return Estimate(errors, free.activities, residual.maximum(free.residual), converged, 1)
