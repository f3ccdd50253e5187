"""An epoch of Fashion-MNIST, 784-256-256-10, by relaxing and by backpropagation, on one and on two threads; JSON.

    python bench/benchmarks.py run epoch

Same layers, optimizer, batch and data, each run three epochs long; the fastest of the later two counts, in seconds on
the wall, training and the test of 10 000 images included. Runs may be taken in turns. Needs an idle machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
import accuracy

SEED = 3
RULES = {
    "homeostasis alone (the default)": {},
    "AsymEP": {**accuracy.ASYMEP, "nudge": 0.1},
    "exact gradient": {"estimator": "adjoint", "homeostasis": 0.0},
}


def by_backprop(threads: int, epochs: int) -> list[float]:
    torch.set_num_threads(threads)
    case = accuracy.Case("fashion", "backpropagation", backprop="logistic")
    before = accuracy.SHARED["fashion"]["epochs"]
    accuracy.SHARED["fashion"]["epochs"] = epochs
    try:
        times: list[float] = []
        accuracy.by_backprop(case, SEED, lambda seconds: times.append(seconds))
        return times
    finally:
        accuracy.SHARED["fashion"]["epochs"] = before


def by_relaxing(settings: dict[str, Any], threads: int, epochs: int) -> list[float]:
    from equipoise.training import TrainConfig, train

    shared = {**accuracy.SHARED["fashion"], **settings, "seed": SEED, "threads": threads, "epochs": epochs}
    ends = [time.perf_counter()]
    train(TrainConfig(**shared), lambda news: ends.append(time.perf_counter()) if news.get("done") else None)
    return [b - a for a, b in itertools.pairwise(ends)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--turns", type=int, default=1)
    options = parser.parse_args()
    best: dict[str, dict[str, float]] = {}
    for _ in range(options.turns):
        for threads in (1, 2):
            runs = {"backpropagation": by_backprop(threads, options.epochs)}
            runs |= {name: by_relaxing(settings, threads, options.epochs) for name, settings in RULES.items()}
            for name, times in runs.items():
                kept = best.setdefault(name, {})
                kept[str(threads)] = min(kept.get(str(threads), float("inf")), *times[1:])
    plain = best["backpropagation"]["1"]
    rows = [
        {"rule": name, "s_one_thread": t["1"], "s_two_threads": t["2"], "times_backprop": t["1"] / plain,
         "times_backprop_with_two": t["2"] / plain, "two_threads_gain": t["1"] / t["2"]}
        for name, t in best.items()
    ]  # fmt: skip
    print(json.dumps({"batch": accuracy.SHARED["fashion"]["batch_size"], "rows": rows}))


if __name__ == "__main__":
    main()
