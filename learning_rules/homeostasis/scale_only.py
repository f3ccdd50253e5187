"""No homeostasis, but the units of a network whose feedback is weaker than its transposes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from learning_rules.homeostasis.base import Homeostasis, State

if TYPE_CHECKING:
    from substrates.network import Network

__all__ = ["ScaleOnly"]


@dataclass(frozen=True)
class ScaleOnly(Homeostasis):
    """Moves no weight; `adjoint_from_response` brings responses to the adjoint's size, as in every homeostasis."""

    name: ClassVar[str] = "scale-only"

    def accumulate(self, network: Network, activities: State, coefficient: float, step: int) -> float:
        del network, activities, coefficient, step
        return 0.0
