"""Four real nudges: fourth order in the nudge without complex states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from learning_rules.stencil import Point, StencilRule

__all__ = ["FourPoint"]


@dataclass(frozen=True)
class FourPoint(StencilRule):
    """dv/dbeta ~ [8 (v(b/2) - v(-b/2)) - (v(b) - v(-b))] / (6 b), error O(b^4); four nudged phases, real states.

    ``nudge`` is b, the largest of the nudges, so that estimators compare at equal strength.

    Source: the standard five-point stencil of numerical differentiation (its middle point has weight zero).
    """

    name: ClassVar[str] = "four-point"

    def points(self) -> tuple[Point, ...]:
        b = self.nudge
        inner, outer = 8.0 / (6.0 * b), -1.0 / (6.0 * b)
        return (Point(b / 2, inner), Point(-b / 2, -inner), Point(b, outer), Point(-b, -outer))
