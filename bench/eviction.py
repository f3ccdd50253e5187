"""Independent sets by evicting neurons beside the two-phase scheme: equal chip steps, then equal time here.

    python bench/eviction.py [--seeds 5] [--reads 4] [--out FILE.json]

Random graphs G(n, p) from seeds that chose nothing. Both schemes take two time steps of the chip for one step of the
algorithm. Prints one JSON object: per graph family the mean size of the sets over graphs and reads with the 95 %
interval over graphs (Student), at 40,000 steps and after one second a read, one thread; seconds on the chip by the
default profile.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from equipoise import solve
from equipoise.qubo import generators

FAMILIES = {(1000, 0.01): "1000, 1 %", (1000, 0.05): "1000, 5 %", (2500, 0.05): "2500, 5 %", (5000, 0.01): "5000, 1 %"}
STEPS = 40_000


def mean(values: list[float]) -> dict[str, float]:
    """Mean, and half the width of its 95 % interval."""
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return {"mean": round(float(np.mean(values)), 2), "interval": round(float(half), 2)}


def measure(nodes: int, density: float, seeds: range, reads: int) -> dict[str, Any]:
    """Both schemes on one family."""
    found: dict[str, Any] = {}
    for scheme in ("two-phase", "eviction"):
        sizes, timed, steps, wall, chip = [], [], [], [], []
        for seed in seeds:
            problem = generators.mis(nodes, density, seed)
            solution = solve(problem, "loihi2-sim", scheme, steps=STEPS, reads=reads, seed=seed)
            sizes.append(-float(np.mean(solution.costs)))
            wall.append(solution.work_s / reads)
            chip.append(solution.latency.value / reads)
            solution = solve(problem, "loihi2-sim", scheme, timeout=float(reads), reads=reads, seed=seed)
            timed.append(-float(np.mean(solution.costs)))
            steps.append(float(np.mean(solution.steps)))
        found[scheme] = {
            f"{STEPS} steps": mean(sizes), "seconds here": round(float(np.mean(wall)), 2),
            "seconds on the chip": round(float(np.mean(chip)), 4),
            "1 s": mean(timed), "steps in 1 s": round(float(np.mean(steps))),
        }  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--reads", type=int, default=4)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    seeds = range(20260, 20260 + given.seeds)
    table = {name: measure(*family, seeds, given.reads) for family, name in FAMILIES.items()}
    text = json.dumps({"machine": platform.processor() or platform.machine(), "graphs": given.seeds,
                       "reads": given.reads, "table": table}, indent=1)  # fmt: skip
    print(text)
    if given.out:
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
