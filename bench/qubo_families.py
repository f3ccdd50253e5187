"""Problems people bring, at equal time: routes, assignments, portfolios, knapsacks, partitions, cuts, independent sets.

    python bench/qubo_families.py run --out bench/results/qubo_families.json [--mqlib PATH/TO/bin/MQLib]
    python bench/qubo_families.py page bench/results/qubo_families.json docs/benchmarks_families.md

Every solver gets the same model, one thread and the same time: for ours and for tabu and MQLib as their own limit, for
the annealers as the number of sweeps that took this long in a trial on the same model. What a solver needs before
(reading, compiling, finding structure) is not counted but kept in the results as ``whole_s``. Times are of the clock,
so the machine must be idle. Nothing was tuned on these instances: seeds 100 and above appear nowhere else.

MQLib (github.com/MQLib/MQLib, MIT): ``make`` in its folder builds bin/MQLib; its heuristics are named in ``MQLIB``.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from equipoise.bench.qubo import processor, versions
from equipoise.qubo import Problem, solve
from equipoise.qubo.generators import generate

LIMITS = (0.1, 1.0)
SEEDS = (100, 101, 102, 103, 104)
READS = 3
MQLIB = ("LU2010", "GLOVER2010", "PALUBECKIS2004bMST2", "BURER2002")
FAMILIES: dict[str, Callable[[int], Any]] = {
    "tour of 14": lambda seed: generate("tour", cities=14, seed=seed).problem,
    "tour of 20": lambda seed: generate("tour", cities=20, seed=seed).problem,
    "assignment of 12": lambda seed: generate("qap", facilities=12, seed=seed).problem,
    "assignment of 20": lambda seed: generate("qap", facilities=20, seed=seed).problem,
    "portfolio, 10 of 100": lambda seed: generate("portfolio", assets=100, seed=seed).problem,
    "knapsack of 60": lambda seed: generate("knapsack", items=60, seed=seed).problem,
    "partition of 100": lambda seed: generate("partition", count=100, largest=10_000, seed=seed).problem,
    "partition of 40": lambda seed: generate("partition", count=40, largest=10_000_000, seed=seed).problem,
    "independent set, 1000, 1 %": lambda seed: generate("mis", nodes=1000, density=0.01, seed=seed).problem,
    "independent set, 2500, 5 %": lambda seed: generate("mis", nodes=2500, density=0.05, seed=seed).problem,
    "torus of 2000": lambda seed: torus(40, 50, seed),
    "cut, 2000 nodes, degree 20": lambda seed: generate("maxcut", nodes=2000, density=0.01, seed=seed).problem,
}


def torus(rows: int, columns: int, seed: int) -> Problem:
    """A +-1 spin glass on a grid that closes on itself."""
    import networkx as nx

    from equipoise.qubo.generators import MaxCut

    graph = nx.convert_node_labels_to_integers(nx.grid_2d_graph(rows, columns, periodic=True))
    signs = np.random.default_rng(seed).integers(0, 2, graph.number_of_edges()) * 2 - 1
    for (u, v), sign in zip(graph.edges, signs.tolist()):
        graph[u][v]["weight"] = sign
    return MaxCut(graph, f"torus-{rows}-{columns}-{seed}").problem


def ours(target: str, method: str | None) -> Callable[[Problem, float, int], float]:
    def run(problem: Problem, limit: float, seed: int) -> float:
        return float(solve(problem, target, method=method, timeout=limit, seed=seed).best_cost)

    return run


def tabu(problem: Problem, limit: float, seed: int) -> float:
    from dwave.samplers import TabuSampler

    found = TabuSampler().sample(problem.to_bqm(), num_reads=1, timeout=limit * 1e3, seed=seed)
    return cost_of(problem, found)


def cost_of(problem: Problem, found: Any) -> float:
    first = found.first.sample
    return float(problem.cost([first[label] for label in problem.labels]))


class Sweeping:
    """An annealer whose work is a number of sweeps: as many as took the time in a trial on this model."""

    def __init__(self, call: Callable[[Any, int, int, tuple[float, float]], tuple[Any, float]]) -> None:
        self._call = call
        self._rate: dict[str, float] = {}

    def __call__(self, problem: Problem, limit: float, seed: int) -> float:
        bqm = problem.to_bqm()
        betas = tuned(problem)
        if problem.name not in self._rate:
            sweeps, seconds = 16, 0.0
            while seconds < 0.05:
                sweeps *= 2
                _, seconds = self._call(bqm, sweeps, seed, betas)
            self._rate[problem.name] = sweeps / seconds
        found, _ = self._call(bqm, max(int(limit * self._rate[problem.name]), 1), seed, betas)
        return cost_of(problem, found)


def tuned(problem: Problem) -> tuple[float, float]:
    """Inverse temperatures from the problem's own flip energies: the range our annealer finds."""
    from equipoise.qubo.machines import machine_for

    high, low = machine_for("loihi2-sim", problem, "two-phase").temperatures(None)
    return math.log(2) / high, math.log(2) / low


