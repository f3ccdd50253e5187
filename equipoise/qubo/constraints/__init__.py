"""Constraints as first-class: one-hot groups, cardinalities, linear conditions; `dimod` CQMs. See README.md."""

from equipoise.qubo.constraints.constraint import Constraint
from equipoise.qubo.constraints.model import ConstrainedProblem, from_cqm
from equipoise.qubo.constraints.moves import exact_moves
from equipoise.qubo.constraints.penalties import penalised
from equipoise.qubo.constraints.solution import ConstrainedSolution
from equipoise.qubo.constraints.solving import solve_constrained

__all__ = [
    "ConstrainedProblem",
    "ConstrainedSolution",
    "Constraint",
    "exact_moves",
    "from_cqm",
    "penalised",
    "solve_constrained",
]
