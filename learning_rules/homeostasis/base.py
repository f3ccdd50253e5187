"""What every homeostasis offers: add the gradient of its loss to ``.grad``, times a coefficient.

    L_homeo = (1/n) E_eps [ |J eps|^2 - eps^T J^2 eps ] = (1/n) (tr J^T J - tr J^2) = (2/n) |A|_F^2

with J the Jacobian of the recurrent currents at the free activities (the activation bypassed, so that J is symmetric
exactly when the weights are), A its antisymmetric part and n the number of neurons. The -1 on J's diagonal (the leak)
drops out of the loss for every draw and is left out. The operating point is held fixed: a partial derivative.

*Weak feedback.* Equilibrium propagation needs J symmetric only in *some* units of the populations: with u_p measured
in units d_p, J' = D^-1 J D. If J' is symmetric, the response of population p is the adjoint times d_p^2 / d_out^2, a
known number. ``feedback_scale`` c takes d_p = c^(-p/2), so that a layered network is pulled to B = c W^T instead of
B = W^T: as good for the gradient, while the loop gain falls by c, and with it the slow and bistable modes of symmetric
networks. The loss is then that of J', times 2 / (c + 1/c), which keeps the speed of approach. Scaling the feedback
path: after arXiv 2508.11659, where it is applied to recurrent networks trained by equilibrium propagation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import torch

from hw_profiles.errors import InputError
from learning_rules.homeostasis.schedule import CoefficientSchedule

if TYPE_CHECKING:
    from torch import Tensor, nn

    from substrates.network import Network
    from substrates.network.couplings import Coupling

__all__ = ["Homeostasis"]

State = tuple["Tensor", ...]


@dataclass(frozen=True)
class Homeostasis(ABC):
    """Settings shared by all methods.

    Args:
        coefficient: lambda; a number, or a schedule over the training.
        layer_scale: factor per coupling, by the *lower* population it touches (its index); empty means one
            everywhere. A forward and its backward coupling so share a factor.
        feedback_scale: c, above 0; the backward weights' size relative to the forward ones'.
    """

    name: ClassVar[str]
    #: largest coefficient of the decoupled form; above, sampled methods feed back their own noise and diverge
    decoupled_limit: ClassVar[float] = 0.1
    coefficient: float | CoefficientSchedule = 1.0
    layer_scale: tuple[float, ...] = field(default=())
    feedback_scale: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.feedback_scale < float("inf"):
            raise InputError(f"the feedback scale must be a finite number above zero, got {self.feedback_scale}")
        if not isinstance(self.coefficient, CoefficientSchedule) and not 0 <= self.coefficient < float("inf"):
            raise InputError(
                f"the homeostasis coefficient must be a finite number of zero or more, got {self.coefficient}"
            )

    def coefficient_at(self, progress: float) -> float:
        """lambda at ``progress``, the share of the training done (0 to 1)."""
        if isinstance(self.coefficient, CoefficientSchedule):
            return self.coefficient.at(progress)
        return self.coefficient

    @property
    def largest(self) -> float:
        """The largest coefficient of the training."""
        lam = self.coefficient
        return max(lam.start, lam.end) if isinstance(lam, CoefficientSchedule) else lam

    def units(self, network: Network) -> tuple[float, ...]:
        """d_p of every population."""
        return tuple(self.feedback_scale ** (-p / 2) for p in range(len(network.populations)))

    @property
    def speed(self) -> float:
        """2 / (c + 1/c): what the loss of J' is multiplied by."""
        return 2.0 / (self.feedback_scale + 1.0 / self.feedback_scale)

    def adjoint_from_response(self, network: Network, response: State) -> State:
        """The errors of a response, brought to the adjoint's size: e_p d_out^2 / d_p^2."""
        if self.feedback_scale == 1.0:
            return response
        units = self.units(network)
        return tuple(e * (units[-1] / d) ** 2 for e, d in zip(response, units))

    @abstractmethod
    def accumulate(self, network: Network, activities: State, coefficient: float, step: int) -> float:
        """Add ``coefficient`` dL_homeo/dtheta to ``.grad`` and return L_homeo (an estimate where it is sampled).

        Args:
            network: whose parameters get the gradient.
            activities: free activities of the batch, where the Jacobian is taken.
            coefficient: lambda now.
            step: number of this batch; selects the random draws, if any.
        """

    def check(self, network: Network) -> None:
        """Raise, before any work, where the method cannot treat one of the network's couplings.

        Raises:
            InputError: names the coupling and the method that can.
        """
        del network  # any coupling will do unless a method says otherwise

    def accumulate_decoupled(self, network: Network, activities: State, coefficient: float, step: int) -> float:
        """`accumulate` in the size of the decoupled form, n/2 times the gradient: the share of W - B^T that a side
        gives up. The gradient of a kernel is a sum over all its places and is divided by their number."""
        loss = self.accumulate(network, activities, coefficient * network.num_neurons / 2, step)
        with torch.no_grad():
            for coupling in network.recurrent_couplings():
                for parameter in own_weights(coupling):
                    if coupling.uses != 1 and parameter.grad is not None:
                        parameter.grad /= coupling.uses
        return loss

    def scale(self, coupling: Coupling) -> float:
        """The layer factor of ``coupling``."""
        if not self.layer_scale:
            return 1.0
        lower = min(coupling.source, coupling.target)
        if lower >= len(self.layer_scale):
            raise InputError(f"layer_scale has {len(self.layer_scale)} factors, the network needs {lower + 1} or more")
        return self.layer_scale[lower]


def in_units(state: State, units: tuple[float, ...], power: int) -> State:
    """Every population's tensor times d_p^power."""
    if all(d == 1.0 for d in units):
        return state
    return tuple(x * d**power for x, d in zip(state, units))


def own_weights(coupling: Coupling) -> list[nn.Parameter]:
    """The coupling's parameters but its bias, which no Jacobian depends on; empty for a tied coupling."""
    return [p for p in coupling.parameters() if p is not coupling.bias]


def add_scaled(parameter: nn.Parameter, value: Tensor, factor: float) -> None:
    """Add ``factor * value`` to ``parameter.grad``."""
    with torch.no_grad():
        value = value.to(parameter.dtype)
        if parameter.grad is None:
            parameter.grad = (value * factor).reshape(parameter.shape)
        else:
            parameter.grad.add_(value, alpha=factor)


@contextmanager
def without_bias_gradient(coupling: Coupling) -> Iterator[None]:
    """Leave the bias's gradient as it was, whatever the coupling's own rule adds to it."""
    bias = coupling.bias
    before = None if bias is None or bias.grad is None else bias.grad.clone()
    yield
    if bias is not None:
        bias.grad = before
