"""What the portable mode costs: the same works with and without EQUIPOISE_PORTABLE=1, in turn, by processor time.

    python bench/portable_cost.py --pairs 5

A pair is two fresh processes; each does the work once to warm up and is then timed. Prints one JSON object: for every
work the median seconds of either and the median of the pairs' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
WORKS = ("anneal loihi2-sim", "anneal analog", "train ideal", "train analog", "train loihi2-sim", "train convolution")


def work_of(name: str) -> Callable[[], object]:
    """The work, ready to be called."""
    what, target = name.split()
    if what == "anneal":
        from equipoise.qubo import solve
        from equipoise.qubo.generators import mis

        problem = mis(400, 0.05, 1).problem
        return lambda: solve(problem, target=target, steps=4000, reads=4, seed=3)
    from equipoise.training import TrainConfig, train

    small = {"epochs": 1, "train_samples": 500, "test_samples": 100, "threads": 1}
    if target == "convolution":
        config = TrainConfig(target="ideal", conv=(8, 16), **small)
    else:
        config = TrainConfig(target=target, layers=(64, 64, 10), **small)
    return lambda: train(config)


def seconds(name: str) -> float:
    """Processor time of the work in this process, once it is warm."""
    work = work_of(name)
    work()
    began = time.process_time()
    work()
    return time.process_time() - began


def measured(name: str, *, portable: bool) -> float:
    """The same in a process of its own."""
    clean = {k: v for k, v in os.environ.items() if k != "EQUIPOISE_PORTABLE"}
    settings = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **({"EQUIPOISE_PORTABLE": "1"} if portable else {})}
    done = subprocess.run(
        [sys.executable, __file__, "--one", name], env={**clean, **settings}, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--works", nargs="+", choices=WORKS, default=WORKS)
    parser.add_argument("--one", metavar="WORK", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        import hw_profiles  # noqa: F401  sets the mode before NumPy and torch start

        print(seconds(given.one))
        return
    found = {}
    for name in given.works:
        pairs = [(measured(name, portable=False), measured(name, portable=True)) for _ in range(given.pairs)]
        found[name] = {
            "plain_s": median(a for a, _ in pairs),
            "portable_s": median(b for _, b in pairs),
            "ratio": median(b / a for a, b in pairs),
        }
    print(json.dumps({"machine": platform.processor() or platform.machine(), "pairs": given.pairs, "works": found}))


if __name__ == "__main__":
    main()
