"""N nudges on a circle in the complex plane: Cauchy's integral formula for the derivative."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import ClassVar

from hw_profiles.errors import InputError
from learning_rules.stencil import Point, StencilRule

__all__ = ["Cauchy"]


@dataclass(frozen=True)
class Cauchy(StencilRule):
    """dv/dbeta ~ (1/N) sum_k v(beta_k) / beta_k with beta_k = |beta| exp(2 pi i k / N), error O(|beta|^N).

    Parameters are real, so v(conj beta) = conj v(beta): only the points of the upper half circle are relaxed,
    N/2 + 1 of them for even N and (N + 1)/2 for odd. N = 1 is the one-sided and N = 2 the centered estimator,
    both with real states; more need complex states and holomorphic functions. The error falls with N only inside
    the disc in which v is analytic in beta: see `learning_rules.diagnostics`.

    Args:
        count: N, at least one.

    Source: Laborieux & Zenke, arXiv 2209.00530 and 2309.02214.
    """

    name: ClassVar[str] = "cauchy"
    count: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.count < 1:
            raise InputError(f"a Cauchy estimate needs at least one point, got {self.count}")

    def points(self) -> tuple[Point, ...]:
        return tuple(circle_points(self.nudge, self.count))


def circle_points(radius: float, count: int, *, mirror: bool = True) -> list[Point]:
    """The N points with coefficients 1/(N beta_k); with ``mirror``, conjugates folded into the upper half."""
    points = []
    for k in range(count):
        if 2 * k % count == 0:  # on the real axis, exactly
            beta = radius if k == 0 else -radius
            points.append(Point(beta, (1.0 / count) / beta))
            continue
        if mirror and 2 * k > count:
            continue
        angle = 2 * math.pi * k / count
        # On the imaginary axis exactly, too: cos(pi/2) is not zero in floating point.
        direction = (
            {1: 1j, 3: -1j}.get(4 * k // count, cmath.exp(1j * angle)) if 4 * k % count == 0 else cmath.exp(1j * angle)
        )
        value = radius * direction
        points.append(Point(value, 1.0 / (count * value), mirrored=mirror))
    return points
