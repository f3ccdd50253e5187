"""Measure a network on its machine: accuracy, and how near the rule's errors come to the true gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.ledger import Ledger
from learning_rules import Learner, LearnerState, Phases, cosines
from learning_rules.references.adjoint import adjoint_errors
from substrates.base import Stop

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.base import RelaxationSubstrate

__all__ = ["accuracy", "gradient_cosine"]


def accuracy(
    machine: RelaxationSubstrate, inputs: Tensor, targets: Tensor, stop: Stop, *, batch_size: int = 500
) -> tuple[float, float, Ledger]:
    """Share of samples the machine's free equilibrium classifies rightly, share that converged, and the counts."""
    right = converged = 0
    ledger = Ledger()
    cost = machine.network.cost
    device = next(machine.network.parameters()).device
    for x, y in zip(inputs.split(batch_size), targets.split(batch_size)):
        x, y = x.to(device), y.to(device)
        free = machine.relax(machine.drive(x), stop)
        right += int((cost.predict(free.activities[-1]) == y).sum())
        converged += int(free.converged.sum())
        ledger.merge(free.ledger)
    return right / len(targets), converged / len(targets), ledger


def gradient_cosine(
    learner: Learner, machine: RelaxationSubstrate, inputs: Tensor, targets: Tensor, state: LearnerState
) -> list[float]:
    """Cosine of the rule's errors with the exact adjoint, per population, over settled samples.

    The adjoint is computed from the network's own parameters at the activities the machine reported; what this
    does is not counted as the machine's work.
    """
    drive = machine.drive(inputs)
    free = machine.relax(drive, learner.phases.free)
    rule = learner.rule
    if state.nudge is not None:
        rule = getattr(rule, "with_nudge")(state.nudge.nudge)  # noqa: B009
    found = rule.estimate(machine, drive, targets, learner.phases, None if rule.phase_free else free)
    fine = Phases(learner.phases.free, Stop(300, 1e-6))
    reference, _ = adjoint_errors(machine, free, targets, fine)
    return cosines(found.errors, reference, learner.policy.settled(free.residual, free.converged))
