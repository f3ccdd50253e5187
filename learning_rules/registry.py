"""Rules by name, for the command line and for studies."""

from __future__ import annotations

from hw_profiles.errors import InputError
from learning_rules.cauchy import Cauchy
from learning_rules.centered import Centered
from learning_rules.dyadic import Dyadic
from learning_rules.four_point import FourPoint
from learning_rules.one_sided import OneSided
from learning_rules.oscillation import Oscillation
from learning_rules.random_sign import RandomSign
from learning_rules.references import Adjoint, RecurrentBackprop, TruncatedBPTT
from learning_rules.rule import Rule
from learning_rules.stencil import StencilRule
from learning_rules.tangent import Tangent

__all__ = ["CORRECTIONS", "RULES", "make_rule"]

RULES: dict[str, type[Rule]] = {
    rule.name: rule
    for rule in (
        OneSided,
        Centered,
        RandomSign,
        Cauchy,
        FourPoint,
        Oscillation,
        Tangent,
        Adjoint,
        RecurrentBackprop,
        TruncatedBPTT,
    )
}
CORRECTIONS = ("none", "asymep", "dyadic")


def make_rule(
    name: str,
    *,
    nudge: float = 0.1,
    points: int = 2,
    correction: str = "none",
    force: str = "following",
    seed: int = 0,
    damping: float = 1.0,
) -> Rule:
    """Build a rule from the words of the command line.

    Args:
        name: one of `RULES`.
        nudge: |beta|; ignored by rules without a finite nudge.
        points: N of ``cauchy`` and ``oscillation``.
        correction: ``asymep`` or ``dyadic`` (which replaces the finite difference) for finite-nudge rules.
        force: ``following``, ``held`` or ``normalised``, for finite-nudge rules (see `StencilRule`).
        seed: of the random signs.
        damping: step of the iterations of tangent, adjoint and dyadic.

    Raises:
        InputError: no such rule, correction or force, or they do not go together.
    """
    if name not in RULES:
        raise InputError(f"no estimator {name!r}; there are {', '.join(RULES)}")
    if correction not in CORRECTIONS:
        raise InputError(f"no correction {correction!r}; there are {', '.join(CORRECTIONS)}")
    cls = RULES[name]
    if correction != "none" and not issubclass(cls, StencilRule):
        why = "is exact already" if cls in (Adjoint, RecurrentBackprop, TruncatedBPTT) else "has no nudged phase for it"
        raise InputError(f"the estimator {name!r} takes no correction ({why}); use --correction none")
    if force != "following" and (correction == "dyadic" or not issubclass(cls, StencilRule)):
        what = "correction 'dyadic'" if correction == "dyadic" else f"estimator {name!r}"
        raise InputError(f"the {what} compares no nudged states with a free one: nothing to hold; use force following")
    if correction == "dyadic":
        return Dyadic(nudge, damping)
    settings: dict[str, object] = {}
    if issubclass(cls, StencilRule):
        settings |= {"nudge": nudge, "correction": correction, "force": force}
    if cls is Cauchy or cls is Oscillation:
        settings |= {"nudge": nudge, "count": points}
    if cls is RandomSign:
        settings["seed"] = seed
    if cls is Tangent or cls is Adjoint:
        settings["damping"] = damping
    return cls(**settings)
