"""A nudge that adapts: as large as the estimator's bias allows, no larger."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hw_profiles.errors import InputError
from learning_rules.measures import cosines
from learning_rules.rule import Estimate, Phases, Rule
from learning_rules.stencil import StencilRule

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.base import Drive, Equilibrium, RelaxationSubstrate

__all__ = ["AdaptiveNudge", "NudgeState"]


@dataclass(frozen=True)
class NudgeState:
    """What evolves: the present nudge, the last agreement (NaN before the first probe), the factor the last probe
    moved the nudge by, and batches until the next probe."""

    nudge: float
    agreement: float = math.nan
    moved: float = 1.0
    wait: int = 0


@dataclass(frozen=True)
class AdaptiveNudge:
    """Every few batches, compare the estimate at nudge b with one at b/2, and move b.

    The bias of a finite nudge grows while training sharpens the network: a centered nudge of 0.5 that starts at a
    cosine of 0.98 with the gradient ends near 0.84. The two estimates disagree by about three quarters of the bias,
    so their cosine (the worst over populations) tells what to do: below ``agreement``, b shrinks by ``factor``;
    above the square root of it, b grows by the square root of ``factor``. Small nudges drown in noise and rounding:
    where shrinking made the agreement worse, b grows back. A probe costs one more estimate, one batch in ``every``.

    Args:
        agreement: cosine to hold, below one.
        smallest, largest: range of the nudge.
        factor: how far one probe may move it, below one.
        every: batches between probes.
    """

    agreement: float = 0.995
    smallest: float = 0.005
    largest: float = 1.0
    factor: float = 0.5
    every: int = 20

    def __post_init__(self) -> None:
        if not 0 < self.agreement < 1 or not 0 < self.factor < 1:
            raise InputError(f"agreement and factor lie between 0 and 1, got {self.agreement} and {self.factor}")
        if not 0 < self.smallest <= self.largest < math.inf:
            raise InputError(f"the nudge's range must be 0 < smallest <= largest, got {self.smallest}, {self.largest}")
        if self.every < 1:
            raise InputError(f"probes must be at least one batch apart, got {self.every}")

    def init(self, rule: Rule) -> NudgeState:
        """Start from the rule's own nudge.

        Raises:
            InputError: the rule has no finite nudge.
        """
        if not isinstance(rule, StencilRule):
            raise InputError(f"the rule {rule.name!r} has no finite nudge that could adapt; leave the nudge fixed")
        return NudgeState(min(max(rule.nudge, self.smallest), self.largest))

    def estimate(
        self,
        state: NudgeState,
        rule: StencilRule,
        machine: RelaxationSubstrate,
        drive: Drive,
        target: Tensor,
        phases: Phases,
        free: Equilibrium,
    ) -> tuple[Estimate, NudgeState]:
        """One estimate with the present nudge, and the state for the next batch. A probe returns its finer half."""
        coarse = rule.with_nudge(state.nudge).estimate(machine, drive, target, phases, free)
        if state.wait > 0:
            return coarse, replace(state, wait=state.wait - 1)
        fine = rule.with_nudge(state.nudge / 2).estimate(machine, drive, target, phases, free)
        found = [c for c in cosines(coarse.errors, fine.errors, coarse.converged) if not math.isnan(c)]
        agreement = min(found, default=math.nan)
        moved = self._move(agreement, state)
        nudge = min(max(state.nudge * moved, self.smallest), self.largest)
        both = replace(
            fine,
            equilibrations=coarse.equilibrations + fine.equilibrations,
            ledger=coarse.ledger + fine.ledger,
            converged=coarse.converged & fine.converged,
        )
        return both, NudgeState(nudge, agreement, moved, self.every - 1)

    def _move(self, agreement: float, state: NudgeState) -> float:
        """The factor to move the nudge by."""
        if math.isnan(agreement):
            return 1.0
        if agreement > math.sqrt(self.agreement):
            return 1.0 / math.sqrt(self.factor)
        if agreement > self.agreement:
            return 1.0
        if state.moved < 1.0 and agreement < state.agreement:
            return 1.0 / self.factor
        return self.factor
