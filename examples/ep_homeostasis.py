"""Homeostasis on and off: angle, symmetry, cosine with the gradient and accuracy over a training, as a figure.

python examples/ep_homeostasis.py homeostasis.png
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from equipoise.training import TrainConfig, TrainResult, train


def main(out: Path, *, epochs: int = 12, train_samples: int | None = None) -> dict[str, TrainResult]:
    # The paper adds homeostasis to the task's gradient; decoupled, it acts beside the optimizer (Adam here).
    variants: dict[str, dict[str, Any]] = {
        "none": {"homeostasis": 0.0},
        "added, 0.1": {"homeostasis": 0.1},
        "added, 1": {"homeostasis": 1.0},
        "decoupled, 0.1": {"homeostasis": 0.1, "combination": "decoupled"},
    }
    shared: dict[str, Any] = {
        "readout": "output",
        "layers": (64, 96, 64, 10),
        "epochs": epochs,
        "train_samples": train_samples,
    }
    runs = {f"homeostasis {name}": train(TrainConfig(**shared, **settings)) for name, settings in variants.items()}
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 4, figsize=(14, 3.2), layout="constrained")
    for name, result in runs.items():
        numbers = [row["epoch"] for row in result.epochs]
        axes[0].plot(numbers, [row["weight_angle"] for row in result.epochs], label=name)
        axes[1].plot(numbers, [row["symmetry"] for row in result.epochs])
        axes[2].plot(numbers, [row["gradient_cosine"][0] for row in result.epochs])
        axes[3].plot(numbers, [100 * row["test_accuracy"] for row in result.epochs])
    titles = (
        "forward/backward angle (degrees)",
        "symmetry |S| / (|S| + |A|)",
        "cosine, first layer",
        "test accuracy (%)",
    )
    for axis, title in zip(axes, titles):
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("epoch")
    axes[0].legend(fontsize=8)
    figure.savefig(out, dpi=150)
    pyplot.close(figure)
    print(f"{out}: " + ", ".join(f"{name} {100 * r.test_accuracy:.1f} %" for name, r in runs.items()))
    return runs


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "homeostasis.png"))
