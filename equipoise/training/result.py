"""What a training run returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from equipoise.run import RunResult

if TYPE_CHECKING:
    from hw_profiles.per_sample import Share
    from substrates.base import RelaxationSubstrate
    from substrates.network import Network

__all__ = ["TrainResult"]


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainResult(RunResult):
    """Learning curve, the trained network and what it cost.

    Attributes:
        test_accuracy: after the last epoch, 0 to 1.
        best_accuracy, best_epoch: the best test accuracy and when; ``network`` holds the last weights,
            ``best_weights`` those.
        epochs: one row per epoch (the table of the record).
        per_sample: what one ``training sample`` and one ``inference`` took and cost.

    Status, target, profile, energy, latency, times, ledger and record: see `RunResult`.
    """

    test_accuracy: float
    best_accuracy: float
    best_epoch: int
    epochs: list[dict[str, Any]]
    network: Network
    machine: RelaxationSubstrate
    best_weights: dict[str, Any]
    per_sample: dict[str, Share] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The command line's JSON."""
        return {
            "test_accuracy": self.test_accuracy,
            "best_accuracy": self.best_accuracy,
            "best_epoch": self.best_epoch,
            "epochs": self.epochs,
            "per_sample": {what: share.as_dict() for what, share in self.per_sample.items()},
            **self.run_dict(),
        }

    def __repr__(self) -> str:
        return (
            f"<TrainResult: {100 * self.test_accuracy:.2f} % correct after {len(self.epochs)} epochs on "
            f"{self.target.resolved}, {self.status}>"
        )
