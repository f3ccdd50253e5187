"""The homeostasis loss by Jacobian-vector products with random directions: any coupling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch

from hw_profiles.errors import InputError
from learning_rules.homeostasis.base import Homeostasis, State, add_scaled, in_units, own_weights
from substrates.seeds import derive_seed

if TYPE_CHECKING:
    from substrates.network import Network

__all__ = ["JacobianVector", "draw_like"]

Distribution = Literal["gaussian", "rademacher"]


@dataclass(frozen=True)
class JacobianVector(Homeostasis):
    """Draw eps, take r = J eps and s = J r at the free activities, and differentiate

        L = (1/n) mean over batch and draws of [ |r|^2 - eps^T s ].

    Args:
        draws: independent draws per step; the paper takes 5.
        distribution: ``rademacher`` (+-1) has about a quarter less spread than ``gaussian``.
        seed: of the draws; together with the step it fixes them.

    Source: Laborieux & Zenke, arXiv 2309.02214, equation 9.
    """

    name: ClassVar[str] = "jacobian-vector"
    draws: int = 5
    distribution: Distribution = "gaussian"
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.draws < 1:
            raise InputError(f"homeostasis needs at least one draw, got {self.draws}")
        if self.distribution not in ("gaussian", "rademacher"):
            raise InputError(f"no distribution {self.distribution!r}; there are gaussian, rademacher")

    def accumulate(self, network: Network, activities: State, coefficient: float, step: int) -> float:
        couplings = [c for c in network.recurrent_couplings() if own_weights(c)]
        parameters = [p for c in couplings for p in own_weights(c)]
        if not parameters:
            return 0.0
        factors = [self.scale(c) for c in couplings for _ in own_weights(c)]
        at = tuple(v.detach() for v in activities)
        batch = at[0].shape[0]
        units = self.units(network)
        loss = torch.zeros((), dtype=torch.float64, device=at[0].device)
        for draw in range(self.draws):
            eps = draw_like(at, self.distribution, self.seed, step, draw)
            with torch.enable_grad():
                r = in_units(network.tangent_currents(in_units(eps, units, 1), at), units, -1)
                s = in_units(network.tangent_currents(in_units(r, units, 1), at), units, -1)
                total = sum((x * x).sum() - (e * y).sum() for x, e, y in zip(r, eps, s))
                value = self.speed * total / (network.num_neurons * batch * self.draws)
                gradients = torch.autograd.grad(value, parameters)
            loss += value.detach()
            for parameter, gradient, factor in zip(parameters, gradients, factors):
                add_scaled(parameter, gradient, coefficient * factor)
        return float(loss)


def draw_like(at: State, distribution: Distribution, seed: int, step: int, draw: int) -> State:
    """Independent directions shaped like ``at``, the same for the same arguments on the same kind of device.

    They are drawn where ``at`` is: a network's worth of numbers per draw would be too many to move.
    """
    device = at[0].device
    generator = torch.Generator(device).manual_seed(derive_seed(seed, "homeostasis", step, draw) % 2**63)
    drawn = []
    for v in at:
        if distribution == "gaussian":
            eps = torch.randn(v.shape, generator=generator, dtype=v.dtype, device=device)
        else:
            eps = torch.randint(0, 2, v.shape, generator=generator, device=device).to(v.dtype) * 2 - 1
        drawn.append(eps)
    return tuple(drawn)
