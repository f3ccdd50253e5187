"""Ways to relax: one file each, all with the same fixed points."""

from substrates.analog.solvers.alternating import AlternatingBlocks
from substrates.analog.solvers.anderson import Anderson
from substrates.analog.solvers.damped import Damped
from substrates.analog.solvers.discrete_map import DiscreteMap
from substrates.analog.solvers.driver import Relaxed, Solver, relax_batch
from substrates.analog.solvers.ode import AdaptiveODE
from substrates.analog.solvers.together import relax_together

__all__ = [
    "AdaptiveODE",
    "AlternatingBlocks",
    "Anderson",
    "Damped",
    "DiscreteMap",
    "Relaxed",
    "Solver",
    "relax_batch",
    "relax_together",
]
