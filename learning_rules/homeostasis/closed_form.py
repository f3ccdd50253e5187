"""The homeostasis loss of dense couplings, without draws."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from hw_profiles.errors import InputError
from learning_rules.homeostasis.base import Homeostasis, State, add_scaled
from substrates.network import Dense

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.network import Network

__all__ = ["ClosedForm", "dense_blocks"]


@dataclass(frozen=True)
class ClosedForm(Homeostasis):
    """With W_ts the sum of the dense couplings from population s to t,

        L_homeo = (1/n) sum_ts <W_ts, W_ts - W_st^T>,      dL/dW_ts = (2/n) (W_ts - W_st^T)

    which for a forward W and a backward B is (1/n) |W - B^T|^2 (with a feedback scale c, (1/n) |c W - B^T|^2 / c times
    2 / (c + 1/c)). A coupling without a reciprocal partner is left with
    (1/n) |W|^2, plain weight decay: compare with `RecurrentDecay` before crediting symmetry there.
    """

    name: ClassVar[str] = "closed-form"
    decoupled_limit: ClassVar[float] = 0.5

    @torch.no_grad()
    def accumulate(self, network: Network, activities: State, coefficient: float, step: int) -> float:
        del step  # dense couplings: the Jacobian is the same everywhere
        blocks = dense_blocks(network)
        n = network.num_neurons
        loss = torch.zeros((), dtype=torch.float64, device=activities[0].device)
        differences: dict[tuple[int, int], Tensor] = {}
        units = self.units(network)
        for (target, source), weight in blocks.items():
            partner = blocks.get((source, target))
            scaled = weight if self.feedback_scale == 1.0 else weight * (units[source] / units[target]) ** 2
            difference = scaled if partner is None else scaled - partner.t()
            differences[target, source] = difference
            loss += self.speed * (weight * difference).sum() / n
        for coupling in network.recurrent_couplings():
            factor = self.speed * coefficient * self.scale(coupling) * 2.0 / n
            difference = differences[coupling.target, coupling.source]
            if coupling.weight is not None:
                add_scaled(coupling.weight, difference, factor)
            else:  # tied: the weights belong to the other direction
                add_scaled(coupling.tied.weight, difference.t(), factor)
        return float(loss)


def dense_blocks(network: Network) -> dict[tuple[int, int], Tensor]:
    """(target, source) -> summed matrix of the recurrent couplings.

    Raises:
        InputError: a coupling that is not dense.
    """
    blocks: dict[tuple[int, int], Tensor] = defaultdict(lambda: torch.zeros(()))
    for coupling in network.recurrent_couplings():
        if not isinstance(coupling, Dense):
            raise InputError(
                f"the closed form of homeostasis needs dense couplings, {coupling.describe()} is a "
                f"{type(coupling).__name__}; use the method jacobian-vector"
            )
        key = (coupling.target, coupling.source)
        blocks[key] = blocks[key] + coupling.matrix
    return dict(blocks)
