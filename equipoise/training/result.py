"""What a training run returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_profiles.ledger import Ledger

if TYPE_CHECKING:
    from substrates.base import RelaxationSubstrate
    from substrates.network import Network

__all__ = ["TrainResult"]


@dataclass(frozen=True)
class TrainResult:
    """Learning curve, the trained network and what it cost.

    Attributes:
        test_accuracy: after the last epoch, 0 to 1.
        best_accuracy, best_epoch: the best test accuracy and when; ``network`` holds the last weights,
            ``best_weights`` those.
        epochs: one row per epoch (the table of the record).
        target: requested, resolved, reason.
        energy, latency: estimates as dictionaries (value, low, high, grade, missing), with the profile's name.
        per_sample: the same for one ``training sample`` and one ``inference``, with their mean counts.
        status: complete, stopped early, or interrupted.
    """

    test_accuracy: float
    best_accuracy: float
    best_epoch: int
    epochs: list[dict[str, Any]]
    target: dict[str, str]
    energy: dict[str, Any]
    latency: dict[str, Any]
    profile: str
    ledger: Ledger
    network: Network
    machine: RelaxationSubstrate
    best_weights: dict[str, Any]
    status: str
    record: Path | None = None
    per_sample: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The command line's JSON."""
        return {
            "test_accuracy": self.test_accuracy,
            "best_accuracy": self.best_accuracy,
            "best_epoch": self.best_epoch,
            "epochs": self.epochs,
            "status": self.status,
            "target": self.target,
            "profile": self.profile,
            "energy_j": self.energy,
            "latency_s": self.latency,
            "per_sample": self.per_sample,
            "record": self.record,
        }
