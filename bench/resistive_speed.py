"""One operating point of a layered resistive network: our solver beside ngspice, processor seconds, at equal voltages.

    python bench/resistive_speed.py [--sizes 392-50-10 784-100-10 1568-100-10]

Exponential diodes (I_s 1e-14 A), conductances of 0 to 100 uS, half of them nearly off, random inputs of some volts.
ngspice (one call,
its start and parsing included) runs with tight tolerances; ours is the mean of many calls. A line of JSON per size.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from substrates.analog.resistive import LayeredCircuit  # noqa: E402
from substrates.analog.spice import circuit_netlist, operating_points  # noqa: E402


def children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="*", default=["392-50-10", "784-100-10", "1568-100-10"])
    parser.add_argument("--repeat", type=int, default=50)
    given = parser.parse_args()
    for text in given.sizes:
        sizes = [int(s) for s in text.split("-")]
        rng = np.random.default_rng(0)
        arrays = tuple(
            np.maximum(rng.uniform(-1, 1, (a, b)), 0.0) * 1e-4 + 1e-9 for a, b in itertools.pairwise(sizes)
        )  # fmt: skip
        circuit = LayeredCircuit(arrays, saturation_a=1e-14)
        x = rng.normal(size=(1, sizes[0])) * 20.0
        found = circuit.solve(x, tolerance_v=1e-9)
        began = time.process_time()
        for _ in range(given.repeat):
            circuit.solve(x, tolerance_v=1e-9)
        ours = (time.process_time() - began) / given.repeat
        names = [circuit.node_name(n) for n in range(int(circuit.starts[-1]))]
        netlist = circuit_netlist(circuit.to_circuit(x[0]))
        before = children_s()
        spice = operating_points(netlist, names, timeout_s=7200)[0]
        theirs = children_s() - before
        row = {
            "layers": text, "resistors": sum(a.size for a in arrays), "ours_s": ours, "ngspice_s": round(theirs, 2),
            "times_faster": round(theirs / ours), "sweeps": int(found.sweeps[0]),
            "largest_difference_v": float(np.abs(spice - found.voltages[0]).max()),
            "largest_voltage_v": float(np.abs(spice).max()),
        }  # fmt: skip
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
