"""Other wirings than the layered one: a feedback loop, all-to-all (Hopfield), and the papers' convolutional network."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from hw_profiles.errors import InputError
from substrates.network.convolution import Convolution, ConvolutionFeedback
from substrates.network.costs import Cost, SoftmaxReadout, SquaredError
from substrates.network.couplings import INPUT, Coupling, Dense
from substrates.network.network import Network, Population
from substrates.seeds import derive_seed

__all__ = ["convolutional", "hopfield", "loop"]


class _Draw:
    """LeCun normal draws, one generator per network."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(derive_seed(seed, "weights") % 2**63)

    def __call__(self, *shape: int, fan_in: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator) / math.sqrt(fan_in)

    def dense(self, source: int, target: int, n: int, m: int, *, bias: bool) -> Dense:
        coupling = Dense(source, target, n, m, bias=bias)
        assert coupling.weight is not None
        coupling.weight.data = self(m, n, fan_in=n)
        return coupling

    def cost(self, size: int, classes: int, readout: bool) -> Cost:
        if not readout:
            return SquaredError()
        cost = SoftmaxReadout(size, classes)
        cost.readout.weight.data = self(classes, size, fan_in=size)
        cost.readout.bias.data.zero_()
        return cost


def _sizes(sizes: Sequence[int], least: int) -> list[int]:
    sizes = [int(s) for s in sizes]
    if len(sizes) < least or min(sizes) < 1:
        raise InputError(f"layers {'-'.join(map(str, sizes))}: expected at least {least} sizes, all above 0")
    return sizes


def loop(sizes: Sequence[int], *, activation: str = "logistic", readout: bool = True, seed: int = 0) -> Network:
    """Layers forward, and one dense feedback from the output to the first hidden layer: no reciprocal pair at all.

    Args:
        sizes: input, hidden and output sizes; at least three.
        activation, readout, seed: as in `layered`.

    Raises:
        InputError: fewer than three sizes or one below 1.

    Source: the "antisymmetric" network of Laborieux & Zenke, arXiv 2309.02214, figure 4 e-h.
    """
    sizes, draw = _sizes(sizes, 3), _Draw(seed)
    last = len(sizes) - 2
    couplings: list[Coupling] = [
        draw.dense(i - 1, i, n, m, bias=True) for i, (n, m) in enumerate(itertools.pairwise(sizes))
    ]
    couplings.append(draw.dense(last, 0, sizes[-1], sizes[1], bias=False))
    names = [*(f"l{i}" for i in range(1, last + 1)), "out"]
    populations = [Population(name, (n,), activation) for name, n in zip(names, sizes[1:])]
    return Network((sizes[0],), populations, couplings, draw.cost(sizes[-1], sizes[-1], readout))


def hopfield(
    inputs: int,
    hidden: int,
    outputs: int,
    *,
    symmetric: bool = True,
    activation: str = "logistic",
    readout: bool = False,
    seed: int = 0,
) -> Network:
    """Every neuron coupled to every other: hidden and output populations, each also to itself (without self-weights
    at the start), the input to both.

    Args:
        inputs, hidden, outputs: sizes.
        symmetric: start from W = W^T (an energy exists then); the weights are free afterwards.
        activation, readout, seed: as in `layered`.
    """
    inputs, hidden, outputs = _sizes([inputs, hidden, outputs], 3)
    draw = _Draw(seed)
    total = hidden + outputs
    weights = draw(total, total, fan_in=total)
    if symmetric:
        weights = (weights + weights.t()) / math.sqrt(2)
    weights.fill_diagonal_(0.0)
    bounds = [(0, hidden), (hidden, total)]
    couplings: list[Coupling] = [
        draw.dense(INPUT, 0, inputs, hidden, bias=True),
        draw.dense(INPUT, 1, inputs, outputs, bias=True),
    ]
    for target, (a, b) in enumerate(bounds):
        for source, (c, d) in enumerate(bounds):
            coupling = Dense(source, target, d - c, b - a)
            assert coupling.weight is not None
            coupling.weight.data = weights[a:b, c:d].clone()
            couplings.append(coupling)
    populations = [Population("hidden", (hidden,), activation), Population("out", (outputs,), activation)]
    # 0-0, 0-1 / 1-0, 1-1 are couplings 2 to 5; a population's coupling to itself is its own reciprocal
    return Network((inputs,), populations, couplings, draw.cost(outputs, outputs, readout), [(2, 2), (4, 3), (5, 5)])


def convolutional(
    input_shape: tuple[int, int, int] = (3, 32, 32),
    channels: Sequence[int] = (128, 256, 512, 512),
    *,
    classes: int = 10,
    pooling: str = "softmax",
    feedback: str = "independent",
    angle: float = 0.0,
    activation: str = "dsilu",
    seed: int = 0,
) -> Network:
    """3x3 convolutions, each pooled 2x2, with feedback between neighbours; a linear softmax read-out of the last.

    The last convolution has no padding, the others keep the size: 32x32 becomes 16, 8, 4 and 1. Feedback kernels are
    ``cos(angle) K + sin(angle) R``, R drawn like K.

    Args:
        input_shape: (channels, height, width).
        channels: of each population.
        classes: of the read-out.
        pooling: ``softmax`` (the paper's), ``average`` or ``none``.
        feedback: ``independent`` or ``tied``.
        angle, activation, seed: as in `layered`.

    Raises:
        InputError: no channels, an unknown pooling or feedback, an input too small for that many poolings.

    Source: Laborieux & Zenke, arXiv 2309.02214, table 2.
    """
    channels, draw = _sizes(channels, 1), _Draw(seed)
    if feedback not in ("independent", "tied"):
        raise InputError(f"no feedback {feedback!r}; there are independent, tied")
    couplings: list[Coupling] = []
    reciprocal: list[tuple[int, int]] = []
    populations: list[Population] = []
    shape = input_shape
    for i, n in enumerate(channels):
        forward = Convolution(i - 1, i, shape, n, padding=1 if i < len(channels) - 1 else 0, pooling=pooling, bias=True)
        fan_in = shape[0] * 9
        forward.kernel.data = draw(*forward.kernel.shape, fan_in=fan_in)
        couplings.append(forward)
        if i > 0:
            backward = ConvolutionFeedback(forward, tied=feedback == "tied")
            if backward.weight is not None:
                other = draw(*forward.kernel.shape, fan_in=fan_in)
                radians = math.radians(angle)
                backward.weight.data = math.cos(radians) * forward.kernel.data + math.sin(radians) * other
            couplings.append(backward)
            reciprocal.append((len(couplings) - 2, len(couplings) - 1))
        shape = forward.target_shape
        populations.append(Population("out" if i == len(channels) - 1 else f"conv{i + 1}", shape, activation))
    cost = draw.cost(math.prod(shape), classes, readout=True)
    return Network(tuple(input_shape), populations, couplings, cost, reciprocal)
