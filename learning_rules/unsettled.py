"""What a sample counts for when it did not settle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from hw_profiles.errors import InputError
from learning_rules.rule import Estimate, finite_samples

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SamplePolicy"]


@dataclass(frozen=True)
class SamplePolicy:
    """Weights of a batch's samples, by the residual of their free relaxation. Whatever the policy, such samples are
    counted in the report, and one with a number that is not finite weighs nothing. A sample its machine calls
    converged is settled whatever its residual (on a noisy machine the residual never ends).

    Args:
        unsettled: ``drop`` gives samples above ``limit`` no weight, ``down-weight`` gives them limit / residual,
            ``keep`` all of it.
        limit: largest residual of a settled sample, in units of the pre-activation.
    """

    unsettled: Literal["drop", "down-weight", "keep"] = "drop"
    limit: float = 1e-2

    def __post_init__(self) -> None:
        if self.unsettled not in ("drop", "down-weight", "keep"):
            raise InputError(f"no policy {self.unsettled!r} for unsettled samples; there are drop, down-weight, keep")
        if not self.limit > 0:
            raise InputError(f"the residual limit must be above zero, got {self.limit}")

    def settled(self, residual: Tensor, converged: Tensor) -> Tensor:
        """(batch,) bool: samples at rest."""
        return converged | (residual <= self.limit)

    def weights(self, residual: Tensor, converged: Tensor, estimate: Estimate) -> Tensor:
        """(batch,) weights that sum to one, or all zero where no sample is usable.

        Args:
            residual, converged: of the relaxation the rule operates at.
            estimate: of the rule.
        """
        settled = self.settled(residual, converged)
        weight = torch.ones_like(residual)
        if self.unsettled == "drop":
            weight = settled.to(residual.dtype)
        elif self.unsettled == "down-weight":
            weight = torch.where(settled, weight, self.limit / residual)
        good = finite_samples(estimate.errors) & finite_samples(estimate.activities)
        weight = torch.where(good & torch.isfinite(weight), weight, torch.zeros_like(weight))
        total = weight.sum()
        return weight / torch.where(total > 0, total, torch.ones_like(total))
