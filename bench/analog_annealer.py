"""The analog annealer on NeuroBench's independent sets, one thread.

    python bench/analog_annealer.py --seconds 1 --nodes 1000 --densities 1 5 10 --seeds 0 1 2

Prints, per instance, the official cost, the best cost seen by anyone here, the cost after ``--seconds`` of processor
time, whether it is an independent set, the seconds until the official cost was reached, and the steps per second.
``--mismatch`` makes the chip imperfect (relative spread of gains, time constants and conductances; a tenth of it for
the offsets, in units of the typical field). The schedule is the annealer's own; nothing is fitted to an instance.
"""

from __future__ import annotations

import argparse
import time

from equipoise.qubo import neurobench, solve
from substrates.analog.imperfections.parameters import ChipParameters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--densities", type=int, nargs="*", default=[1, 5, 10, 25])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--read-seed", type=int, default=0)
    parser.add_argument("--mismatch", type=float, default=0.0)
    given = parser.parse_args()
    m = given.mismatch
    chip = ChipParameters(
        gain_mismatch=m, time_constant_mismatch=m, conductance_mismatch=m, offset_mismatch=m / 10
    )  # fmt: skip
    solve([[-1]], "analog", steps=10)  # compile
    print("| nodes | density | seed | official | best seen | cost | independent | s to official | steps/s |")
    print("|" + "---|" * 9)
    for density in given.densities:
        for seed in given.seeds:
            instance = neurobench.Instance(given.nodes, density, seed)
            target, problem = neurobench.targets()[instance], instance.problem()
            began = time.process_time()
            end = began + given.seconds
            found = solve(
                problem, "analog", timeout=1000.0, seed=given.read_seed, options={"chip": chip},
                should_stop=lambda end=end: time.process_time() >= end,
            )  # fmt: skip
            spent = time.process_time() - began
            x = found.x.astype(bool)
            independent = not (x[problem.rows] & x[problem.cols]).any()
            steps = int(found.steps[0])
            hit = next((s for s, c in found.improvements[0].tolist() if c <= target.official), None)
            reached = "no" if hit is None else f"{spent * hit / steps:.2f}"
            print(
                f"| {given.nodes} | {density} % | {seed} | {target.official} | {target.best} | {found.best_cost} | "
                f"{'yes' if independent else 'no'} | {reached} | {steps / spent:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
