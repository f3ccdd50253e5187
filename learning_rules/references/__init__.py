"""References: true gradients of the loss at the equilibrium, to measure the estimators against."""

from learning_rules.references.adjoint import Adjoint
from learning_rules.references.recurrent_backprop import RecurrentBackprop
from learning_rules.references.truncated_bptt import TruncatedBPTT

__all__ = ["Adjoint", "RecurrentBackprop", "TruncatedBPTT"]
