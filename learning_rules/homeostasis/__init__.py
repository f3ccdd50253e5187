"""Jacobian homeostasis: pull the Jacobian of the relaxation towards symmetry, so that the response is the gradient."""

from learning_rules.homeostasis.base import Homeostasis
from learning_rules.homeostasis.closed_form import ClosedForm
from learning_rules.homeostasis.jacobian_vector import JacobianVector
from learning_rules.homeostasis.noise_correlation import NoiseCorrelation
from learning_rules.homeostasis.scale_only import ScaleOnly
from learning_rules.homeostasis.schedule import CoefficientSchedule
from learning_rules.homeostasis.weight_decay import RecurrentDecay

__all__ = [
    "METHODS",
    "ClosedForm",
    "CoefficientSchedule",
    "Homeostasis",
    "JacobianVector",
    "NoiseCorrelation",
    "RecurrentDecay",
    "ScaleOnly",
]

#: methods by the name they have on the command line
METHODS: dict[str, type[Homeostasis]] = {
    "closed-form": ClosedForm,
    "jacobian-vector": JacobianVector,
    "noise-correlation": NoiseCorrelation,
    "weight-decay": RecurrentDecay,
}
