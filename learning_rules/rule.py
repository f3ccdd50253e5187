"""The one interface of every learning rule: equilibria in, an error vector per population out.

A rule estimates how the activities answer the nudge, dv/dbeta at beta = 0 (or computes the adjoint that this
answer stands for). The gradient of any parameter follows as ``(dF/dtheta)^T e``: for a weight, post error times
pre activity. The rule knows neither the kind of network nor the machine nor the homeostasis; `Learner` puts these
together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from substrates.base import Capabilities, Drive, Equilibrium, RelaxationSubstrate, Stop

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from substrates.network import Network

__all__ = ["Estimate", "Phases", "Rule"]

State = tuple["Tensor", ...]


@dataclass(frozen=True)
class Phases:
    """How long the machine relaxes: ``free`` without the nudge, ``nudged`` from there with it.

    The nudged phase's tolerance is multiplied by |nudge|, so that it bounds the error of the *response* dv/dbeta and
    does not grow as the nudge shrinks.
    """

    free: Stop = field(default_factory=lambda: Stop(150, 1e-5))
    nudged: Stop = field(default_factory=lambda: Stop(50, 1e-4))

    def nudged_by(self, size: float) -> Stop:
        """The nudged phase's stop for a nudge of that size."""
        return Stop(self.nudged.max_steps, self.nudged.tolerance * abs(size), self.nudged.check_every)


@dataclass(frozen=True)
class Estimate:
    """What a rule returns for one batch.

    Attributes:
        errors: e, one real tensor (batch, *shape) per population: dv/dbeta or the adjoint of the loss.
        activities: where the rule operates, real: the free activities (running means for phase-free rules).
        residual: (batch,) largest residual of the relaxations this came from.
        converged: (batch,) bool, every relaxation converged and every number is finite.
        equilibrations: relaxations asked for, per sample.
        leakage: |Im e| / |Re e| over the batch; None for a rule whose states are real, or that uses the
            conjugate symmetry (which makes it zero by construction).
        ledger: counts of those relaxations.
    """

    errors: State
    activities: State
    residual: Tensor
    converged: Tensor
    equilibrations: int
    leakage: float | None = None
    ledger: Ledger = field(default_factory=Ledger)


@dataclass(frozen=True)
class Rule(ABC):
    """Base of the rules: settings only, nothing evolves inside."""

    name: ClassVar[str]
    #: no free phase: the machine is never left alone, `Rule.estimate` gets ``free=None``
    phase_free: ClassVar[bool] = False

    @classmethod
    def settings(cls) -> tuple[str, ...]:
        """Names of what this rule can be told when it is made."""
        return tuple(f.name for f in fields(cls) if f.init)

    @classmethod
    def from_words(cls, *, points: int = 2, **words: Any) -> Rule:
        """The rule with the words of the command line that it has a setting for; ``points`` is its ``count``.

        A rule whose settings have other names overrides this.

        Args:
            points: N of estimators with a number of nudges.
            words: nudge, correction, force, seed, damping.
        """
        return cls(**{name: value for name, value in {**words, "count": points}.items() if name in cls.settings()})

    def at_step(self, step: int) -> Rule:
        """The rule for batch number ``step``; the same one unless it draws anew for each batch."""
        return self

    @property
    def exact(self) -> bool:
        """Whether the errors stand for the adjoint in any network, not for the response dv/dbeta."""
        return False

    @abstractmethod
    def needs(self) -> dict[str, bool]:
        """Capabilities (fields of `Capabilities`) that a machine must have for this rule."""

    @abstractmethod
    def estimate(
        self,
        machine: RelaxationSubstrate,
        drive: Drive,
        target: Tensor,
        phases: Phases,
        free: Equilibrium | None,
    ) -> Estimate:
        """Estimate the error vectors of one batch.

        Args:
            machine: programmed with the present parameters.
            drive: of the batch.
            target: whatever the network's cost understands, (batch, ...).
            phases: how long to relax.
            free: the free equilibrium (None for a phase-free rule).
        """

    def check(self, machine: RelaxationSubstrate) -> None:
        """Raise unless ``machine`` and its network can do what the rule needs.

        Raises:
            InputError: a capability is missing, or complex nudges meet a function that is not holomorphic.
        """
        require(machine.capabilities, self.needs())
        if self.needs().get("complex_states"):
            check_holomorphic(machine.network, self.name)


def require(capabilities: Capabilities, needs: dict[str, bool]) -> None:
    """`Capabilities.require`, and that errors are read where the nudge goes in.

    A rule that reads membranes while the nudge is dL/dv is biased even with symmetric weights.

    Raises:
        InputError: something is missing, or the machine reports membranes.
    """
    capabilities.require(**needs)
    if capabilities.reports != "activity" or capabilities.nudge_enters != "activity":
        raise InputError(
            f"the target {capabilities.name!r} reports {capabilities.reports} states and nudges the "
            f"{capabilities.nudge_enters}; the rules need activities in both places, or the gradient is biased"
        )


def check_holomorphic(network: Network, rule: str) -> None:
    """Raise unless every activation may be given complex membranes.

    Raises:
        InputError: names the activations that may not.
    """
    wrong = sorted({a.name for a in network.activations if not a.holomorphic})
    if wrong:
        raise InputError(
            f"the rule {rule!r} needs complex states, and {', '.join(wrong)} is not holomorphic (it clips or folds); "
            "use logistic, tanh or dsilu, or a real estimator such as centered or four-point"
        )


def finite_samples(tensors: State) -> torch.Tensor:
    """(batch,) bool: samples all of whose numbers are finite."""
    import torch

    good = torch.ones(tensors[0].shape[0], dtype=torch.bool, device=tensors[0].device)
    for t in tensors:
        rows = t.flatten(1)
        if t.device.type != "cpu" or not bool(torch.isfinite(rows.sum())):  # no waiting for an answer
            good &= torch.isfinite(rows).all(dim=1)
    return good
