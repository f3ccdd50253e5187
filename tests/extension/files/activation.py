"""An activation of one's own: the arctangent, scaled to run from 0 to 1 with slope 1 at 1/2."""

from __future__ import annotations

import math

import torch

from substrates.network import Activation

SLOPE = math.pi


def function(u: torch.Tensor) -> torch.Tensor:
    return 0.5 + torch.atan(SLOPE * (u - 0.5)) / math.pi


def derivative(u: torch.Tensor) -> torch.Tensor:
    return 1.0 / (1.0 + (SLOPE * (u - 0.5)) ** 2)


ARCTAN = Activation("arctan", function, derivative, False, 0.0, 1.0)
