"""Neuron models of the Loihi 2 substrate, one file each; `base` says what a model is, README.md how to add one."""

from __future__ import annotations

from typing import Any

from substrates.loihi2.neurons.base import Neuron, State
from substrates.loihi2.neurons.delta import Delta
from substrates.loihi2.neurons.graded_relu import GradedReLU
from substrates.loihi2.neurons.lif import LIF
from substrates.loihi2.neurons.lif_refractory import LIFRefractory
from substrates.loihi2.neurons.phased import PhasedRelaxation
from substrates.loihi2.neurons.registry import NEURONS
from substrates.loihi2.neurons.relaxation import Relaxation
from substrates.loihi2.neurons.sigma import Sigma
from substrates.loihi2.neurons.sigma_delta import SigmaDelta

__all__ = [
    "LIF",
    "NEURONS",
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


def __getattr__(name: str) -> Any:
    """Any other model of this folder, by its class name: a new file needs no line here."""
    for entry in () if name.startswith("_") else NEURONS:
        if NEURONS[entry].__name__ == name:
            return NEURONS[entry]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
