"""Networks: populations, couplings, activations, costs. Framework: torch."""

from substrates.network.activations import ACTIVATIONS, Activation, activation
from substrates.network.costs import Cost, SoftmaxReadout, SquaredError
from substrates.network.couplings import INPUT, Coupling, Dense
from substrates.network.layered import layered
from substrates.network.network import Network, Population, State

__all__ = [
    "ACTIVATIONS",
    "INPUT",
    "Activation",
    "Cost",
    "Coupling",
    "Dense",
    "Network",
    "Population",
    "SoftmaxReadout",
    "SquaredError",
    "State",
    "activation",
    "layered",
]
