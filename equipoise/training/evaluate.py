"""Measure a network on its machine: accuracy, and how near the rule's errors come to the true gradient."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hw_profiles.ledger import Event, Ledger
from learning_rules import Learner, LearnerState, Phases, cosines
from learning_rules.references.adjoint import adjoint_errors
from substrates.base import Stop

if TYPE_CHECKING:
    from torch import Tensor

    from equipoise.training.datasets.base import Inputs
    from learning_rules import Rule
    from substrates.base import RelaxationSubstrate

__all__ = ["accuracy", "gradient_cosine", "response_to_noise"]


def accuracy(
    machine: RelaxationSubstrate, inputs: Inputs, targets: Tensor, stop: Stop, *, batch_size: int = 500
) -> tuple[float, float, Ledger]:
    """Share of samples the machine's free equilibrium classifies rightly, share that converged, and the counts.

    A class is read off the last population, so of the host's reads only those are counted.
    """
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
    last = machine.network.populations[-1].name
    ledger = Ledger({key: n for key, n in ledger.items() if key.event is not Event.HOST_READS or key.layer == last})
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
    rule = _rule(learner, state)
    found = rule.estimate(machine, drive, targets, learner.phases, None if rule.phase_free else free)
    fine = Phases(learner.phases.free, Stop(300, 1e-6))
    reference, _ = adjoint_errors(machine, free, targets, fine)
    return cosines(found.errors, reference, learner.policy.settled(free.residual, free.converged))


def response_to_noise(
    learner: Learner, machine: RelaxationSubstrate, inputs: Tensor, targets: Tensor, state: LearnerState
) -> list[float]:
    """Size of the response over that of its noise, per population, for a single sample; from two estimates.

    With e = s + n and independent n of the same size, <e1, e2> estimates |s|^2 and |e1 - e2|^2 / 2 estimates |n|^2.
    Below one, a sample's error is mostly noise and only the sum over many tells something.
    """
    drive = machine.drive(inputs)
    rule = _rule(learner, state)
    free = None if rule.phase_free else machine.relax(drive, learner.phases.free)
    first, second = (rule.estimate(machine, drive, targets, learner.phases, free) for _ in range(2))
    found = []
    for a, b in zip(first.errors, second.errors):
        signal, noise = float((a * b).sum()), float(((a - b) ** 2).sum()) / 2
        found.append(math.sqrt(max(0.0, signal) / noise) if noise > 0 else math.inf)
    return found


def _rule(learner: Learner, state: LearnerState) -> Rule:
    """The learner's rule with the present nudge."""
    if state.nudge is None:
        return learner.rule
    rule: Rule = getattr(learner.rule, "with_nudge")(state.nudge.nudge)  # noqa: B009
    return rule
