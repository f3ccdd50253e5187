"""Networks: populations, couplings, activations, costs. Framework: torch.

Everything here is imported on first use, so that the registry is had without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.registry import lazy_package

if TYPE_CHECKING:
    from substrates.network.activations import Activation
    from substrates.network.builder import Layer, chain, conv, dense, hopfield_resnet
    from substrates.network.convolution import Convolution, ConvolutionFeedback
    from substrates.network.costs import Cost, SoftmaxReadout, SquaredError
    from substrates.network.couplings import INPUT, Coupling, Dense, Operator
    from substrates.network.from_torch import from_torch
    from substrates.network.layered import layered
    from substrates.network.network import Network, Population, State
    from substrates.network.registry import ACTIVATIONS, activation
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
    "Layer",
    "Network",
    "Operator",
    "Population",
    "SoftmaxReadout",
    "SquaredError",
    "State",
    "activation",
    "chain",
    "conv",
    "convolutional",
    "dense",
    "from_torch",
    "hopfield",
    "hopfield_resnet",
    "layered",
    "loop",
]

__getattr__, __dir__ = lazy_package(
    __name__,
    {
        "substrates.network.activations": ("Activation",),
        "substrates.network.builder": ("Layer", "chain", "conv", "dense", "hopfield_resnet"),
        "substrates.network.convolution": ("Convolution", "ConvolutionFeedback"),
        "substrates.network.costs": ("Cost", "SoftmaxReadout", "SquaredError"),
        "substrates.network.couplings": ("INPUT", "Coupling", "Dense", "Operator"),
        "substrates.network.from_torch": ("from_torch",),
        "substrates.network.layered": ("layered",),
        "substrates.network.network": ("Network", "Population", "State"),
        "substrates.network.wirings": ("convolutional", "hopfield", "loop"),
        "substrates.network.registry": ("ACTIVATIONS", "activation"),
    },
)
