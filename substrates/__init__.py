"""Models of machines: ``analog`` relaxation networks and ``loihi2``. See README.md in this folder."""

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
