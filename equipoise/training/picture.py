"""The picture of a training, as `TrainResult.plot` returns it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hw_profiles.notebook import BLUE, ORANGE, panels

if TYPE_CHECKING:
    from equipoise.training.result import TrainResult

__all__ = ["training_figure"]


def training_figure(result: TrainResult) -> Any:
    """Accuracy and loss for each epoch; the gradient's direction beside the exact one where it was measured."""
    rows = result.epochs
    epochs = [row["epoch"] for row in rows]
    cosines = [float(np.mean(row["gradient_cosine"])) if row.get("gradient_cosine") else np.nan for row in rows]
    figure, axes = panels(3 if np.isfinite(cosines).any() else 2)
    style = {"marker": "o", "markersize": 3.5}
    axes[0].plot(epochs, [100 * row["test_accuracy"] for row in rows], color=BLUE, label="test", **style)
    if rows and "validation_accuracy" in rows[0]:
        held = [100 * row["validation_accuracy"] for row in rows]
        axes[0].plot(epochs, held, color=ORANGE, label="validation", **style)
        axes[0].legend(frameon=False)
    axes[0].set(ylabel="correct (%)", title=f"{result.target.resolved}: {100 * result.test_accuracy:.1f} %")
    axes[1].plot(epochs, [row["train_loss"] for row in rows], color=BLUE, **style)
    axes[1].set(ylabel="training loss")
    if len(axes) > 2:
        axes[2].plot(epochs, cosines, color=BLUE, **style)
        axes[2].set(ylabel="cosine with the exact gradient")
    for each in axes:
        each.set_xlabel("epoch")
        each.xaxis.get_major_locator().set_params(integer=True)
    return figure
