"""Contrastive learning: the outputs are clamped to the target itself (Movellan 1991; Baldi and Pineda 1991).

    dL/dtheta ~ dE/dtheta at clamped - dE/dtheta at free

The gradient of E_clamped - E_free, which is zero exactly where the free outputs are right; coupled learning at eta = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from learning_rules.coupled import Coupled

__all__ = ["Contrastive"]


@dataclass(frozen=True)
class Contrastive(Coupled):
    """Coupled learning all the way: nothing to choose."""

    eta: float = field(default=1.0, init=False)
    name: ClassVar[str] = "contrastive"
