"""The annealing neurons and the kernels that run them. See README.md."""

from substrates.loihi2.annealing.annealer import Loihi2Annealer
from substrates.loihi2.annealing.schedule import Geometric, Linear, Reanneal, Schedule, Series
from substrates.loihi2.annealing.schemes import SCHEMES
from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.annealing.temperature_neuron import TemperatureNeuron

__all__ = [
    "SCHEMES",
    "Geometric",
    "Linear",
    "Loihi2Annealer",
    "Reanneal",
    "Schedule",
    "Series",
    "Settings",
    "TemperatureNeuron",
]