def dwave(bqm: Any, sweeps: int, seed: int, betas: tuple[float, float]) -> tuple[Any, float]:
    from dwave.samplers import SimulatedAnnealingSampler

    found = SimulatedAnnealingSampler().sample(
        bqm, num_reads=1, num_sweeps=sweeps, seed=seed, beta_range=betas, beta_schedule_type="geometric"
    )
    return found, found.info["timing"]["sampling_ns"] / 1e9


def openjij(bqm: Any, sweeps: int, seed: int, betas: tuple[float, float]) -> tuple[Any, float]:
    import openjij

    found = openjij.SASampler().sample(
        bqm, num_reads=1, num_sweeps=sweeps, seed=seed, beta_min=betas[0], beta_max=betas[1]
    )
    return found, found.info["execution_time"] / 1e6


class MQLib:
    """One heuristic of MQLib, by its command line; it maximises x^T Q x over a symmetric Q."""

    def __init__(self, program: Path, heuristic: str) -> None:
        self._program, self._heuristic = program, heuristic
        self._folder = Path(tempfile.mkdtemp(prefix="mqlib"))

    def __call__(self, problem: Problem, limit: float, seed: int) -> float:
        file = self._folder / f"{problem.name}.txt"
        if not file.exists():
            n = problem.num_variables
            lines = [f"{n} {n + problem.num_pairs}"]
            lines += [f"{i + 1} {i + 1} {-a!r}" for i, a in enumerate(problem.linear.astype(float).tolist())]
            lines += [
                f"{i + 1} {j + 1} {-q / 2!r}"
                for i, j, q in zip(problem.rows.tolist(), problem.cols.tolist(), problem.pairs.astype(float).tolist())
            ]
            file.write_text("\n".join(lines) + "\n")
        command = [
            str(self._program),
            "-fQ",
            str(file),
            "-h",
            self._heuristic,
            "-r",
            str(limit),
            "-s",
            str(seed),
            "-ps",
        ]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        bits = [line for line in text.splitlines() if line.strip()][-1].split()
        x = np.array([int(b) for b in bits], np.uint8)
        if len(x) != problem.num_variables:
            raise SystemExit(f"MQLib's answer is not understood: {text[:200]!r}")
        return float(problem.cost(x))


def solvers(program: Path | None) -> dict[str, Callable[[Problem, float, int], float]]:
    chosen: dict[str, Callable[[Problem, float, int], float]] = {
        "equipoise, cpu": ours("cpu", "auto"),
        "equipoise, cpu, memetic tabu": ours("cpu", "memetic"),
        "equipoise, loihi2-sim": ours("loihi2-sim", None),
        "dwave tabu": tabu,
        "dwave annealing, tuned": Sweeping(dwave),
        "OpenJij annealing, tuned": Sweeping(openjij),
    }
    for name in MQLIB if program else ():
        chosen[f"MQLib {name}"] = MQLib(program, name)  # type: ignore[arg-type]
    return chosen


