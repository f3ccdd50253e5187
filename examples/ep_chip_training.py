"""Training on an imperfect chip, beside its ideal twin, and the twin's weights put on the chip untrained.

python examples/ep_chip_training.py
"""

from __future__ import annotations

from equipoise.training import IMPERFECT_CHIP, TrainConfig, load_dataset, make_machine, train
from equipoise.training.evaluate import accuracy
from substrates.base import Stop


def main(*, epochs: int = 15, train_samples: int | None = None) -> dict[str, float]:
    network = {"layers": (64, 128, 10), "readout": "output", "angle": 90.0}
    settings = {**network, "homeostasis": 1.0, "epochs": epochs, "train_samples": train_samples}
    ideal = train(TrainConfig(target="ideal", **settings))
    chip = train(TrainConfig(target="analog", **settings))
    data = load_dataset("digits").flattened()
    machine = make_machine("analog", ideal.network, IMPERFECT_CHIP, seed=0)
    moved, _, _ = accuracy(machine, data.test_inputs, data.test_targets, Stop(100, 1e-4))
    found = {
        "ideal": ideal.test_accuracy,
        "trained on the chip": chip.test_accuracy,
        "ideal weights put on the chip": moved,
    }
    for name, value in found.items():
        print(f"{name:<32}{100 * value:6.1f} %")
    return found


if __name__ == "__main__":
    main()
