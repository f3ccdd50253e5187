"""The homeostasis loss of couplings that are linear, without draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import torch

from hw_profiles.errors import InputError
from learning_rules.homeostasis.base import Homeostasis, State, add_scaled
from substrates.network import Convolution, ConvolutionFeedback, Dense

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.network import Coupling, Network
    from substrates.network.convolution import Geometry

__all__ = ["ClosedForm", "matrix_blocks"]


@dataclass(frozen=True)
class ClosedForm(Homeostasis):
    """With W_ts the sum of the dense couplings from population s to t,

        L_homeo = (1/n) sum_ts <W_ts, W_ts - W_st^T>,      dL/dW_ts = (2/n) (W_ts - W_st^T)

    which for a forward W and a backward B is (1/n) |W - B^T|^2 (with a feedback scale c, (1/n) |c W - B^T|^2 / c times
    2 / (c + 1/c)). A coupling without a reciprocal partner is left with
    (1/n) |W|^2, plain weight decay: compare with `RecurrentDecay` before crediting symmetry there.

    A convolution with average or no pooling is a matrix of shared weights: the same sum over its taps, each counted as
    often as it falls inside the source. The decoupled form moves the kernels themselves by the share of their
    difference. Softmax pooling has no closed form.
    """

    name: ClassVar[str] = "closed-form"
    decoupled_limit: ClassVar[float] = 0.5

    def check(self, network: Network) -> None:
        seen: dict[tuple[int, int], Coupling] = {}
        for coupling in network.recurrent_couplings():
            if coupling.state_dependent:
                raise InputError(
                    f"the closed form of homeostasis needs couplings linear in the activities, and "
                    f"{coupling.describe()} pools by softmax; use the method jacobian-vector"
                )
            if not isinstance(coupling, (Dense, Convolution, ConvolutionFeedback)):
                raise InputError(
                    f"the closed form of homeostasis knows dense couplings and convolutions, {coupling.describe()} is "
                    f"a {type(coupling).__name__}; use the method jacobian-vector"
                )
            for key in ((coupling.target, coupling.source), (coupling.source, coupling.target)):
                other = seen.get(key)
                if other is not None and not _alike(coupling, other, key == (coupling.target, coupling.source)):
                    raise InputError(
                        f"the closed form of homeostasis cannot compare {coupling.describe()} with a coupling of "
                        "another shape between the same populations; use the method jacobian-vector"
                    )
            seen[coupling.target, coupling.source] = coupling

    @torch.no_grad()
    def accumulate(self, network: Network, activities: State, coefficient: float, step: int) -> float:
        del step  # linear couplings: the Jacobian is the same everywhere
        return self._accumulate(network, activities, 2.0 * coefficient / network.num_neurons, kernels=False)

    @torch.no_grad()
    def accumulate_decoupled(self, network: Network, activities: State, coefficient: float, step: int) -> float:
        del step
        return self._accumulate(network, activities, coefficient, kernels=True)

    def _accumulate(self, network: Network, activities: State, coefficient: float, *, kernels: bool) -> float:
        """Add coefficient (W - W^T) to every matrix, or to every kernel where ``kernels``; return the loss."""
        self.check(network)
        units, blocks = self.units(network), matrix_blocks(network)
        loss = torch.zeros((), dtype=torch.float64, device=activities[0].device)
        differences: dict[tuple[int, int], Tensor] = {}
        for (target, source), block in blocks.items():
            partner = blocks.get((source, target))
            scaled = block.values if self.feedback_scale == 1.0 else block.values * (units[source] / units[target]) ** 2
            difference = scaled if partner is None else scaled - partner.transposed()
            differences[target, source] = difference
            loss += self.speed * (block.counts * block.values * difference).sum() / network.num_neurons
        for coupling in network.recurrent_couplings():
            factor = self.speed * coefficient * self.scale(coupling)
            block = blocks[coupling.target, coupling.source]
            change = block.change(differences[coupling.target, coupling.source], kernels)
            if coupling.weight is not None:
                add_scaled(coupling.weight, change, factor)
            else:  # tied: the weights belong to the other direction
                owner = coupling.tied
                add_scaled(owner.weight, change.t() if isinstance(owner, Dense) else change, factor)
        return float(loss)


@dataclass(frozen=True)
class _Block:
    """The Jacobian from one population to another: a matrix, or the taps of a convolution (seen from either end).

    Attributes:
        values: (target, source) matrix, or taps (high channels, low channels, side, side).
        counts: how often each value stands in the Jacobian.
        geometry: of the convolution; None for a matrix.
    """

    values: Tensor
    counts: Tensor | float = 1.0
    geometry: Geometry | None = None

    def transposed(self) -> Tensor:
        """The values as the opposite direction lists them."""
        return self.values.t() if self.geometry is None else self.values

    def change(self, difference: Tensor, kernels: bool) -> Tensor:
        """What a difference of values is for the weights: the gradient, or the difference of the kernels."""
        if self.geometry is None:
            return difference
        pooling = self.geometry.pooling
        return pooling.refold(difference) if kernels else pooling.unfold(self.counts * difference)


def matrix_blocks(network: Network) -> dict[tuple[int, int], _Block]:
    """(target, source) -> the sum of the recurrent couplings, all linear and alike."""
    blocks: dict[tuple[int, int], _Block] = {}
    for coupling in network.recurrent_couplings():
        if isinstance(coupling, Dense):
            block = _Block(coupling.matrix)
        else:
            g = coupling.geometry
            block = _Block(g.taps(coupling.kernel.detach()), g.tap_counts().to(coupling.kernel), g)
        key = (coupling.target, coupling.source)
        before = blocks.get(key)
        blocks[key] = block if before is None else replace(block, values=before.values + block.values)
    return blocks


def _alike(a: Coupling, b: Coupling, same_direction: bool) -> bool:
    """Whether two couplings between the same populations list comparable weights."""
    if isinstance(a, Dense) or isinstance(b, Dense):
        return isinstance(a, Dense) and isinstance(b, Dense)
    return a.geometry == b.geometry and (isinstance(a, Convolution) == isinstance(b, Convolution)) == same_direction
