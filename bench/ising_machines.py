"""Ising machines side by side: quality, time and joules to a target, over families of problems.

    python bench/ising_machines.py --library FOLDER [--steps 1000 10000] [--seeds 3] >
    bench/results/ising_machines.jsonl

Families: NeuroBench's independent sets (1000 nodes, 5 %), Gset cuts and OR-Library bqp from ``--library``. Every
machine makes
the same number of its own steps with its own schedule; settings were chosen on other instances (random cuts of
800 nodes and
an independent set, generator seed 10). ``gap`` is (best known - mean) / best known of the seeds; ``machine_s``
and ``joules`` are
of one read by the machine's profile, with its range and weakest grade; ``to_target`` is the expected energy and machine
time until a read comes within ``--within`` of the best known: per-read value x log(0.01) / log(1 - p) where p is
the share of
reads that do (nothing where none does, one read where all do). ``cpu_s`` is the processor time of our model of it.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def cases(folder: Path | None) -> Iterator[tuple[str, str, Any, float]]:
    """(family, name, problem, best known cost)."""
    from equipoise.qubo import neurobench, read

    for seed in (0, 1):
        instance = neurobench.Instance(1000, 5, seed)
        yield "independent set", f"mis-1000-5%-{seed}", instance.problem(), float(neurobench.targets()[instance].best)
    if folder is None:
        return
    with (folder / "best_known.csv").open(encoding="utf-8") as lines:
        best = {row["instance"]: float(row["value"]) for row in csv.DictReader(lines)}
    for name, kind in (("G1", "cut"), ("G6", "cut"), ("G14", "cut"), ("bqp500_1", "bqp"), ("bqp1000_1", "bqp")):
        files = sorted(folder.glob(f"{name}.*"))
        if files:
            problem = read(files[0], format="bqp" if kind == "bqp" else "triplet")
            yield kind, name, problem, -best[name]


def main() -> None:
    from equipoise.qubo import solve
    from substrates.analog.ising import ISING_MACHINES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=Path, help="folder of bqp and Gset files with best_known.csv")
    parser.add_argument("--steps", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--within", type=float, default=0.01)
    parser.add_argument("--machines", nargs="*", default=[*ISING_MACHINES, "analog", "loihi2-sim"])
    given = parser.parse_args()
    for family, name, problem, best in cases(given.library):
        for machine in given.machines:
            for steps in given.steps:
                began = time.process_time()
                found = solve(problem, machine, steps=steps, reads=given.seeds, seed=0)
                spent = (time.process_time() - began) / given.seeds
                costs = [float(c) for c in found.costs]
                energy, latency = found.as_dict()["energy_j"], found.as_dict()["latency_s"]
                share = sum(c <= best + given.within * abs(best) for c in costs) / len(costs)
                reads = None if share == 0 else 1.0 if share == 1 else math.log(0.01) / math.log(1 - share)
                per_read = [None if e["value"] is None else e["value"] / given.seeds for e in (energy, latency)]
                row = {
                    "family": family, "instance": name, "machine": machine, "steps": steps, "seeds": given.seeds,
                    "best_known": best, "mean": sum(costs) / len(costs), "best": min(costs),
                    "gap": (sum(costs) / len(costs) - best) / abs(best), "joules": per_read[0],
                    "machine_s": per_read[1],
                    "joules_low": energy["low"] and energy["low"] / given.seeds,
                    "joules_high": energy["high"] and energy["high"] / given.seeds,
                    "grade": energy["grade"],
                    "to_target_j": reads and per_read[0] and reads * per_read[0],
                    "to_target_s": reads and per_read[1] and reads * per_read[1],
                    "cpu_s": round(spent, 4),
                }  # fmt: skip
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
