"""Centered nudge: two phases, the first-order bias cancels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from learning_rules.stencil import Point, StencilRule

__all__ = ["Centered"]


@dataclass(frozen=True)
class Centered(StencilRule):
    """dv/dbeta ~ (v(beta) - v(-beta)) / (2 beta), error O(beta^2); two nudged phases, real states.

    Source: Laborieux et al., Front. Neurosci. 15:633674 (2021).
    """

    name: ClassVar[str] = "centered"

    def points(self) -> tuple[Point, ...]:
        return (Point(self.nudge, 0.5 / self.nudge), Point(-self.nudge, -0.5 / self.nudge))
