"""A million variables of degree ten, from a dimod model to a sample: memory and neuron updates per second, one thread.

A maximum independent set on a random graph of n nodes and 5 n edges (``sum_ij 8 x_i x_j - sum_i x_i``), annealed with
all defaults. A neuron update is one neuron in one algorithmic step, as the chip counts them; the rate is n times steps
over the CPU time of the whole call. Peak memory is that of the process, the model and its making included.

    python bench/qubo_million.py [--nodes 1000000] [--steps 1000] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo import EquipoiseSampler, Problem

DEGREE = 10
EDGE_COST = 8


def edges(n: int, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """n DEGREE / 2 different random pairs (i, j), i < j, sorted."""
    rng = np.random.default_rng(seed)
    wanted = n * DEGREE // 2
    found = np.zeros(0, np.int64)
    while len(found) < wanted:
        i, j = rng.integers(0, n, (2, wanted - len(found) + wanted // 100 + 16))
        key = np.minimum(i, j) * n + np.maximum(i, j)
        found = np.unique(np.concatenate([found, key[i != j]]))
    found = np.sort(rng.permutation(found)[:wanted])
    return found // n, found % n


def graph(n: int, seed: int) -> Problem:
    rows, cols = edges(n, seed)
    return Problem.build(np.full(n, -1), rows, cols, np.full(len(rows), EDGE_COST))


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the graph")
    given = parser.parse_args()
    sampler = EquipoiseSampler(target="loihi2-sim")
    sampler.sample(graph(2000, 1).to_bqm(), num_steps=10)  # compile
    problem = graph(given.nodes, given.seed)
    bqm = problem.to_bqm()
    before = peak_gb()
    wall, cpu = time.perf_counter(), time.process_time()
    samples = sampler.sample(bqm, num_steps=given.steps)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    on = samples.record.sample[0].astype(bool)
    sampling = float(samples.record.wall_ns[0]) / 1e9
    updates = given.nodes * given.steps
    results: dict[str, Any] = {
        "nodes": given.nodes,
        "edges": problem.num_pairs,
        "steps": given.steps,
        "cost": float(samples.record.energy[0]),
        "set_size": int(on.sum()),
        "edges_within_the_set": int((on[problem.rows] & on[problem.cols]).sum()),
        "call_cpu_s": round(cpu, 2),
        "call_wall_s": round(wall, 2),
        "sampling_wall_s": round(sampling, 2),
        "neuron_updates_per_s_of_the_call": float(f"{updates / cpu:.3g}"),
        "neuron_updates_per_s_of_sampling": float(f"{updates / (sampling * min(cpu / wall, 1.0)):.3g}"),
        "peak_memory_gb": round(peak_gb(), 2),
        "peak_memory_before_the_call_gb": round(before, 2),
    }
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
