"""Is the nudge small enough? Agreement of N and 2N points, of two nudges, and the imaginary leakage.

Outside the disc in which the equilibrium is analytic in beta, more points do not help; these say so without
knowing the true gradient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from hw_profiles.errors import InputError
from learning_rules.cauchy import Cauchy, circle_points
from learning_rules.measures import cosines
from learning_rules.rule import Phases, Rule, State
from learning_rules.stencil import StencilRule
from substrates.base import Drive, Equilibrium, Nudge, RelaxationSubstrate

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["NudgeDiagnosis", "agreement", "diagnose_nudge", "imaginary_leakage"]


@dataclass(frozen=True)
class NudgeDiagnosis:
    """What a nudge is worth.

    Attributes:
        agreement: per population, cosine of the estimates with N and 2N points (or with a nudge and its half).
        leakage: |Im| / |Re| of the full-circle sum; None without complex states.
        converged_fraction: share of samples whose nudged relaxations converged.
        difference: |a - b| / |b| of the two estimates; saturated neurons still agree in direction, not in size.
        trusted: every agreement is at least ``enough`` and the difference at most twice what that angle allows.
        text: one sentence to show.
    """

    agreement: list[float]
    difference: float
    leakage: float | None
    converged_fraction: float
    trusted: bool
    text: str


def agreement(first: State, second: State, keep: Tensor | None = None) -> list[float]:
    """Cosine of two estimates of the same error vectors, per population."""
    return cosines(first, second, keep)


def diagnose_nudge(
    rule: Rule,
    machine: RelaxationSubstrate,
    drive: Drive,
    target: Tensor,
    phases: Phases,
    free: Equilibrium,
    *,
    enough: float = 0.99,
) -> NudgeDiagnosis:
    """Compare ``rule`` with a finer estimate of the same kind: twice the points for Cauchy, half the nudge otherwise.

    Raises:
        InputError: the rule has no nudge.
    """
    if not isinstance(rule, StencilRule):
        raise InputError(f"the rule {rule.name!r} has no nudge to diagnose")
    finer: StencilRule
    if isinstance(rule, Cauchy) and machine.capabilities.complex_states:
        finer = replace(rule, count=2 * rule.count)
        what = f"N = {rule.count} and {2 * rule.count}"
        leakage = imaginary_leakage(rule, machine, drive, target, phases, free) if rule.count > 2 else None
    else:
        finer, what, leakage = rule.with_nudge(rule.nudge / 2), f"nudges {rule.nudge:g} and {rule.nudge / 2:g}", None
    a = rule.estimate(machine, drive, target, phases, free)
    b = finer.estimate(machine, drive, target, phases, free)
    keep = a.converged & b.converged
    found = agreement(a.errors, b.errors, keep)
    worst = min((x for x in found if not math.isnan(x)), default=0.0)
    apart = torch.cat([(x - y).flatten(1)[keep].flatten() for x, y in zip(a.errors, b.errors)]).norm()
    difference = float(apart / torch.cat([y.flatten(1)[keep].flatten() for y in b.errors]).norm())
    trusted = worst >= enough and difference <= 2 * math.sqrt(2 * (1 - enough))
    text = f"estimates with {what} agree to a cosine of {worst:.4f} and differ by {100 * difference:.1f} %" + (
        "" if trusted else f": the nudge {rule.nudge:g} is beyond the reach of this estimator; take a smaller one"
    )
    return NudgeDiagnosis(found, difference, leakage, float(keep.double().mean()), trusted, text)


def imaginary_leakage(
    rule: Cauchy,
    machine: RelaxationSubstrate,
    drive: Drive,
    target: Tensor,
    phases: Phases,
    free: Equilibrium,
) -> float:
    """|Im e| / |Re e| of the sum over the *whole* circle.

    The estimator itself relaxes half the circle and takes the rest as its conjugate. On a machine that computes
    exactly this is zero whatever the nudge; what is found here is noise, or a machine whose complex states are not
    quite complex numbers.
    """
    sums = [torch.zeros_like(v, dtype=torch.complex128) for v in free.activities]
    stop = phases.nudged_by(rule.nudge)
    force, _ = rule.held_force(machine, free, target)
    reference = free.activities if rule.correction == "asymep" else None
    for point in circle_points(rule.nudge, rule.count, mirror=False):
        beta = point.beta if complex(point.beta).imag != 0 else complex(point.beta).real
        v = machine.relax(drive, stop, nudge=Nudge(beta, target, reference, force), start=free).activities
        sums = [s + (x - x0) * point.coefficient for s, x, x0 in zip(sums, v, free.activities)]
    imaginary = sum(float(s.imag.pow(2).sum()) for s in sums)
    real = sum(float(s.real.pow(2).sum()) for s in sums)
    return math.sqrt(imaginary / real) if real > 0 else math.nan
