"""Finite nudges: relax under several nudges, combine the activities with a table of coefficients.

    dv/dbeta  ~  sum_k  c_k v(beta_k)

Each estimator is its table. Nudged activities enter as differences from the free ones, which changes nothing
(the coefficients sum to zero) but rounding.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from learning_rules.rule import Estimate, Phases, Rule, finite_samples
from substrates.base import Drive, Equilibrium, Nudge, RelaxationSubstrate

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Correction", "Point", "StencilRule"]

Correction = Literal["none", "asymep"]


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

    Raises:
        InputError: a nudge that is not above zero, an unknown correction.
    """

    nudge: float = 0.1
    correction: Correction = "none"

    def __post_init__(self) -> None:
        if not (self.nudge > 0 and self.nudge < float("inf")):
            raise InputError(f"the nudge must be a finite number above zero, got {self.nudge}")
        if self.correction not in ("none", "asymep"):
            raise InputError(f"no correction {self.correction!r} of finite nudges; there are none, asymep")

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
        nudges = [Nudge(_plain(point.beta), target, reference) for point in points]
        for point, nudged in zip(points, machine.relax_each(drive, stop, nudges, free)):
            parts = tuple(_contribution(v, v0, point) for v, v0 in zip(nudged.activities, free.activities))
            errors = tuple(e.add_(part) for e, part in zip(errors, parts)) if errors else parts
            residual = torch.maximum(residual, nudged.residual)
            converged = converged & nudged.converged
            ledger.merge(nudged.ledger)
        converged = converged & finite_samples(errors)
        return Estimate(errors, free.activities, residual, converged, len(points), None, ledger)


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
