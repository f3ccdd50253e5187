"""What a training run returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from equipoise.run import RunResult
from equipoise.training.picture import training_figure

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
        best_epoch, best_accuracy: the epoch that was best on the validation samples (the last one, where none were
            held out) and its test accuracy; ``network`` holds the last weights, ``best_weights`` those.
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

    def plot(self) -> Any:
        """A matplotlib figure: accuracy, loss and the gradient's direction, epoch by epoch."""
        return training_figure(self)

    def _about(self) -> list[tuple[str, object]]:
        found: list[tuple[str, object]] = [("test accuracy", f"{100 * self.test_accuracy:.2f} %")]
        found.append(("epochs", f"{len(self.epochs)}, best {self.best_epoch}"))
        for what, share in self.per_sample.items():
            if share.energy.value is not None:
                found.append((f"one {what}", share.energy.text("J")))
        return found

    def __str__(self) -> str:
        """Ten lines: what was reached, epoch by epoch, on what, and what it cost."""
        lines = [repr(self)[1:-1]]
        shown = self.epochs if len(self.epochs) <= 6 else [*self.epochs[:2], None, *self.epochs[-3:]]
        for row in shown:
            if row is None:
                lines.append("  ...")
                continue
            validated = (
                f"  validation {100 * row['validation_accuracy']:5.2f} %" if "validation_accuracy" in row else ""
            )
            lines.append(
                f"  epoch {row['epoch']:>3}  loss {row['train_loss']:.4f}  test {100 * row['test_accuracy']:5.2f} %"
                f"{validated}  cosine {' '.join(f'{c:.2f}' for c in row['gradient_cosine'])}"
            )
        lines.append(f"  best epoch {self.best_epoch}: test {100 * self.best_accuracy:.2f} %")
        for what, share in self.per_sample.items():
            costs = ((share.energy.value, "J"), (share.latency.value, "s"))
            known = [f"{value:.3g} {unit}" for value, unit in costs if value is not None]
            lines.append(f"  one {what}: {', '.join(known) or 'not priced'}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return (
            f"<TrainResult: {100 * self.test_accuracy:.2f} % correct after {len(self.epochs)} epochs on "
            f"{self.target.resolved}, {self.status}>"
        )
