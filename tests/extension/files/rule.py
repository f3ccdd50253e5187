"""A learning rule of one's own: the response by Richardson's extrapolation of two centered differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from learning_rules import Point, StencilRule


@dataclass(frozen=True)
class Richardson(StencilRule):
    """dv/dbeta ~ (4 D(b/2) - D(b)) / 3 with D the centered difference; error O(b^4)."""

    name: ClassVar[str] = "richardson"

    def points(self) -> tuple[Point, ...]:
        far, near = self.nudge, self.nudge / 2
        return (
            Point(far, -1 / (6 * far)),
            Point(-far, 1 / (6 * far)),
            Point(near, 4 / (6 * near)),
            Point(-near, -4 / (6 * near)),
        )
