"""One-sided nudge: the original estimator, with a bias of first order in the nudge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from learning_rules.stencil import Point, StencilRule

__all__ = ["OneSided"]


@dataclass(frozen=True)
class OneSided(StencilRule):
    """dv/dbeta ~ (v(beta) - v(0)) / beta, error O(beta); one nudged phase.

    ``sign=-1`` nudges the loss down, the usual choice of the early papers; -1 and +1 differ at first order only.

    Source: Scellier & Bengio, Front. Comput. Neurosci. 11:24 (2017).
    """

    name: ClassVar[str] = "one-sided"
    sign: int = -1

    def points(self) -> tuple[Point, ...]:
        beta = float(self.sign) * self.nudge
        return (Point(beta, 1.0 / beta),)
