"""Lava processes and CPU models of the neurons that Lava lacks; one file each holds the process and its model.

Importing this package imports Lava (through the loader). Every model calls the same arithmetic as the engine.
"""

from substrates.loihi2.lava.loader import load_lava

load_lava()

from substrates.loihi2.lava.processes.annealing import RefractoryAnnealing, TwoPhaseAnnealing  # noqa: E402
from substrates.loihi2.lava.processes.cost_integrator import CostIntegrator  # noqa: E402
from substrates.loihi2.lava.processes.lif_refractory import LIFRefractoryInteger  # noqa: E402
from substrates.loihi2.lava.processes.relaxation import PhasedRelaxationNeuron, RelaxationNeuron  # noqa: E402
from substrates.loihi2.lava.processes.temperature import Temperature  # noqa: E402

__all__ = [
    "CostIntegrator",
    "LIFRefractoryInteger",
    "PhasedRelaxationNeuron",
    "RefractoryAnnealing",
    "RelaxationNeuron",
    "Temperature",
    "TwoPhaseAnnealing",
]
