"""Do fresh processes train to the same bits? Many processes, one tiny training on each machine in every one.

    python bench/fresh_processes.py --runs 500 --at-once 2

Prints one JSON object: how many processes, and for each machine how many processes gave which digest. Each process
starts with another hash seed. The digest is of every bit of every parameter after the training, of its ledger and of
its learning curve without the times.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

TARGETS = ("ideal", "analog", "loihi2-sim")


def digest(target: str, samples: int) -> str:
    """Of one training in this process."""
    from equipoise.training import TrainConfig, train

    result = train(TrainConfig(target=target, epochs=1, train_samples=samples, test_samples=32, layers=(64, 24, 10)))
    found = hashlib.sha256()
    for name, tensor in sorted(result.network.state_dict().items()):
        found.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    clocks = ("wall_nanoseconds", "cpu_nanoseconds", "measured_microjoules")
    counts = [(k.event.value, str(k[1:]), n) for k, n in result.ledger.items() if k.event.value not in clocks]
    found.update(repr(sorted(counts)).encode())
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in result.epochs]
    found.update(json.dumps(rows, sort_keys=True).encode())
    return found.hexdigest()[:16]


def anneal(target: str) -> str:
    """Of one small annealing in this process."""
    from equipoise.qubo import solve
    from equipoise.qubo.generators import mis

    solution = solve(mis(60, 0.1, 1).problem, target=target, steps=400, reads=4, seed=3)
    return hashlib.sha256(solution.states.tobytes() + repr(solution.costs).encode()).hexdigest()[:16]


def one(given: argparse.Namespace, seed: int) -> dict[str, str]:
    """All machines in one fresh process."""
    script = [sys.executable, __file__, "--one", "--samples", str(given.samples)]
    script += ["--train", *given.train, "--anneal", *given.anneal]
    done = subprocess.run(
        script, env={**os.environ, "PYTHONHASHSEED": str(seed)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:120] if done.stderr.strip() else str(done.returncode)}
    return dict(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--samples", type=int, default=96)
    parser.add_argument("--train", nargs="*", default=list(TARGETS))
    parser.add_argument("--anneal", nargs="*", default=["loihi2-sim", "analog"])
    parser.add_argument("--one", action="store_true", help="one process's share")
    given = parser.parse_args()
    if given.one:
        found = {f"train {target}": digest(target, given.samples) for target in given.train}
        found |= {f"anneal {target}": anneal(target) for target in given.anneal}
        print(json.dumps(found))
        return
    began = time.time()
    counts: dict[str, Counter[str]] = {}
    with ThreadPoolExecutor(given.at_once) as pool:
        for number, found in enumerate(pool.map(lambda k: one(given, k), range(given.runs)), 1):
            for name, value in found.items():
                counts.setdefault(name, Counter())[value] += 1
            if number % 25 == 0:
                print(f"{number} processes, {time.time() - began:.0f} s: {dict(counts)}", file=sys.stderr, flush=True)
    answer = {"processes": given.runs, "machine": platform.platform(), "seconds": round(time.time() - began)}
    print(json.dumps({**answer, "digests": {name: dict(c) for name, c in counts.items()}}, indent=1))


if __name__ == "__main__":
    main()
