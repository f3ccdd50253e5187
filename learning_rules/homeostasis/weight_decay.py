"""Plain decay of the recurrent weights: the control that every claim about homeostasis must beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from hw_profiles.errors import InputError
from learning_rules.homeostasis.base import Homeostasis, State, add_scaled, own_weights

if TYPE_CHECKING:
    from substrates.network import Network

__all__ = ["RecurrentDecay"]


@dataclass(frozen=True)
class RecurrentDecay(Homeostasis):
    """L = (1/n) sum |W|^2 over the recurrent couplings: what `ClosedForm` becomes where nothing is reciprocal."""

    name: ClassVar[str] = "weight-decay"
    decoupled_limit: ClassVar[float] = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.feedback_scale != 1.0:
            raise InputError("plain weight decay pulls no backward weight to a forward one; leave feedback_scale at 1")

    @torch.no_grad()
    def accumulate(self, network: Network, activities: State, coefficient: float, step: int) -> float:
        del activities, step
        loss = 0.0
        for coupling in network.recurrent_couplings():
            for parameter in own_weights(coupling):
                loss += float((parameter * parameter).sum()) / network.num_neurons
                add_scaled(parameter, parameter, coefficient * self.scale(coupling) * 2.0 / network.num_neurons)
        return loss
