"""Map a million neurons with ten million synapses onto Hala Point: time, memory, and what the partition is worth.

Two networks: neighbours on a torus (each neuron sends to ten others within six places), where cores can keep their
traffic, and a random one, where nobody can. For comparison the torus is also cut into rows of equal size. One thread.

    python bench/mapping.py [--neurons 1000000] [--system hala-point]
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import numpy as np

from mappers import Connectivity, Group, place
from mappers.partition_kernels import axons


def torus(n: int, fan_out: int = 10, reach: int = 6) -> Connectivity:
    side = int(n**0.5)
    rng = np.random.default_rng(0)
    source = np.repeat(np.arange(side * side), fan_out)
    x = (source % side + rng.integers(-reach, reach + 1, source.size)) % side
    y = (source // side + rng.integers(-reach, reach + 1, source.size)) % side
    return Connectivity((Group("torus", "lif", side * side),), np.arange(side * side + 1) * fan_out, y * side + x)


def scattered(n: int, fan_out: int = 10) -> Connectivity:
    targets = np.random.default_rng(0).integers(0, n, n * fan_out)
    return Connectivity((Group("random", "lif", n),), np.arange(n + 1) * fan_out, targets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neurons", type=int, default=1_000_000)
    parser.add_argument("--system", default="hala-point")
    options = parser.parse_args()
    place(torus(400), options.system)  # compile
    results = {}
    for name, make in (("torus", torus), ("random", scattered)):
        network = make(options.neurons)
        start = time.perf_counter()
        use = place(network, options.system).utilisation
        report = use.as_dict()
        use.table()
        seconds = time.perf_counter() - start
        rows = (np.arange(network.neurons) * use.cores_used // network.neurons).astype(np.int32)
        cut = axons(network.neurons, use.cores_used, rows, network.indptr, network.indices)[2].sum()
        results[name] = {
            "neurons": report["neurons"],
            "synapses": report["synapses"],
            "cores": report["cores"]["used"],
            "chips": report["chips"]["used"],
            "seconds": round(seconds, 2),
            "messages_between_cores": report["messages_between_cores"],
            "the_same_in_index_order": int(cut),
            "messages_between_chips": report["messages_between_chips"],
        }
    results["peak_memory_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