def run(args: argparse.Namespace) -> None:
    chosen = solvers(args.mqlib)
    data: dict[str, Any] = {"results": []}
    if args.out.exists():
        data = json.loads(args.out.read_text())
    data |= {
        "command": "python " + " ".join(word for word in sys.argv if word != str(args.mqlib)),
        "processor": processor(),
        "system": platform.platform(),
        "versions": versions(),
        "limits_s": LIMITS,
        "reads": READS,
    }
    done = {(r["family"], r["seed"], r["solver"], r["limit_s"]) for r in data["results"]}
    for family, make in FAMILIES.items():
        if args.family and args.family not in family:
            continue
        for seed in SEEDS:
            problem = make(seed)
            for name, call in chosen.items():
                for limit in LIMITS:
                    if (family, seed, name, limit) in done:
                        continue
                    if limit == LIMITS[0]:
                        call(problem, 0.01, 0)  # loads and compiles what is loaded and compiled once
                    began = time.perf_counter()
                    costs = [call(problem, limit, read) for read in range(READS)]
                    whole = (time.perf_counter() - began) / READS
                    data["results"].append(
                        {
                            "family": family,
                            "seed": seed,
                            "solver": name,
                            "limit_s": limit,
                            "costs": costs,
                            "whole_s": whole,
                        }
                    )
                args.out.parent.mkdir(parents=True, exist_ok=True)
                args.out.write_text(json.dumps(data, indent=1))
        print(family, "done", flush=True)


def page(args: argparse.Namespace) -> None:
    data = json.loads(args.results.read_text())
    rows = data["results"]
    names = list(dict.fromkeys(r["solver"] for r in rows))
    lines = [
        "# Problems people bring, at equal time",
        "",
        "Five instances of each family, three runs of each solver on each, one thread. A cell is the mean gap to the"
        " best cost that any solver found on the instance in any run, in per cent of it (for partitions in units, since"
        " their best is near 0), with a 95 % confidence interval over the instances, and in brackets how many of the"
        " fifteen runs reached that best.",
        "",
        f"`{data['command']}`, then `python bench/qubo_families.py page ...`; {data['processor']};"
        f" {', '.join(f'{k} {v}' for k, v in data['versions'].items())}.",
        "",
    ]
    for limit in data["limits_s"]:
        lines += [f"## {limit:g} s", "", "| family | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        for family in dict.fromkeys(r["family"] for r in rows):
            cells = [cell(rows, family, name, limit) for name in names]
            lines.append(f"| {family} | " + " | ".join(cells) + " |")
        lines.append("")
    lines += [NOTES]
    args.page.write_text("\n".join(lines))


NOTES = """## How to read this

* `equipoise, cpu` looks for structure in the plain coefficients and takes the search that fits it: exchanges for tours
  and assignments, running totals for knapsacks and partitions, eviction for independent sets, memetic tabu or sweeps
  otherwise. Nobody tells it what the problem is.
* `equipoise, loihi2-sim` is the chip's annealer with its default settings, simulated: the time is the simulation's.
* Peers: dwave-samplers and OpenJij with the temperature range that our annealer finds for the problem, and MQLib's
  heuristics of the literature with their own settings.
"""


def cell(rows: list[dict[str, Any]], family: str, name: str, limit: float) -> str:
    gaps, hits, number = [], 0, 0
    for seed in SEEDS:
        same = [r for r in rows if r["family"] == family and r["seed"] == seed]
        mine = [r for r in same if r["solver"] == name and r["limit_s"] == limit]
        if not mine:
            continue
        best = min(min(r["costs"]) for r in same)
        costs = mine[0]["costs"]
        small = abs(best) <= 1e4 and "partition" in family
        scale = 1.0 if small else abs(best) / 100
        gaps.append(mean(c - best for c in costs) / scale)
        hits += sum(c <= best + 1e-9 * abs(best) for c in costs)
        number += len(costs)
    if not gaps:
        return "-"
    spread = 2.776 * stdev(gaps) / math.sqrt(len(gaps)) if len(gaps) > 1 else 0.0  # Student's t, four degrees
    text = f"{mean(gaps):.3g}" + (f" ± {spread:.2g}" if spread else "")
    return f"{text} ({hits})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    one = verbs.add_parser("run")
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--mqlib", type=Path)
    one.add_argument("--family", default="")
    one.set_defaults(do=run)
    two = verbs.add_parser("page")
    two.add_argument("results", type=Path)
    two.add_argument("page", type=Path)
    two.set_defaults(do=page)
    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    main()
