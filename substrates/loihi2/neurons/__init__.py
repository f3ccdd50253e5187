"""Neuron models of the Loihi 2 substrate, one file each; `base` says what a model is."""

from substrates.loihi2.neurons.base import Neuron, State
from substrates.loihi2.neurons.delta import Delta
from substrates.loihi2.neurons.graded_relu import GradedReLU
from substrates.loihi2.neurons.lif import LIF
from substrates.loihi2.neurons.lif_refractory import LIFRefractory
from substrates.loihi2.neurons.phased import PhasedRelaxation
from substrates.loihi2.neurons.relaxation import Relaxation
from substrates.loihi2.neurons.sigma import Sigma
from substrates.loihi2.neurons.sigma_delta import SigmaDelta

__all__ = [
    "LIF",
    "Delta",
    "GradedReLU",
    "LIFRefractory",
    "Neuron",
    "PhasedRelaxation",
    "Relaxation",
    "Sigma",
    "SigmaDelta",
    "State",
]
