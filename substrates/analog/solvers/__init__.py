"""Ways to relax: one file each, all with the same fixed points."""

from substrates.analog.solvers.alternating import AlternatingBlocks
from substrates.analog.solvers.damped import Damped
from substrates.analog.solvers.discrete_map import DiscreteMap
from substrates.analog.solvers.driver import Relaxed, Solver, relax_batch

__all__ = ["AlternatingBlocks", "Damped", "DiscreteMap", "Relaxed", "Solver", "relax_batch"]
