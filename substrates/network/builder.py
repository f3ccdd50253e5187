"""A chain of layers, with feedback between neighbours and along skips, from one call.

>>> net = chain((3, 32, 32), conv(32), conv(64), 128, classes=10)                   # doctest: +SKIP
>>> net = chain(784, 256, 256, 256, classes=10, skips=[("l1", "l3")])               # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from hw_profiles.errors import InputError
from substrates.network.convolution import Convolution, ConvolutionFeedback
from substrates.network.costs import Cost, SoftmaxReadout, SquaredError
from substrates.network.couplings import INPUT, Coupling, Dense
from substrates.network.network import Network, Population
from substrates.seeds import derive_seed

__all__ = ["FEEDBACKS", "READOUTS", "Layer", "chain", "conv", "dense", "hopfield_resnet"]

FEEDBACKS = ("independent", "tied", "none")
READOUTS = ("hidden", "output", "none")


@dataclass(frozen=True)
class Layer:
    """One population and what leads to it.

    Args:
        size: neurons, or channels of a convolution.
        kernel: side of the kernel; 0 for a dense layer.
        padding, pooling: of the convolution.
        activation: of the population; empty takes the chain's.
        name: for messages and skips; empty takes ``l1``, ``l2``, ..., ``conv1``, ...
        gain: factor of the forward weights' size at the start.
        weight, bias: the forward weights and biases at the start, instead of drawn ones.
    """

    size: int
    kernel: int = 0
    padding: int = 1
    pooling: str = "average"
    activation: str = ""
    name: str = ""
    gain: float = 1.0
    weight: Tensor | None = field(default=None, compare=False, repr=False)
    bias: Tensor | None = field(default=None, compare=False, repr=False)


def dense(size: int, *, activation: str = "", name: str = "", gain: float = 1.0) -> Layer:
    """A dense layer of ``size`` neurons. A plain number in a chain is the same."""
    return Layer(size, activation=activation, name=name, gain=gain)


def conv(
    channels: int,
    kernel: int = 3,
    *,
    padding: int | None = None,
    pooling: str = "average",
    activation: str = "",
    name: str = "",
    gain: float = 1.0,
) -> Layer:
    """A convolution with pooling (``average``, ``softmax``, ``none``); padded to keep the size by default."""
    return Layer(channels, kernel, kernel // 2 if padding is None else padding, pooling, activation, name, gain)


def chain(
    inputs: int | Sequence[int],
    *layers: int | Layer,
    classes: int,
    readout: str = "hidden",
    activation: str = "logistic",
    feedback: str = "independent",
    angle: float = 90.0,
    feedback_scale: float = 1.0,
    skips: Sequence[tuple[str, str] | tuple[str, str, float]] = (),
    seed: int = 0,
) -> Network:
    """Layers one after another, each with a backward coupling to the one before, and skips between any two.

    Forward weights are LeCun normal (variance 1/fan-in) times the layer's gain, backward ones
    ``feedback_scale (cos(angle) W^T + sin(angle) R)`` with R drawn like W^T.

    Args:
        inputs: size of a flat input, or (channels, height, width).
        layers: numbers (dense layers), `dense(...)` and `conv(...)`. A dense layer after a convolution reads all of it.
        classes: of the task.
        readout: ``hidden``: a linear softmax read-out of the last layer; ``output``: a population of ``classes``
            neurons behind the last layer, and a read-out of it; ``none``: that population and the squared error.
        activation: of every layer that names none.
        feedback: ``independent``, ``tied``, or ``none``.
        angle, feedback_scale: of independent feedback.
        skips: pairs of layer names, lower first (or ``input``): couplings past the layers between, with their own
            feedback. Between maps of one size, or of which the upper is half the lower, 1x1 convolutions (then with
            average pooling); dense otherwise. A third entry is the gain.
        seed: of the weights.

    Raises:
        InputError: no layers, sizes below one, a convolution of something flat, unknown words or names.
    """
    for word, known, what in ((feedback, FEEDBACKS, "feedback"), (readout, READOUTS, "read-out")):
        if word not in known:
            raise InputError(f"no {what} {word!r}; there are {', '.join(known)}")
    if not 0 < feedback_scale < math.inf or (feedback == "tied" and feedback_scale != 1.0):
        raise InputError(
            f"feedback scale {feedback_scale}: expected a finite number above zero, and 1 where the weights are tied"
        )
    shape = (inputs,) if isinstance(inputs, int) else tuple(int(n) for n in inputs)
    plan = [layer if isinstance(layer, Layer) else Layer(layer) for layer in layers]
    if readout != "hidden":
        plan.append(Layer(classes, name="out"))
    if not plan or len(shape) not in (1, 3) or min([*shape, classes, *(layer.size for layer in plan)]) < 1:
        raise InputError(
            f"a chain from {shape} through {[layer.size for layer in plan]} to {classes} classes: expected a size or "
            "(channels, height, width), and at least one layer, all above 0"
        )
    build = _Chain(shape, activation, feedback, angle, feedback_scale, seed)
    for number, layer in enumerate(plan):
        build.layer(number, layer)
    for lower, upper, *gain in skips:
        build.skip(lower, upper, *gain)
    size = build.populations[-1].size
    cost: Cost = SquaredError()
    if readout != "none":
        cost = SoftmaxReadout(size, classes)
        cost.readout.weight.data = build.draw(classes, size, fan_in=size)
        cost.readout.bias.data.zero_()
    return Network(shape, build.populations, build.couplings, cost, build.reciprocal)


def hopfield_resnet(
    inputs: Sequence[int] = (3, 32, 32),
    channels: Sequence[int] = (128, 256, 512, 512),
    *,
    classes: int = 10,
    readout: str = "none",
    activation: str = "hard-sigmoid",
    feedback: str = "tied",
    angle: float = 90.0,
    gain: float = 0.6,
    seed: int = 0,
) -> Network:
    """Blocks of two 3x3 convolutions, the second pooled 2x2, each with a 1x1 convolution past both.

    With the default channels, 13 weights: four blocks of three, and the output layer. The published network strides
    where this one pools averages, and clips at 6 where the default activation clips at 1.

    Args:
        inputs: (channels, height, width); halved by every block.
        channels: of each block.
        classes, readout, activation, feedback, angle, seed: as in `chain`.
        gain: of the convolutions and of the couplings past them, at the start.

    Raises:
        InputError: no blocks, or an input too small for that many halvings.

    Source: Sankar Vinayak and Srinivasan, "Scaling equilibrium propagation to deeper neural network architectures",
        arXiv 2509.26003.
    """
    layers: list[Layer] = []
    skips = []
    below = "input"
    for number, size in enumerate(channels, 1):
        first, second = f"block{number}a", f"block{number}b"
        layers += [conv(size, pooling="none", name=first, gain=gain), conv(size, name=second, gain=gain)]
        skips.append((below, second, gain))
        below = second
    return chain(
        inputs, *layers, classes=classes, readout=readout, activation=activation, feedback=feedback, angle=angle,
        skips=skips, seed=seed,
    )  # fmt: skip


class _Chain:
    """A chain under construction."""

    def __init__(
        self, shape: tuple[int, ...], activation: str, feedback: str, angle: float, feedback_scale: float, seed: int
    ) -> None:
        self.shapes = {INPUT: shape}
        self.activation, self.feedback = activation, feedback
        self.mix = (math.cos(math.radians(angle)), math.sin(math.radians(angle)), feedback_scale)
        self.generator = torch.Generator().manual_seed(derive_seed(seed, "weights") % 2**63)
        self.populations: list[Population] = []
        self.couplings: list[Coupling] = []
        self.reciprocal: list[tuple[int, int]] = []

    def draw(self, *shape: int, fan_in: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator) / math.sqrt(fan_in)

    def layer(self, number: int, layer: Layer) -> None:
        """The next population, its forward coupling and the feedback to the one before."""
        below, source = self.shapes[number - 1], number - 1
        usual = f"conv{number + 1}" if layer.kernel else f"l{number + 1}"
        if layer.kernel:
            if len(below) != 3:
                raise InputError(f"the convolution {layer.name or usual} needs an image below it, there is {below}")
            forward: Coupling = Convolution(
                source, number, (below[0], below[1], below[2]), layer.size, kernel=layer.kernel, padding=layer.padding,
                pooling=layer.pooling, bias=True,
            )  # fmt: skip
            assert isinstance(forward, Convolution)
            self.shapes[number] = forward.target_shape
        else:
            forward = Dense(source, number, math.prod(below), layer.size, bias=True)
            self.shapes[number] = (layer.size,)
        assert forward.weight is not None
        forward.weight.data = layer.gain * self.draw(*forward.weight.shape, fan_in=forward.weight[0].numel())
        _given(forward, layer, layer.name or usual)
        population = Population(layer.name or usual, self.shapes[number], layer.activation or self.activation)
        if population.name in {p.name for p in self.populations}:
            raise InputError(f"two layers are named {population.name!r}; give each its own name")
        self.populations.append(population)
        self._both_ways(forward)

    def skip(self, lower: str, upper: str, gain: float = 1.0) -> None:
        """A coupling between two layers that are not neighbours."""
        places = {"input": INPUT, **{p.name: place for place, p in enumerate(self.populations)}}
        for name in (lower, upper):
            if name not in places:
                raise InputError(f"no layer {name!r} to skip from or to; there are {', '.join(places)}")
        source, target = places[lower], places[upper]
        if target < source + 2:
            raise InputError(f"a skip from {lower} to {upper}: expected a layer at least two above the first")
        forward = self._past(source, target)
        assert forward.weight is not None
        forward.weight.data = gain * self.draw(*forward.weight.shape, fan_in=forward.weight.shape[1])
        self._both_ways(forward)

    def _past(self, source: int, target: int) -> Coupling:
        """The coupling of a skip: what leaves maps in place where they fit, a full matrix elsewhere."""
        low, high = self.shapes[source], self.shapes[target]
        if len(low) == len(high) == 3:
            for pooling in ("none", "average"):
                try:
                    coupling = Convolution(
                        source, target, (low[0], low[1], low[2]), high[0], kernel=1, padding=0, pooling=pooling
                    )
                except InputError:  # nothing is left to pool
                    continue
                if coupling.target_shape == high:
                    return coupling
        return Dense(source, target, math.prod(low), math.prod(high))

    def _both_ways(self, forward: Coupling) -> None:
        self.couplings.append(forward)
        if forward.source == INPUT or self.feedback == "none":
            return
        assert forward.weight is not None
        tied, (along, across, scale) = self.feedback == "tied", self.mix
        backward: Coupling
        fan_in = forward.weight[0].numel()
        gain = float(forward.weight.detach().norm()) * math.sqrt(fan_in / forward.weight.numel())
        other = gain * self.draw(*forward.weight.shape, fan_in=fan_in)
        mixed = scale * (along * forward.weight.detach() + across * other)
        if isinstance(forward, Convolution):
            backward = ConvolutionFeedback(forward, tied=tied)
        else:
            assert isinstance(forward, Dense)
            size, below = forward.weight.shape
            backward = Dense(forward.target, forward.source, size, below, tied=forward if tied else None)
            mixed = mixed.t().contiguous()
        if backward.weight is not None:
            backward.weight.data = mixed
        self.couplings.append(backward)
        self.reciprocal.append((len(self.couplings) - 2, len(self.couplings) - 1))


def _given(forward: Coupling, layer: Layer, name: str) -> None:
    """Put a layer's own weights and biases into its coupling, where it has some."""
    for what, value, parameter in (("weights", layer.weight, forward.weight), ("biases", layer.bias, forward.bias)):
        if value is None:
            continue
        assert parameter is not None
        if tuple(value.shape) != tuple(parameter.shape):
            raise InputError(f"{name}: {what} of shape {tuple(value.shape)}; expected {tuple(parameter.shape)}")
        parameter.data = value.detach().to(parameter.dtype).clone()
