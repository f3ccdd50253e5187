"""Learning rules: equilibria to parameter gradients. See README.md in this folder.

Everything here is imported on first use, so that the registry is had without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.registry import lazy_package

if TYPE_CHECKING:
    from learning_rules.adaptive import AdaptiveNudge, NudgeState
    from learning_rules.cauchy import Cauchy
    from learning_rules.centered import Centered
    from learning_rules.diagnostics import NudgeDiagnosis, agreement, diagnose_nudge, imaginary_leakage
    from learning_rules.dyadic import Dyadic
    from learning_rules.four_point import FourPoint
    from learning_rules.homeostasis import (
        ClosedForm,
        CoefficientSchedule,
        Homeostasis,
        JacobianVector,
        NoiseCorrelation,
        RecurrentDecay,
    )
    from learning_rules.learner import Learner, LearnerState, LearnReport
    from learning_rules.measures import cosines, symmetry, weight_angle
    from learning_rules.one_sided import OneSided
    from learning_rules.oscillation import Oscillation
    from learning_rules.random_sign import RandomSign
    from learning_rules.references import Adjoint, RecurrentBackprop, TruncatedBPTT
    from learning_rules.registry import CORRECTIONS, RULES, make_rule
    from learning_rules.rule import Estimate, Phases, Rule
    from learning_rules.stencil import FORCES, Force, Point, StencilRule
    from learning_rules.tangent import Tangent
    from learning_rules.unsettled import SamplePolicy

__all__ = [
    "CORRECTIONS",
    "FORCES",
    "RULES",
    "AdaptiveNudge",
    "Adjoint",
    "Cauchy",
    "Centered",
    "ClosedForm",
    "CoefficientSchedule",
    "Dyadic",
    "Estimate",
    "Force",
    "FourPoint",
    "Homeostasis",
    "JacobianVector",
    "LearnReport",
    "Learner",
    "LearnerState",
    "NoiseCorrelation",
    "NudgeDiagnosis",
    "NudgeState",
    "OneSided",
    "Oscillation",
    "Phases",
    "Point",
    "RandomSign",
    "RecurrentBackprop",
    "RecurrentDecay",
    "Rule",
    "SamplePolicy",
    "StencilRule",
    "Tangent",
    "TruncatedBPTT",
    "agreement",
    "cosines",
    "diagnose_nudge",
    "imaginary_leakage",
    "make_rule",
    "symmetry",
    "weight_angle",
]

__getattr__, __dir__ = lazy_package(
    __name__,
    {
        "learning_rules.adaptive": ("AdaptiveNudge", "NudgeState"),
        "learning_rules.cauchy": ("Cauchy",),
        "learning_rules.centered": ("Centered",),
        "learning_rules.diagnostics": ("NudgeDiagnosis", "agreement", "diagnose_nudge", "imaginary_leakage"),
        "learning_rules.dyadic": ("Dyadic",),
        "learning_rules.four_point": ("FourPoint",),
        "learning_rules.homeostasis": (
            "ClosedForm",
            "CoefficientSchedule",
            "Homeostasis",
            "JacobianVector",
            "NoiseCorrelation",
            "RecurrentDecay",
        ),
        "learning_rules.learner": ("Learner", "LearnerState", "LearnReport"),
        "learning_rules.measures": ("cosines", "symmetry", "weight_angle"),
        "learning_rules.one_sided": ("OneSided",),
        "learning_rules.oscillation": ("Oscillation",),
        "learning_rules.random_sign": ("RandomSign",),
        "learning_rules.references": ("Adjoint", "RecurrentBackprop", "TruncatedBPTT"),
        "learning_rules.registry": ("CORRECTIONS", "RULES", "make_rule"),
        "learning_rules.rule": ("Estimate", "Phases", "Rule"),
        "learning_rules.unsettled": ("SamplePolicy",),
        "learning_rules.stencil": ("FORCES", "Force", "Point", "StencilRule"),
        "learning_rules.tangent": ("Tangent",),
    },
)
