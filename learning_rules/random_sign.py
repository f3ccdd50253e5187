"""Random sign: one nudged phase whose first-order bias averages out over batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from learning_rules.stencil import Point, StencilRule
from substrates.seeds import stream

__all__ = ["RandomSign"]


@dataclass(frozen=True)
class RandomSign(StencilRule):
    """dv/dbeta ~ (v(s beta) - v(0)) / (s beta) with s = +1 or -1, drawn anew for each batch.

    The cost of one nudged phase, in the mean over s the centered estimate. The sign is a function of
    (``seed``, ``step``), so a resumed run draws the same signs; the learner advances ``step``.

    Source: Scellier & Bengio, Front. Comput. Neurosci. 11:24 (2017), appendix C.
    """

    name: ClassVar[str] = "random-sign"
    seed: int = 0
    step: int = 0

    def at_step(self, step: int) -> RandomSign:
        """The rule for batch number ``step``."""
        return replace(self, step=step)

    def points(self) -> tuple[Point, ...]:
        sign = 1.0 if stream(self.seed, "nudge sign", self.step).random() < 0.5 else -1.0
        beta = sign * self.nudge
        return (Point(beta, 1.0 / beta),)
