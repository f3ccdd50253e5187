"""From a feed-forward torch model to a network that relaxes.

>>> net = from_torch(nn.Sequential(nn.Linear(784, 256), nn.Sigmoid(), nn.Linear(256, 10)), 784)     # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from hw_profiles.errors import InputError
from substrates.network.builder import Layer, chain
from substrates.network.network import Network

__all__ = ["from_torch"]

#: torch module -> activation of the same values
_ACTIVATIONS: dict[type[nn.Module], str] = {
    nn.Sigmoid: "logistic",
    nn.Tanh: "tanh",
    nn.ReLU: "relu",
    nn.Identity: "identity",
}
_NEAREST: dict[type[nn.Module], str] = {
    nn.MaxPool2d: "average pooling here, or conv(..., pooling='softmax') in a chain",
    nn.BatchNorm1d: "fold it into the layer before it",
    nn.BatchNorm2d: "fold it into the layer before it",
    nn.Dropout: "leave it out",
    nn.GELU: "ReLU or Sigmoid",
    nn.SiLU: "ReLU or Sigmoid",
    nn.LeakyReLU: "ReLU",
    nn.Softmax: "leave it out: the read-out is a softmax",
    nn.LogSoftmax: "leave it out: the read-out is a softmax",
}


@dataclass
class _Block:
    """One weight layer with what follows it, as it is read."""

    place: str
    module: nn.Linear | nn.Conv2d
    activation: str = ""
    sigmoid: bool = False
    pooled: bool = False


def from_torch(
    model: nn.Sequential,
    inputs: int | Sequence[int],
    *,
    feedback: str = "independent",
    angle: float = 90.0,
    feedback_scale: float = 1.0,
    seed: int = 0,
) -> Network:
    """The network whose forward couplings are the model's layers, with feedback that the model does not have.

    Without feedback its free equilibrium is the model's forward pass, activity by activity; feedback moves it. The
    last ``Linear`` becomes the softmax read-out of the last hidden layer. ``nn.Sigmoid`` becomes the activation
    ``logistic``, 1 / (1 + exp(2 - 4u)), with weights and biases rescaled (w/4, b/4 + 1/2) to the same values.

    Args:
        model: blocks of ``Linear`` or ``Conv2d`` (any odd square kernel, stride 1), after a ``Conv2d`` optionally
            ``AvgPool2d(2)``, then ``Sigmoid``, ``Tanh``, ``ReLU`` or ``Identity``; ``Flatten`` where torch needs it;
            ends with a ``Linear`` of the classes. Nested ``Sequential`` are read in order.
        inputs: size of a flat input, or (channels, height, width).
        feedback, angle, feedback_scale, seed: of the backward couplings, see `chain`.

    Returns:
        The network, weights copied.

    Raises:
        InputError: modules that have no equilibrium form here, all of them named; an order or shape that has none.
    """
    blocks, readout = _read(model)
    layers = []
    for block in blocks:
        weight, bias = _parameters(block)
        if isinstance(block.module, nn.Conv2d):
            layers.append(
                Layer(
                    block.module.out_channels,
                    block.module.kernel_size[0],
                    int(block.module.padding[0]),
                    "average" if block.pooled else "none",
                    block.activation,
                    weight=weight,
                    bias=bias,
                )
            )
        else:
            layers.append(Layer(block.module.out_features, activation=block.activation, weight=weight, bias=bias))
    network = chain(
        inputs,
        *layers,
        classes=readout.out_features,
        feedback=feedback,
        angle=angle,
        feedback_scale=feedback_scale,
        seed=seed,
    )
    target = network.cost.readout
    assert isinstance(target, nn.Linear)
    if target.in_features != readout.in_features:
        raise InputError(
            f"the last Linear takes {readout.in_features} values, the layer before it has {target.in_features}"
        )
    target.weight.data = readout.weight.detach().clone()
    target.bias.data.zero_()
    if readout.bias is not None:
        target.bias.data = readout.bias.detach().clone()
    return network


def _read(model: nn.Sequential) -> tuple[list[_Block], nn.Linear]:
    """The model's blocks and its read-out."""
    if not isinstance(model, nn.Sequential):
        raise InputError(f"a model of type {type(model).__name__}; expected torch.nn.Sequential (or build a chain)")
    modules = [(name, m) for name, m in model.named_modules() if not isinstance(m, nn.Sequential)]
    _refuse_unknown(modules)
    blocks: list[_Block] = []
    for name, module in modules:
        last = blocks[-1] if blocks else None
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            if last is not None and not last.activation:
                raise InputError(f"{last.place} and {name} follow each other without an activation; put one between")
            blocks.append(_Block(_place(name, module), module))
        elif isinstance(module, nn.AvgPool2d):
            if last is None or last.pooled or last.activation or not isinstance(last.module, nn.Conv2d):
                raise InputError(
                    f"{_place(name, module)} stands behind no convolution; a population's current is pooled before its "
                    "activation: Conv2d, AvgPool2d, activation"
                )
            last.pooled = True
        elif type(module) in _ACTIVATIONS:
            if last is None or last.activation:
                raise InputError(f"{_place(name, module)} stands behind no Linear or Conv2d")
            last.activation, last.sigmoid = _ACTIVATIONS[type(module)], isinstance(module, nn.Sigmoid)
    if len(blocks) < 2 or blocks[-1].activation or not isinstance(blocks[-1].module, nn.Linear):
        raise InputError("expected at least one layer with an activation, and a Linear of the classes at the end")
    return blocks[:-1], blocks[-1].module


def _refuse_unknown(modules: Sequence[tuple[str, nn.Module]]) -> None:
    """All modules that cannot be taken over, in one message."""
    known = (nn.Linear, nn.Conv2d, nn.AvgPool2d, nn.Flatten, *_ACTIVATIONS)
    wrong = []
    for name, module in modules:
        if not isinstance(module, known):
            wrong.append(f"{_place(name, module)} ({_NEAREST.get(type(module), 'no equilibrium form here')})")
        elif isinstance(module, nn.Conv2d) and (reason := _unlike(module)):
            wrong.append(f"{_place(name, module)} ({reason})")
        elif isinstance(module, nn.AvgPool2d) and not _by_twos(module):
            wrong.append(f"{_place(name, module)} (pooling is 2x2)")
    if wrong:
        raise InputError(f"cannot take over {', '.join(wrong)}")


def _unlike(conv: nn.Conv2d) -> str:
    """What a convolution has that ours have not."""
    if conv.kernel_size[0] != conv.kernel_size[1] or isinstance(conv.padding, str):
        return "square kernels and padding in numbers"
    if conv.padding[0] != conv.padding[1] or conv.padding_mode != "zeros":
        return "one padding, of zeros"
    if conv.stride != (1, 1) or conv.dilation != (1, 1) or conv.groups != 1:
        return "stride, dilation and groups are 1"
    return ""


def _by_twos(pool: nn.AvgPool2d) -> bool:
    return pool.kernel_size in (2, (2, 2)) and pool.stride in (2, (2, 2)) and pool.padding in (0, (0, 0))


def _parameters(block: _Block) -> tuple[Tensor, Tensor]:
    """Forward weights and biases in the units of the block's activation."""
    module = block.module
    bias = module.weight.new_zeros(module.weight.shape[0]) if module.bias is None else module.bias
    if not block.sigmoid:
        return module.weight, bias
    return module.weight / 4.0, bias / 4.0 + 0.5


def _place(name: str, module: nn.Module) -> str:
    return f"{type(module).__name__} at {name}"
