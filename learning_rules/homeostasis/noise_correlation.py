"""Homeostasis by local correlation with injected noise: no differentiation, usable on hardware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from hw_profiles.errors import InputError
from learning_rules.homeostasis.base import (
    Homeostasis,
    State,
    add_scaled,
    in_units,
    own_weights,
    without_bias_gradient,
)
from learning_rules.homeostasis.jacobian_vector import Distribution, draw_like

if TYPE_CHECKING:
    from substrates.network import Network

__all__ = ["NoiseCorrelation"]


@dataclass(frozen=True)
class NoiseCorrelation(Homeostasis):
    """Inject white noise eps into the activities, read the linear response of the currents r = J eps, and take

        dL/dW_ij ~ (2/n) ( r_i eps_j - eps_i r_j ),      expectation (2/n) (J - J^T)_ij = dL_homeo/dW_ij.

    Post response times pre noise, minus the swapped product: local, one probe, no derivative. About 15 % noisier
    than differentiating the sampled loss. r is read as F(v + d eps) - F(v - d eps) over 2d, both with the activation
    bypassed, as a machine would.

    Args:
        draws: probes per step; each sample of the batch has its own noise.
        amplitude: d, size of the injected noise; linear couplings do not depend on it.
        distribution, seed: of the noise.
    """

    name: ClassVar[str] = "noise-correlation"
    draws: int = 1
    amplitude: float = 0.1
    distribution: Distribution = "rademacher"
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.draws < 1:
            raise InputError(f"homeostasis needs at least one draw, got {self.draws}")
        if not self.amplitude > 0:
            raise InputError(f"the injected noise must have an amplitude above zero, got {self.amplitude}")

    def check(self, network: Network) -> None:
        for coupling in network.recurrent_couplings():
            if coupling.state_dependent:
                raise InputError(
                    f"the noise-correlation rule needs currents that are linear in the activities, and "
                    f"{coupling.describe()} pools by softmax; use the method jacobian-vector"
                )

    @torch.no_grad()
    def accumulate(self, network: Network, activities: State, coefficient: float, step: int) -> float:
        self.check(network)
        n, batch = network.num_neurons, activities[0].shape[0]
        loss = 0.0
        units = self.units(network)
        for draw in range(self.draws):
            eps = draw_like(activities, self.distribution, self.seed, step, draw)
            response = self._probe(network, activities, eps)
            loss += self._loss(network, activities, eps, response) * self.speed / (n * batch * self.draws)
            for coupling in network.recurrent_couplings():
                weights = own_weights(coupling)
                if not weights:
                    continue  # tied to the opposite direction: nothing to learn
                ratio = units[coupling.source] / units[coupling.target]
                factor = ratio * self.speed * coefficient * self.scale(coupling) * 2.0 / (n * batch * self.draws)
                kept = [None if p.grad is None else p.grad.clone() for p in weights]
                for p in weights:
                    p.grad = None
                with without_bias_gradient(coupling):
                    source, target = coupling.source, coupling.target
                    coupling.accumulate_between(eps[source], activities[target], response[target])
                    coupling.accumulate_between(response[source], activities[target], -eps[target])
                for p, before in zip(weights, kept):
                    product, p.grad = p.grad, before
                    assert product is not None
                    add_scaled(p, product, factor)
        return loss

    def _probe(self, network: Network, activities: State, eps: State) -> State:
        d, units = self.amplitude, self.units(network)
        eps = in_units(eps, units, 1)
        up = network.recurrent_currents(tuple(v + d * e for v, e in zip(activities, eps)))
        down = network.recurrent_currents(tuple(v - d * e for v, e in zip(activities, eps)))
        return in_units(tuple((a - b) / (2 * d) for a, b in zip(up, down)), units, -1)

    def _loss(self, network: Network, activities: State, eps: State, response: State) -> float:
        twice = self._probe(network, activities, response)
        return sum(float((r * r).sum() - (e * s).sum()) for r, e, s in zip(response, eps, twice))
