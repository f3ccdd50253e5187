"""Finite nudges: relax under several nudges, combine the activities with a table of coefficients.

    dv/dbeta  ~  sum_k  c_k v(beta_k)

Each estimator is its table. Nudged activities enter as differences from the free ones, which changes nothing
(the coefficients sum to zero) but rounding.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from learning_rules.rule import Estimate, Phases, Rule, finite_samples
from substrates.base import Drive, Equilibrium, Nudge, RelaxationSubstrate

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["FORCES", "Correction", "Force", "Point", "StencilRule"]

Correction = Literal["none", "asymep"]
Force = Literal["following", "held", "normalised"]
FORCES: tuple[Force, ...] = ("following", "held", "normalised")
#: a gradient smaller than this counts as none: its direction is rounding
_SMALLEST = 1e-6


class Point(NamedTuple):
    """One nudge and its coefficient. ``mirrored`` points stand for themselves and their complex conjugate."""

    beta: complex
    coefficient: complex
    mirrored: bool = False


@dataclass(frozen=True)
class StencilRule(Rule):
    """A rule that is a table of nudges and coefficients.

    Args:
        nudge: |beta|, the size of the nudge; above zero.
        correction: ``asymep`` adds (W^T - W)(v - v0) while nudged, so that the response is the exact adjoint in
            networks without reciprocity (Scurria et al., arXiv 2602.03670).
        force: what pushes the output. ``following``: beta dL/dv at the output's present activity, as published.
            ``held``: beta dL/dv at the free activity, constant through the phase. ``normalised``: held, and divided
            by the sample's largest |dL/dv|, which then multiplies the response. All three tend to the same response
            as beta -> 0. A normalised force moves every sample equally far, so that noise and rounding of the
            readings weigh on a sample in proportion to its error: without it, samples that are right already bring
            nothing but noise.

    Raises:
        InputError: a nudge that is not above zero, an unknown correction or force.
    """

    nudge: float = 0.1
    correction: Correction = "none"
    force: Force = field(default="following", kw_only=True)

    def __post_init__(self) -> None:
        if not (self.nudge > 0 and self.nudge < float("inf")):
            raise InputError(f"the nudge must be a finite number above zero, got {self.nudge}")
        if self.correction not in ("none", "asymep"):
            raise InputError(f"no correction {self.correction!r} of finite nudges; there are none, asymep")
        if self.force not in FORCES:
            raise InputError(f"no force {self.force!r} of finite nudges; there are {', '.join(FORCES)}")

    @property
    def exact(self) -> bool:
        return self.correction != "none"

    @abstractmethod
    def points(self) -> tuple[Point, ...]:
        """The nudges to relax under and what each counts."""

    def with_nudge(self, nudge: float) -> StencilRule:
        """The same rule with another nudge."""
        return replace(self, nudge=nudge)

    def needs(self) -> dict[str, bool]:
        return {
            "complex_states": any(complex(p.beta).imag != 0 for p in self.points()),
            "antisymmetric_correction": self.correction == "asymep",
            "held_force": self.force != "following",
        }

    def estimate(
        self, machine: RelaxationSubstrate, drive: Drive, target: Tensor, phases: Phases, free: Equilibrium | None
    ) -> Estimate:
        assert free is not None
        points = self.points()
        reference = free.activities if self.correction == "asymep" else None
        stop = phases.nudged_by(self.nudge)
        ledger = Ledger()
        errors: tuple[Tensor, ...] = ()
        residual, converged = free.residual, free.converged
        force, size = self.held_force(machine, free, target)
        nudges = [Nudge(_plain(point.beta), target, reference, force) for point in points]
        for point, nudged in zip(points, machine.relax_each(drive, stop, nudges, free)):
            parts = tuple(_contribution(v, v0, point) for v, v0 in zip(nudged.activities, free.activities))
            errors = tuple(e.add_(part) for e, part in zip(errors, parts)) if errors else parts
            residual = torch.maximum(residual, nudged.residual)
            converged = converged & nudged.converged
            ledger.merge(nudged.ledger)
        if size is not None:
            errors = tuple(e.mul_(size.reshape(-1, *[1] * (e.dim() - 1)).to(e.dtype)) for e in errors)
        converged = converged & finite_samples(errors)
        return Estimate(errors, free.activities, residual, converged, len(points), None, ledger)

    def held_force(
        self, machine: RelaxationSubstrate, free: Equilibrium, target: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """The held force per unit of beta, and the factor (batch,) for the response; None where there is none."""
        if self.force == "following":
            return None, None
        gradient = machine.network.cost.gradient(free.activities[-1], target).detach()
        if self.force == "held":
            return gradient, None
        size = gradient.flatten(1).abs().amax(dim=1)
        size = torch.where(size > _SMALLEST, size, torch.zeros_like(size))
        shape = (-1, *[1] * (gradient.dim() - 1))
        return gradient / size.clamp(min=_SMALLEST).reshape(shape), size


def _contribution(nudged: Tensor, free: Tensor, point: Point) -> Tensor:
    """c_k (v_k - v0), real part; twice that for a point that stands for its conjugate too."""
    difference = nudged - free
    if not difference.is_complex():
        return difference * float(complex(point.coefficient).real)
    part = (difference * point.coefficient).real
    return 2.0 * part if point.mirrored else part


def _plain(beta: complex) -> complex:
    """A real nudge as a float, so that real machines need not know about complex numbers."""
    return beta if complex(beta).imag != 0 else complex(beta).real
