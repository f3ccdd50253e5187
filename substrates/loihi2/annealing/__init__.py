"""The annealing neurons and the kernels that run them. See README.md."""

from substrates.loihi2.annealing.annealer import SCHEMES, Loihi2Annealer, Settings
from substrates.loihi2.annealing.schedule import Geometric, Linear, Reanneal, Schedule, Series

__all__ = ["SCHEMES", "Geometric", "Linear", "Loihi2Annealer", "Reanneal", "Schedule", "Series", "Settings"]
