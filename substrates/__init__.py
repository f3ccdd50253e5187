"""Models of machines: ``analog`` relaxation networks and ``loihi2``. See README.md in this folder.

Everything here is imported on first use, so that the registries below are had without NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.registry import lazy_package

if TYPE_CHECKING:
    from substrates.base import (
        AnnealingSubstrate,
        AnnealResult,
        Capabilities,
        Drive,
        Equilibrium,
        Nudge,
        RelaxationSubstrate,
        Stop,
    )

__all__ = [
    "AnnealResult",
    "AnnealingSubstrate",
    "Capabilities",
    "Drive",
    "Equilibrium",
    "Nudge",
    "RelaxationSubstrate",
    "Stop",
]

__getattr__, __dir__ = lazy_package(__name__, {"substrates.base": tuple(__all__)})
