"""Networks: populations, couplings, activations, costs. Framework: torch."""

from substrates.network.activations import ACTIVATIONS, Activation, activation
from substrates.network.convolution import Convolution, ConvolutionFeedback
from substrates.network.costs import Cost, SoftmaxReadout, SquaredError
from substrates.network.couplings import INPUT, Coupling, Dense, Operator
from substrates.network.layered import layered
from substrates.network.network import Network, Population, State
from substrates.network.wirings import convolutional, hopfield, loop

__all__ = [
    "ACTIVATIONS",
    "INPUT",
    "Activation",
    "Convolution",
    "ConvolutionFeedback",
    "Cost",
    "Coupling",
    "Dense",
    "Network",
    "Operator",
    "Population",
    "SoftmaxReadout",
    "SquaredError",
    "State",
    "activation",
    "convolutional",
    "hopfield",
    "layered",
    "loop",
]
