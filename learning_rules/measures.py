"""Measures of a network and of a gradient: symmetry, weight angle, cosine per population."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from learning_rules.rule import State
from substrates.network import Dense

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.network import Network

__all__ = ["cosines", "symmetry", "weight_angle"]


@torch.no_grad()
def symmetry(
    network: Network,
    activities: State | None = None,
    *,
    feedback_scale: float = 1.0,
    draws: int = 16,
    seed: int = 0,
) -> float:
    """|S| / (|S| + |A|) of the Jacobian J = W - 1: 1 when symmetric, above 1/2 for random untied weights.

    With a ``feedback_scale`` c the populations are measured in the units of `Homeostasis`, in which B = c W^T is
    symmetric. Exact for dense couplings (|S|^2 = (|J|^2 + tr J^2)/2 by blocks). Otherwise by ``draws`` Jacobian-vector
    products at ``activities``, which must then be given.
    """
    n = network.num_neurons
    recurrent = list(network.recurrent_couplings())
    if all(isinstance(c, Dense) for c in recurrent):
        from learning_rules.homeostasis.closed_form import matrix_blocks

        blocks = {key: block.values for key, block in matrix_blocks(network).items()}
        norm = trace = diagonal = 0.0
        for (target, source), weight in blocks.items():
            norm += float((weight * weight).sum()) * feedback_scale ** (target - source)
            partner = blocks.get((source, target))
            trace += 0.0 if partner is None else float((weight * partner.t()).sum())
            diagonal += float(weight.diagonal().sum()) if target == source else 0.0
    else:
        assert activities is not None
        from learning_rules.homeostasis.base import in_units
        from learning_rules.homeostasis.jacobian_vector import draw_like

        units = tuple(feedback_scale ** (-p / 2) for p in range(len(network.populations)))
        norm = trace = diagonal = 0.0
        batch = activities[0].shape[0]
        for draw in range(draws):
            eps = draw_like(activities, "rademacher", seed, 0, draw)
            r = in_units(network.tangent_currents(in_units(eps, units, 1), activities), units, -1)
            s = in_units(network.tangent_currents(in_units(r, units, 1), activities), units, -1)
            for e, x, y in zip(eps, r, s):
                norm += float((x * x).sum()) / (draws * batch)
                trace += float((e * y).sum()) / (draws * batch)
                diagonal += float((e * x).sum()) / (draws * batch)
    # The leak: J = W - 1.
    norm, trace = norm + n - 2 * diagonal, trace + n - 2 * diagonal
    symmetric = math.sqrt(max(0.0, (norm + trace) / 2))
    antisymmetric = math.sqrt(max(0.0, (norm - trace) / 2))
    return symmetric / (symmetric + antisymmetric)


@torch.no_grad()
def weight_angle(network: Network) -> float:
    """Angle in degrees between forward and transposed backward weights, pooled over the dense reciprocal pairs.

    NaN where the network has none.
    """
    inner = forward = backward = 0.0
    for i, j in network.reciprocal:
        first, second = network.couplings[i], network.couplings[j]
        if isinstance(first, Dense) and isinstance(second, Dense):
            inner += float((first.matrix * second.matrix.t()).sum())
            forward += float((first.matrix**2).sum())
            backward += float((second.matrix**2).sum())
    if forward == 0.0 or backward == 0.0:
        return math.nan
    return math.degrees(math.acos(max(-1.0, min(1.0, inner / math.sqrt(forward * backward)))))


def cosines(errors: State, reference: State, keep: Tensor | None = None) -> list[float]:
    """Cosine of two error vectors, population by population: the mean over samples with a finite, non-zero norm.

    Args:
        errors, reference: (batch, *shape) per population.
        keep: (batch,) bool, samples that count.
    """
    values = []
    for e, r in zip(errors, reference):
        a, b = e.flatten(1), r.flatten(1)
        cosine = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
        good = torch.isfinite(cosine) if keep is None else torch.isfinite(cosine) & keep
        values.append(float(cosine[good].mean()) if bool(good.any()) else math.nan)
    return values
