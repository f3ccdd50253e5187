"""Couplings: how the activities of one population become current into another.

Each coupling owns its weights. A forward coupling and its reciprocal backward one are independent unless they are
tied, in which case the backward one holds no weights and reads the forward's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from substrates.network.costs import _add_grad

__all__ = ["Coupling", "Dense", "Operator"]

#: index of the clamped input among the populations
INPUT = -1


class Operator(NamedTuple):
    """A map from one population to another with all that stays the same through a relaxation computed beforehand.

    ``apply(activity, own)`` takes what ``source`` has and the present activities of ``target``.
    """

    source: int
    target: int
    apply: Callable[[Tensor, Tensor], Tensor]


class Coupling(nn.Module, ABC):
    """A map from the activities of ``source`` to a current into ``target`` (population indices; -1 is the input)."""

    source: int
    target: int

    weight: nn.Parameter | None  #: None where tied to another coupling's
    bias: nn.Parameter | None
    dense: bool = False  #: one full matrix
    holomorphic: bool = True  #: may be given complex activities

    @property
    @abstractmethod
    def macs(self) -> int:
        """Multiply-accumulates of one application to one sample."""

    @property
    def uses(self) -> int:
        """How often one weight appears in the coupling's Jacobian: 1, or the places of a kernel."""
        return 1

    @property
    def state_dependent(self) -> bool:
        """Whether the coupling's Jacobian depends on the activities."""
        return False

    def describe(self) -> str:
        """A few words for messages."""
        return f"the coupling {self.source} -> {self.target}"

    def linear(self, activity: Tensor) -> Tensor:
        """Current into the target without the bias, shape (batch, *target shape); real or complex."""
        raise self._two_ended()

    def _two_ended(self) -> TypeError:
        """The error of a coupling that has only the ``*_between`` forms."""
        return TypeError(f"{self.describe()} depends on the activities at both ends; use the *_between methods")

    def add_bias(self, current: Tensor) -> Tensor:
        """``current`` (batch, *target shape) plus this coupling's bias, if it has one."""
        return current if self.bias is None else current + self.bias

    def forward(self, activity: Tensor) -> Tensor:
        """Current into the target, bias included."""
        return self.add_bias(self.linear(activity))

    def tangent(self, direction: Tensor, at: Tensor) -> Tensor:
        """J direction: the coupling's Jacobian at source activity ``at`` times a source-shaped direction."""
        raise self._two_ended()

    def transpose(self, error: Tensor, at: Tensor) -> Tensor:
        """J^T error: the coupling's Jacobian at source activity ``at``, transposed, times a target-shaped error."""
        raise self._two_ended()

    def accumulate_gradient(self, pre: Tensor, error: Tensor) -> None:
        """Add sum_b (d current_b / d parameters)^T error_b to ``.grad``."""
        raise self._two_ended()

    # A two-ended coupling's current also depends on the activities it flows into (feedback through softmax pooling).
    # The network calls these; a one-ended coupling ignores the target's own activities.

    def between(self, activity: Tensor, own: Tensor) -> Tensor:
        """`linear`, given the target's own activities too."""
        del own
        return self.linear(activity)

    def tangent_between(self, direction: Tensor, own_direction: Tensor, at: Tensor, own: Tensor) -> Tensor:
        """`tangent` with respect to both ends."""
        del own_direction, own
        return self.tangent(direction, at)

    def transpose_between(self, error: Tensor, at: Tensor, own: Tensor) -> tuple[Tensor, Tensor | None]:
        """`transpose` with respect to the source, and to the target's own activities (None: no dependence)."""
        del own
        return self.transpose(error, at), None

    def accumulate_between(self, pre: Tensor, own: Tensor, error: Tensor) -> None:
        """`accumulate_gradient`, given the target's own activities too."""
        del own
        self.accumulate_gradient(pre, error)

    # What solvers use: maps made once per relaxation. A coupling with something to prepare overrides these.

    def operator(self) -> Operator:
        """`between` at the present parameters."""
        return Operator(self.source, self.target, self.between)

    def tangent_operators(self, at: Tensor, own: Tensor) -> tuple[Operator, ...]:
        """`tangent_between` at fixed activities, one map per end it depends on."""
        return (Operator(self.source, self.target, lambda d, _: self.tangent_between(d, d, at, own)),)

    def transposed_operators(self, at: Tensor, own: Tensor) -> tuple[Operator, ...]:
        """`transpose_between` at fixed activities, one map per end."""
        return (Operator(self.target, self.source, lambda e, _: self.transpose_between(e, at, own)[0]),)


class Dense(Coupling):
    """current = W v (+ b), with W of shape (target size, source size).

    With ``tied`` (a Dense of the opposite direction) the weights are that coupling's, transposed.
    """

    dense = True

    def __init__(
        self,
        source: int,
        target: int,
        source_size: int,
        target_size: int,
        *,
        bias: bool = False,
        tied: Dense | None = None,
    ) -> None:
        super().__init__()
        self.source, self.target = source, target
        # Kept out of the module tree: a tied coupling must not list the other's parameters as its own.
        object.__setattr__(self, "tied", tied)
        self.weight = nn.Parameter(torch.zeros(target_size, source_size)) if tied is None else None
        self.bias = nn.Parameter(torch.zeros(target_size)) if bias else None

    @property
    def matrix(self) -> Tensor:
        """W, shape (target size, source size)."""
        if self.weight is not None:
            return self.weight
        return self.tied.matrix.t()

    @property
    def macs(self) -> int:
        return self.matrix.numel()

    def linear(self, activity: Tensor) -> Tensor:
        return activity.flatten(1) @ self.matrix.to(activity.dtype).t()

    def add_bias(self, current: Tensor) -> Tensor:
        return current if self.bias is None else current + self.bias.reshape(current.shape[1:])

    def operator(self) -> Operator:
        transposed = self.matrix.detach().t()
        return Operator(self.source, self.target, lambda v, _: by_parts(lambda x: x.flatten(1) @ transposed, v))

    def tangent(self, direction: Tensor, at: Tensor) -> Tensor:
        del at  # linear: the Jacobian is the same everywhere
        return self.linear(direction)

    def transpose(self, error: Tensor, at: Tensor) -> Tensor:
        del at  # linear: the Jacobian is the same everywhere
        return error.flatten(1) @ self.matrix.to(error.dtype)

    def accumulate_gradient(self, pre: Tensor, error: Tensor) -> None:
        with torch.no_grad():
            product = error.flatten(1).t() @ pre.flatten(1)
            if self.weight is not None:
                _add_grad(self.weight, product)
            else:
                _add_grad(self.tied.weight, product.t())
            if self.bias is not None:
                _add_grad(self.bias, error.flatten(1).sum(0))


def by_parts(function: Callable[[Tensor], Tensor], value: Tensor) -> Tensor:
    """A real-linear map, sample by sample, applied to a complex value: both parts in one call."""
    if not value.is_complex():
        return function(value)
    real, imaginary = function(torch.cat([value.real, value.imag])).chunk(2)
    return torch.complex(real, imaginary)
