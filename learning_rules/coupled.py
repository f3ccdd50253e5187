"""Coupled learning: the outputs are clamped a little way from where they are to where they should be (Stern et
al. 2021).

    clamped: outputs held at o + eta (y - o);      dL/dtheta ~ (dE/dtheta at clamped - dE/dtheta at free) / eta

In a resistive network that is (dv_clamped^2 - dv_free^2) / (2 eta) per conductance, each known at its own two
ends. It is
exactly the gradient of (E_clamped - E_free) / eta, for any eta. Phys. Rev. X 11, 021045; `Contrastive` is eta = 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hw_profiles.errors import InputError
from learning_rules.rule import Estimate, Phases, Rule, finite_samples
from substrates.base import Drive, Equilibrium, Nudge, RelaxationSubstrate

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Coupled"]


@dataclass(frozen=True)
class Coupled(Rule):
    """Settings of coupled learning.

    The machine must hold its outputs where it is told: a nudge of -``clamp``, which a circuit takes as a conductance to
    the target, has to bring them there. Machines that integrate their nudge in steps cannot, and are refused.

    Args:
        eta: share of the way to the target, above 0, at most 1.
        clamp: size of the nudge that clamps, far above the outputs' own conductance.

    Raises:
        InputError: numbers out of range; in `estimate`, a machine that does not clamp or a cost without a target.
    """

    eta: float = 0.25
    clamp: float = 1e6
    name: ClassVar[str] = "coupled"

    def __post_init__(self) -> None:
        if not 0 < self.eta <= 1:
            raise InputError(f"eta {self.eta}: expected above 0, at most 1")
        if not 0 < self.clamp < float("inf"):
            raise InputError(f"the clamp {self.clamp} must be a finite number above zero")

    def needs(self) -> dict[str, bool]:
        return {}

    def estimate(
        self, machine: RelaxationSubstrate, drive: Drive, target: Tensor, phases: Phases, free: Equilibrium | None
    ) -> Estimate:
        assert free is not None
        vector = getattr(machine.network.cost, "vector", None)
        if vector is None:
            raise InputError(
                f"{type(machine.network.cost).__name__} wants no voltages; coupled learning needs SquaredError"
            )
        output = free.activities[-1]
        wanted = vector(target, output[0].numel()).reshape(output.shape).to(output.dtype)
        held = output + self.eta * (wanted - output)
        clamped = machine.relax(drive, phases.nudged, nudge=Nudge(-self.clamp, held), start=free)
        missed = float((clamped.activities[-1] - held).abs().max())
        if not missed <= 1e-3 * max(float((held - output).abs().max()), 1e-6):
            raise InputError(
                f"the target {machine.capabilities.name!r} misses its clamped outputs by {missed:.3g}; coupled "
                f"learning "
                "needs a machine that holds them, such as resistive"
            )
        errors = tuple((f - c) / self.eta for f, c in zip(free.activities, clamped.activities))
        # Half way between the phases the product of error and voltage is the difference of the squares, exactly.
        middle = tuple((f + c) / 2 for f, c in zip(free.activities, clamped.activities))
        converged = free.converged & clamped.converged & finite_samples(errors)
        return Estimate(errors, middle, free.residual.maximum(clamped.residual), converged, 1, None, clamped.ledger)
