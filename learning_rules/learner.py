"""The driver: free phase, rule, sample weights, homeostasis; the gradient ends in ``.grad``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from learning_rules.adaptive import AdaptiveNudge, NudgeState
from learning_rules.combine import COMBINATIONS, Combination, combine_conflict_free, move_decoupled
from learning_rules.homeostasis import Homeostasis
from learning_rules.rule import Estimate, Phases, Rule
from learning_rules.stencil import StencilRule
from learning_rules.unsettled import SamplePolicy
from substrates.base import Drive, Equilibrium, RelaxationSubstrate
from substrates.devices import multiplying

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LearnReport", "Learner", "LearnerState"]


@dataclass(frozen=True)
class LearnerState:
    """What evolves from batch to batch: their number, and the nudge where it adapts."""

    step: int = 0
    nudge: NudgeState | None = None


@dataclass(frozen=True)
class LearnReport:
    """What one batch did.

    Attributes:
        loss: (batch,) loss of the free activities.
        correct: samples whose prediction was right; 0 for targets that are not class indices.
        settled: samples whose free relaxation came to rest, by the policy.
        used: samples with a weight above zero.
        converged: samples whose relaxations all converged.
        homeostasis: the homeostasis loss, None without.
        nudge: the nudge used, None for a rule without.
        equilibrations: relaxations times batch.
        estimate: errors and activities, for diagnostics.
        free: the free equilibrium (None for phase-free rules).
        ledger: everything the machine did.
    """

    loss: Tensor
    correct: int
    settled: int
    used: int
    converged: int
    homeostasis: float | None
    nudge: float | None
    equilibrations: int
    estimate: Estimate
    free: Equilibrium | None
    drive: Drive
    ledger: Ledger


@dataclass(frozen=True)
class Learner:
    """Settings of learning; rule, homeostasis, sample policy and machine are chosen independently.

    >>> learner = Learner(Centered(nudge=0.1), homeostasis=ClosedForm(1.0))     # doctest: +SKIP
    >>> report, state = learner.step(machine, images, labels, learner.init())   # doctest: +SKIP
    >>> optimizer.step(); machine.program()                                     # doctest: +SKIP

    Args:
        rule: how errors are estimated.
        phases: how long the machine relaxes.
        homeostasis: added to the task's gradient; None for none.
        policy: what samples that did not settle count for.
        adaptive: lets the nudge follow the estimator's own error.
        combination: ``sum`` (one gradient for the optimizer), ``conflict-free`` (ConFIG), or ``decoupled``: the
            optimizer gets the task alone, and homeostasis moves the weights by itself, each batch by ``coefficient``
            times n/2 dL_homeo/dtheta. For a dense pair that is W -= c (W - B^T), B -= c (B - W^T): the coefficient is
            the share of the difference that either side gives up, 0 to 1/2 (0.1 for the sampled methods, whose noise
            comes back through larger steps), whatever the optimizer's learning rate.
    """

    rule: Rule
    phases: Phases = field(default_factory=Phases)
    homeostasis: Homeostasis | None = None
    policy: SamplePolicy = field(default_factory=SamplePolicy)
    adaptive: AdaptiveNudge | None = None
    combination: Combination = "sum"

    def __post_init__(self) -> None:
        if self.combination not in COMBINATIONS:
            raise InputError(f"no combination {self.combination!r}; there are {', '.join(COMBINATIONS)}")
        homeostasis = self.homeostasis
        decoupled = self.combination == "decoupled" and homeostasis is not None
        if decoupled and homeostasis is not None and homeostasis.largest > homeostasis.decoupled_limit:
            raise InputError(
                f"decoupled homeostasis with a coefficient of {homeostasis.largest:g}; expected 0 to "
                f"{homeostasis.decoupled_limit:g} for {homeostasis.name}: the share of the difference W - B^T that "
                "each side gives up per batch (0.05 is usual)"
            )

    def init(self) -> LearnerState:
        """The state before the first batch."""
        return LearnerState(0, None if self.adaptive is None else self.adaptive.init(self.rule))

    def check(self, machine: RelaxationSubstrate) -> None:
        """Raise, before any work, unless ``machine`` can do what the rule needs."""
        self.rule.check(machine)
        if self.homeostasis is not None:
            self.homeostasis.check(machine.network)

    def step(
        self,
        machine: RelaxationSubstrate,
        inputs: Tensor,
        target: Tensor,
        state: LearnerState,
        *,
        progress: float = 0.0,
    ) -> tuple[LearnReport, LearnerState]:
        """Add the gradient of one batch's mean loss (and of the homeostasis) to ``.grad``.

        Decoupled homeostasis moves the parameters here instead, after everything else has read them.

        Args:
            machine: already programmed with the network's present parameters.
            inputs: (batch, *input shape).
            target: (batch, ...), what the cost understands.
            state: from `init` or the last step.
            progress: share of the training done, for schedules.
        """
        if state.step == 0:
            self.check(machine)
        with multiplying(getattr(machine, "precision", "float32"), inputs.device):
            return self._step(machine, inputs, target, state, progress)

    def _step(
        self, machine: RelaxationSubstrate, inputs: Tensor, target: Tensor, state: LearnerState, progress: float
    ) -> tuple[LearnReport, LearnerState]:
        network = machine.network
        if len(target) != len(inputs):
            raise InputError(f"{len(inputs)} inputs but {len(target)} targets; expected one target per input")
        drive = machine.drive(inputs)
        free = None if self.rule.phase_free else machine.relax(drive, self.phases.free)
        estimate, nudge_state = self._estimate(machine, drive, target, free, state)
        at = estimate if free is None else free
        weight = self.policy.weights(at.residual, at.converged, estimate)
        errors, activities = estimate.errors, estimate.activities
        if self.homeostasis is not None and not self.rule.exact:
            errors = self.homeostasis.adjoint_from_response(network, errors)
        everyone = weight.device.type == "cpu" and bool((weight > 0).all())  # an accelerator is not asked
        errors = tuple(_weighted(e, weight, everyone) for e in errors)
        if not everyone:  # a sample that weighs something has finite activities
            activities = tuple(torch.nan_to_num(v) for v in activities)
        output = estimate.activities[-1]
        parameters = [p for p in network.parameters() if p.requires_grad]
        earlier = [None if p.grad is None else p.grad for p in parameters]
        separate = self.combination != "sum" and self.homeostasis is not None
        if separate:
            for p in parameters:
                p.grad = None
        network.accumulate_gradient(inputs, activities, errors)
        network.cost.accumulate_gradient(activities[-1], target, weight)
        with torch.no_grad():
            losses = network.cost.loss(output, target)
        loss = self._homeostasis(machine, estimate, parameters, separate, state.step, progress)
        if separate:
            for p, before in zip(parameters, earlier):
                if before is not None:
                    p.grad = before if p.grad is None else p.grad + before
        report = LearnReport(
            loss=losses,
            correct=_correct(network.cost.predict(output), target),
            settled=int(self.policy.settled(at.residual, at.converged).sum()),
            used=int((weight > 0).sum()),
            converged=int(estimate.converged.sum()),
            homeostasis=loss,
            nudge=state.nudge.nudge if state.nudge is not None else getattr(self.rule, "nudge", None),
            equilibrations=(estimate.equilibrations + (free is not None)) * len(inputs),
            estimate=estimate,
            free=free,
            drive=drive,
            ledger=estimate.ledger if free is None else estimate.ledger + free.ledger,
        )
        return report, LearnerState(state.step + 1, nudge_state)

    def _estimate(
        self,
        machine: RelaxationSubstrate,
        drive: Drive,
        target: Tensor,
        free: Equilibrium | None,
        state: LearnerState,
    ) -> tuple[Estimate, NudgeState | None]:
        rule = self.rule.at_step(state.step)
        if self.adaptive is None or state.nudge is None:
            return rule.estimate(machine, drive, target, self.phases, free), None
        assert isinstance(rule, StencilRule)
        assert free is not None
        return self.adaptive.estimate(state.nudge, rule, machine, drive, target, self.phases, free)

    def _homeostasis(
        self,
        machine: RelaxationSubstrate,
        estimate: Estimate,
        parameters: list[torch.nn.Parameter],
        separate: bool,
        step: int,
        progress: float,
    ) -> float | None:
        if self.homeostasis is None:
            return None
        coefficient = self.homeostasis.coefficient_at(progress)
        task = [p.grad for p in parameters]
        if separate:
            for p in parameters:
                p.grad = None
        decoupled = self.combination == "decoupled"
        accumulate = self.homeostasis.accumulate_decoupled if decoupled else self.homeostasis.accumulate
        loss = accumulate(machine.network, estimate.activities, coefficient, step)
        if decoupled:
            move_decoupled(parameters, task)
        elif separate:
            combine_conflict_free(parameters, task)
        return loss


def _weighted(errors: Tensor, weight: Tensor, everyone: bool) -> Tensor:
    """errors * weight per sample; a weight of zero wins over NaN."""
    shape = (-1,) + (1,) * (errors.dim() - 1)
    weight = weight.to(errors.dtype).reshape(shape)
    weighted = errors * weight
    return weighted if everyone else torch.where(weight > 0, weighted, torch.zeros_like(errors))


def _correct(prediction: Tensor, target: Tensor) -> int:
    if target.is_floating_point() or target.dim() != 1:
        return 0
    return int((prediction == target).sum())
