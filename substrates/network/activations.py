"""Activation functions: v = sigma(u), with what a rule or a machine must know about each.

A holomorphic activation may be given complex membranes; one that clips or folds may not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["DSILU", "HARD_SIGMOID", "IDENTITY", "LOGISTIC", "RELU", "TANH", "Activation"]


@dataclass(frozen=True)
class Activation:
    """One elementwise function with its derivative, both as functions of the membrane u."""

    name: str
    function: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]
    holomorphic: bool
    low: float  #: infimum of v for real u
    high: float  #: supremum of v for real u


def _logistic(u: Tensor) -> Tensor:
    z = (4.0 * u).sub_(2.0)
    return z.sigmoid_() if not u.is_complex() else 1.0 / (1.0 + torch.exp(-z))


def _logistic_derivative(u: Tensor) -> Tensor:
    v = _logistic(u)
    return 4.0 * v * (1.0 - v)


def _sigmoid(z: Tensor) -> Tensor:
    return torch.sigmoid(z) if not z.is_complex() else 1.0 / (1.0 + torch.exp(-z))


def _dsilu(u: Tensor) -> Tensor:
    return 0.5 * u * _sigmoid(u) + (1.0 - 0.5 * u) * _sigmoid(u - 2.0)


def _dsilu_derivative(u: Tensor) -> Tensor:
    s, t = _sigmoid(u), _sigmoid(u - 2.0)
    return 0.5 * (s - t) + 0.5 * u * s * (1 - s) + (1.0 - 0.5 * u) * t * (1 - t)


#: 1 / (1 + exp(2 - 4u)): slope 1 at u = 1/2, the activation of Laborieux & Zenke
LOGISTIC = Activation("logistic", _logistic, _logistic_derivative, True, 0.0, 1.0)
TANH = Activation("tanh", torch.tanh, lambda u: 1.0 - torch.tanh(u) ** 2, True, -1.0, 1.0)
#: a smooth hard sigmoid on [0, 2]
DSILU = Activation("dsilu", _dsilu, _dsilu_derivative, True, -0.2, 1.2)
HARD_SIGMOID = Activation(
    "hard-sigmoid", lambda u: torch.clamp(u, 0.0, 1.0), lambda u: ((u > 0) & (u < 1)).to(u.dtype), False, 0.0, 1.0
)
RELU = Activation("relu", torch.relu, lambda u: (u > 0).to(u.dtype), False, 0.0, float("inf"))
IDENTITY = Activation("identity", lambda u: u, torch.ones_like, True, float("-inf"), float("inf"))
