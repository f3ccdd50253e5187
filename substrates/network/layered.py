"""The layered network of the papers: input -> hidden ... -> output, with feedback between neighbours."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch

from hw_profiles.arguments import checked
from hw_profiles.errors import InputError
from substrates.network.costs import SoftmaxReadout, SquaredError
from substrates.network.couplings import INPUT, Coupling, Dense
from substrates.network.network import Network, Population
from substrates.seeds import derive_seed

__all__ = ["layered"]


@checked
def layered(
    sizes: Sequence[int],
    *,
    activation: str = "logistic",
    feedback: str = "independent",
    angle: float = 90.0,
    feedback_scale: float = 1.0,
    readout: bool = True,
    classes: int = 0,
    seed: int = 0,
) -> Network:
    """Build ``sizes[0]-sizes[1]-...-sizes[-1]`` with a backward coupling beside every hidden forward one.

    Forward weights are LeCun normal (variance 1/fan-in). Backward weights are
    ``B = cos(angle) W^T + sin(angle) R`` with R drawn like W^T, so they have the forward weights' scale
    (LeCun scaling by the backward fan-in would make the output's feedback several times too strong).

    Args:
        sizes: input, hidden and output sizes; at least two.
        activation: name of the activation of every population.
        feedback: ``independent`` (own weights, at ``angle`` degrees to the transpose) or ``tied``.
        angle: 0 gives exact transposes (untied afterwards), 90 independent draws.
        feedback_scale: size of the backward weights relative to the forward ones'; tied weights have none.
        readout: cross-entropy through a linear softmax read-out; otherwise squared error.
        classes: of the read-out; 0 takes the last size. With another number the last layer is a hidden one.
        seed: seeds the weights.

    Raises:
        InputError: fewer than two sizes, a size below one, an unknown feedback, a scale that is not above zero.

    Source: Laborieux & Zenke, arXiv 2309.02214, section 4.
    """
    sizes = [int(s) for s in sizes]
    if len(sizes) < 2 or min(sizes) < 1:
        raise InputError(f"layers {'-'.join(map(str, sizes))}: expected at least an input and an output, all above 0")
    if feedback not in ("independent", "tied"):
        raise InputError(f"no feedback {feedback!r}; there are independent, tied")
    if not 0 < feedback_scale < math.inf or (feedback == "tied" and feedback_scale != 1.0):
        raise InputError(
            f"feedback scale {feedback_scale}: expected a finite number above zero, and 1 where the weights are tied"
        )
    generator = torch.Generator().manual_seed(derive_seed(seed, "weights") % 2**63)
    populations = [Population(f"l{i}" if i < len(sizes) - 1 else "out", (n,), activation) for i, n in enumerate(sizes)][
        1:
    ]
    couplings: list[Coupling] = []
    reciprocal: list[tuple[int, int]] = []
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        forward = Dense(layer - 1, layer, fan_in, fan_out, bias=True)
        assert forward.weight is not None
        forward.weight.data = torch.randn(fan_out, fan_in, generator=generator) / math.sqrt(fan_in)
        couplings.append(forward)
        if forward.source == INPUT:
            continue
        backward = Dense(layer, layer - 1, fan_out, fan_in, tied=forward if feedback == "tied" else None)
        if backward.weight is not None:
            draw = torch.randn(fan_in, fan_out, generator=generator) / math.sqrt(fan_in)
            radians = math.radians(angle)
            mixed = math.cos(radians) * forward.weight.data.t() + math.sin(radians) * draw
            mixed = mixed.contiguous()  # as its gradients are
            backward.weight.data = mixed if feedback_scale == 1.0 else feedback_scale * mixed
        couplings.append(backward)
        reciprocal.append((len(couplings) - 2, len(couplings) - 1))
    if classes < 0 or (classes and not readout):
        raise InputError(f"classes {classes}: expected a number of zero or more, and a read-out for them")
    classes = classes or sizes[-1]
    cost = SoftmaxReadout(sizes[-1], classes) if readout else SquaredError()
    if isinstance(cost, SoftmaxReadout):
        cost.readout.weight.data = torch.randn(classes, sizes[-1], generator=generator) / math.sqrt(sizes[-1])
        cost.readout.bias.data.zero_()
    return Network((sizes[0],), populations, couplings, cost, reciprocal)
