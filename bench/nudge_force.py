"""How much of the gradient survives 1 % read-out noise, by the force of the nudge and its size.

    python bench/nudge_force.py [--epochs 12] [--seed 0] [--batches 20] [--json]

Trains 784-256-256-10 on Fashion-MNIST with exact gradients on `ideal` (the recipe of bench/reproduction.py), puts the
weights on a chip (5 % mismatch, 6-bit weights) and compares, batch by batch of 100, the weights' gradient by AsymEP
with read-out noise on that chip with the exact gradient of the same chip without noise: cosine (share of its length).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from reproduction import CHIP, FULL  # noqa: E402

from equipoise.training import TrainConfig, load_dataset, make_machine, train  # noqa: E402
from learning_rules import FORCES, Centered, Phases  # noqa: E402
from learning_rules.references.adjoint import adjoint_errors  # noqa: E402
from substrates.base import Stop  # noqa: E402
from substrates.network import Network  # noqa: E402

NUDGES = (0.25, 0.5, 1.0, 2.0)
FINE = Phases(Stop(300, 1e-6), Stop(300, 1e-6))
PHASES = Phases(Stop(60, 3e-4), Stop(40, 3e-4))


def weight_gradient(network: Network, inputs: torch.Tensor, activities: Any, errors: Any) -> torch.Tensor:
    """All weights' gradients, one after the other."""
    network.zero_grad(set_to_none=True)
    network.accumulate_gradient(inputs, activities, errors)
    found = torch.cat([c.weight.grad.ravel() for c in network.couplings if c.weight is not None])
    network.zero_grad(set_to_none=True)
    return found.double()


def compare(network: Network, seed: int, batches: int) -> list[dict[str, Any]]:
    """One row per force and nudge: means over the batches."""
    data = load_dataset("fashion-mnist").flattened()
    noisy = make_machine("analog", network, CHIP, seed)
    quiet = make_machine("analog", network, {**CHIP, "readout_noise": 0.0}, seed)
    noisy.program()
    quiet.program()
    found: dict[tuple[str, float], list[tuple[float, float]]] = {}
    for x, y in list(zip(data.train_inputs.split(100), data.train_targets.split(100)))[:batches]:
        at = quiet.relax(quiet.drive(x), FINE.free)
        errors, _ = adjoint_errors(quiet, at, y, FINE)
        exact = weight_gradient(network, x, at.activities, errors)
        drive = noisy.drive(x)
        free = noisy.relax(drive, PHASES.free)
        for force in FORCES:
            for nudge in NUDGES:
                estimate = Centered(nudge, "asymep", force=force).estimate(noisy, drive, y, PHASES, free)
                g = weight_gradient(network, x, free.activities, estimate.errors)
                cosine = float(g @ exact / (g.norm() * exact.norm()))
                found.setdefault((force, nudge), []).append((cosine, float(g @ exact / (exact @ exact))))
    return [
        {
            "force": force,
            "nudge": nudge,
            "cosine": statistics.mean(c for c, _ in values),
            "length": statistics.mean(s for _, s in values),
        }
        for (force, nudge), values in found.items()
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = TrainConfig(**{**FULL, "estimator": "adjoint", "epochs": options.epochs, "seed": options.seed})
    rows = compare(train(config).network, options.seed, options.batches)
    if options.json:
        print(json.dumps(rows))
        return
    print("| force \\ nudge | " + " | ".join(f"{n:g}" for n in NUDGES) + " |\n|---" + "|---" * len(NUDGES) + "|")
    for force in FORCES:
        mine = [r for r in rows if r["force"] == force]
        print(f"| {force} | " + " | ".join(f"{r['cosine']:.2f} ({r['length']:.2f})" for r in mine) + " |")


if __name__ == "__main__":
    main()
