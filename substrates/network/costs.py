"""Costs: what the output population is nudged towards.

A cost gives the loss per sample, its gradient with respect to the output activities (holomorphic in them, so that
complex nudges work), and the ordinary gradient of parameters of its own (a read-out).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from hw_profiles.errors import InputError

__all__ = ["Cost", "SoftmaxReadout", "SquaredError"]


class Cost(nn.Module, ABC):
    """Base of the costs. ``target`` is whatever the cost understands (class indices, vectors)."""

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Loss per sample, shape (batch,)."""

    @abstractmethod
    def gradient(self, output: Tensor, target: Tensor) -> Tensor:
        """dL/dv of the output activities, shape of ``output``; real or complex."""

    @abstractmethod
    def predict(self, output: Tensor) -> Tensor:
        """Class index per sample, shape (batch,)."""

    def check_target(self, target: Tensor) -> None:
        """Raise InputError when ``target`` is nothing this cost understands (labels out of range)."""

    def accumulate_gradient(self, output: Tensor, target: Tensor, weight: Tensor) -> None:
        """Add sum_b weight_b dL_b/d(own parameters) to ``.grad``; nothing for a cost without parameters."""


class SoftmaxReadout(Cost):
    """Cross-entropy of a linear softmax read-out of the output activities: L = -log softmax(R v + r)[target]."""

    def __init__(self, size: int, classes: int) -> None:
        super().__init__()
        self.readout = nn.Linear(size, classes)

    def check_target(self, target: Tensor) -> None:
        classes = self.readout.out_features
        if target.ndim != 1 or target.is_floating_point() or target.is_complex():
            raise InputError(
                f"targets of shape {tuple(target.shape)} and type {target.dtype}; expected one class index per sample"
            )
        if target.device.type != "cpu":
            return  # reading the labels back would stall the device; it refuses them itself
        if len(target) and not 0 <= int(target.min()) <= int(target.max()) < classes:
            raise InputError(
                f"class indices run from {int(target.min())} to {int(target.max())}; expected 0 to {classes - 1}"
            )

    def _probabilities(self, output: Tensor) -> Tensor:
        dtype = output.dtype
        logits = output.flatten(1) @ self.readout.weight.to(dtype).t() + self.readout.bias.to(dtype)
        # Shifting by the real part only keeps the softmax holomorphic.
        shift = logits.real.max(dim=1, keepdim=True).values
        e = torch.exp(logits - shift)
        return e / e.sum(dim=1, keepdim=True)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self.readout(output.flatten(1)), target, reduction="none")

    def gradient(self, output: Tensor, target: Tensor) -> Tensor:
        with torch.no_grad():
            error = self._probabilities(output)
            error[torch.arange(len(error), device=error.device), target] -= 1.0
            return (error @ self.readout.weight.to(output.dtype)).reshape(output.shape)

    def predict(self, output: Tensor) -> Tensor:
        with torch.no_grad():
            return self.readout(output.flatten(1)).argmax(dim=1)

    def accumulate_gradient(self, output: Tensor, target: Tensor, weight: Tensor) -> None:
        with torch.no_grad():
            error = self._probabilities(output)
            error[torch.arange(len(error), device=error.device), target] -= 1.0
            error = error * weight[:, None]
            _add_grad(self.readout.weight, error.t() @ output.flatten(1))
            _add_grad(self.readout.bias, error.sum(0))


class SquaredError(Cost):
    """L = 1/2 |v - y|^2 with y the target vector, or the one-hot vector of a class index."""

    def vector(self, target: Tensor, size: int) -> Tensor:
        """The wanted output, (batch, ...): the target itself, or the one-hot vectors of class indices."""
        if target.is_floating_point() or target.is_complex():
            return target
        return nn.functional.one_hot(target.long(), size)

    def _target(self, output: Tensor, target: Tensor) -> Tensor:
        return self.vector(target, output[0].numel()).reshape(output.shape).to(output.dtype)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return 0.5 * ((output - self._target(output, target)) ** 2).flatten(1).sum(1)

    def gradient(self, output: Tensor, target: Tensor) -> Tensor:
        return output - self._target(output, target)

    def predict(self, output: Tensor) -> Tensor:
        return output.flatten(1).argmax(dim=1)


def _add_grad(parameter: nn.Parameter, value: Tensor) -> None:
    """Add ``value``, which nobody else holds, to ``parameter.grad``, making it if there is none."""
    if parameter.grad is None:
        parameter.grad = value.to(parameter.dtype).contiguous()
    else:
        parameter.grad.add_(value.to(parameter.dtype))
