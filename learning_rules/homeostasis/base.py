"""What every homeostasis offers: add the gradient of its loss to ``.grad``, times a coefficient.

    L_homeo = (1/n) E_eps [ |J eps|^2 - eps^T J^2 eps ] = (1/n) (tr J^T J - tr J^2) = (2/n) |A|_F^2

with J the Jacobian of the recurrent currents at the free activities (the activation bypassed, so that J is symmetric
exactly when the weights are), A its antisymmetric part and n the number of neurons. The -1 on J's diagonal (the leak)
drops out of the loss for every draw and is left out. The operating point is held fixed: a partial derivative.
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
    """

    name: ClassVar[str]
    coefficient: float | CoefficientSchedule = 1.0
    layer_scale: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
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

    @abstractmethod
    def accumulate(self, network: Network, activities: State, coefficient: float, step: int) -> float:
        """Add ``coefficient`` dL_homeo/dtheta to ``.grad`` and return L_homeo (an estimate where it is sampled).

        Args:
            network: whose parameters get the gradient.
            activities: free activities of the batch, where the Jacobian is taken.
            coefficient: lambda now.
            step: number of this batch; selects the random draws, if any.
        """

    def scale(self, coupling: Coupling) -> float:
        """The layer factor of ``coupling``."""
        if not self.layer_scale:
            return 1.0
        lower = min(coupling.source, coupling.target)
        if lower >= len(self.layer_scale):
            raise InputError(f"layer_scale has {len(self.layer_scale)} factors, the network needs {lower + 1} or more")
        return self.layer_scale[lower]


def own_weights(coupling: Coupling) -> list[nn.Parameter]:
    """The coupling's parameters but its bias, which no Jacobian depends on; empty for a tied coupling."""
    return [p for p in coupling.parameters() if p is not coupling.bias]


def add_scaled(parameter: nn.Parameter, value: Tensor, factor: float) -> None:
    """Add ``factor * value`` to ``parameter.grad``."""
    with torch.no_grad():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        parameter.grad.add_(value.to(parameter.dtype), alpha=factor)


@contextmanager
def without_bias_gradient(coupling: Coupling) -> Iterator[None]:
    """Leave the bias's gradient as it was, whatever the coupling's own rule adds to it."""
    bias = coupling.bias
    before = None if bias is None or bias.grad is None else bias.grad.clone()
    yield
    if bias is not None:
        bias.grad = before
