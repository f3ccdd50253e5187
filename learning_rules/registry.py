"""Rules by name, for the command line and for studies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hw_profiles.errors import InputError
from hw_profiles.registry import Registry, lazy

if TYPE_CHECKING:
    from learning_rules.rule import Rule

__all__ = ["CORRECTIONS", "RULES", "make_rule"]


def _accept(thing: Any, what: str) -> type[Rule]:
    from learning_rules.rule import Rule

    if not (isinstance(thing, type) and issubclass(thing, Rule)):
        raise InputError(f"{what} is {thing!r}; expected a class derived from learning_rules.Rule")
    return thing


RULES: Registry[type[Rule]] = Registry(
    "estimator",
    "equipoise.rules",
    (
        lazy("one-sided", "learning_rules.one_sided:OneSided", "one nudge, error of first order"),
        lazy("centered", "learning_rules.centered:Centered", "two opposite nudges, error of second order"),
        lazy("random-sign", "learning_rules.random_sign:RandomSign", "one nudge of a sign drawn per batch"),
        lazy("cauchy", "learning_rules.cauchy:Cauchy", "N nudges on a circle in the complex plane"),
        lazy("four-point", "learning_rules.four_point:FourPoint", "four real nudges, error of fourth order"),
        lazy("oscillation", "learning_rules.oscillation:Oscillation", "a nudge that oscillates, no separate phases"),
        lazy("tangent", "learning_rules.tangent:Tangent", "the limit of no nudge, by forward differentiation"),
        lazy("adjoint", "learning_rules.references:Adjoint", "reference: the gradient itself, by implicit functions"),
        lazy("recurrent-backprop", "learning_rules.references:RecurrentBackprop", "reference: Almeida and Pineda"),
        lazy("truncated-bptt", "learning_rules.references:TruncatedBPTT", "reference: backpropagation through time"),
    ),
    _accept,
)
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

    Each word goes to the rule that has a setting for it, see `Rule.from_words`; the others ignore it.

    Args:
        name: one of `RULES`, or ``path.py:Name``.
        nudge: |beta|.
        points: N of ``cauchy`` and ``oscillation``.
        correction: ``asymep`` or ``dyadic`` (which replaces the finite difference) for finite-nudge rules.
        force: ``following``, ``held`` or ``normalised``, for finite-nudge rules (see `StencilRule`).
        seed: of the random signs.
        damping: step of the iterations of tangent, adjoint and dyadic.

    Raises:
        InputError: no such rule, correction or force, or they do not go together.
    """
    cls = RULES.find(name)
    if correction not in CORRECTIONS:
        raise InputError(f"no correction {correction!r}; there are {', '.join(CORRECTIONS)}")
    settings = cls.settings()
    if correction != "none" and "correction" not in settings:
        why = "is exact already" if cls.from_words(nudge=nudge).exact else "has no nudged phase for it"
        raise InputError(f"the estimator {name!r} takes no correction ({why}); use --correction none")
    if force != "following" and (correction == "dyadic" or "force" not in settings):
        what = "correction 'dyadic'" if correction == "dyadic" else f"estimator {name!r}"
        raise InputError(f"the {what} compares no nudged states with a free one: nothing to hold; use force following")
    if correction == "dyadic":
        from learning_rules.dyadic import Dyadic

        return Dyadic(nudge, damping)
    return cls.from_words(nudge=nudge, points=points, correction=correction, force=force, seed=seed, damping=damping)
