"""The Loihi 2 engine beside Brian2 (C++ standalone), snnTorch and Lava on two networks of LIF neurons, in one run.

    python bench/spiking.py [--steps 20000] [--without lava]      prints JSON; kept by `bench/benchmarks.py run spiking`

``dense``: 1000 inputs of which 5 % spike at each step, all-to-all to 1000 LIF neurons. ``sparse``: 10,000 inputs of
which 1 % spike at each step, 100 synapses from each to 10,000 LIF neurons. ``large-dense`` (5000, half of them,
all-to-all) and ``large-sparse`` (100,000, a tenth, 100 each) are for the engine's threads. Who spikes when is given and
the same everywhere; the neurons never spike, so every step has the same synaptic events. Time is that of the time loop
alone, the smallest of several runs; nothing is recorded. Brian2's is what its program says of itself. One thread unless
the name says two; processor time for what runs on one thread of this process, time by the clock for two.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np  # noqa: E402

SEED, RUNS = 3, 5


@dataclass(frozen=True)
class Case:
    """``n`` inputs and ``n`` neurons, ``fan_out`` synapses from each; an input spikes every ``period`` steps."""

    name: str
    n: int
    fan_out: int
    period: int

    @property
    def events(self) -> float:
        """Synaptic events of one step."""
        return self.n / self.period * self.fan_out

    def phases(self) -> np.ndarray:
        """The step of a period at which each input spikes: as many at every step."""
        return np.random.default_rng(SEED).permutation(np.arange(self.n) % self.period)

    def synapses(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(source, target, weight) of every synapse."""
        rng = np.random.default_rng(SEED + 1)
        source = np.repeat(np.arange(self.n), self.fan_out)
        if self.fan_out == self.n:
            target = np.tile(np.arange(self.n), self.n)
        else:
            target = np.concatenate([np.sort(rng.choice(self.n, self.fan_out, replace=False)) for _ in range(self.n)])
        return source, target, rng.integers(-128, 128, source.size)


CASES = (
    Case("dense", 1000, 1000, 20), Case("sparse", 10_000, 100, 100),
    Case("large-dense", 5000, 5000, 2), Case("large-sparse", 100_000, 100, 10),
)  # fmt: skip
MANY = 1_000_000  #: synaptic events a step from which threads are compared, and no peers are


def program_of(case: Case) -> Any:
    """The network as a program."""
    from scipy.sparse import csc_array

    from substrates.loihi2.neurons import LIF
    from substrates.loihi2.program import Program
    from substrates.loihi2.synapses import Dense, Sparse

    program = Program()
    program.events("a", case.n, case.phases() + 1, np.arange(case.n), 1, case.period, repeat=True)
    program.population("b", case.n, LIF(du=400, dv=400, vth=131072))
    source, target, weight = case.synapses()
    matrix = csc_array((weight, (target, source)), shape=(case.n, case.n))
    dense = case.fan_out == case.n
    program.connect("a", "b", Dense(matrix.toarray()) if dense else Sparse(matrix))
    return program


def engine(case: Case, steps: int, threads: int = 1) -> float:
    """Seconds of a step."""
    from hw_profiles.ledger import Event
    from substrates.loihi2.engine import Engine

    made = Engine(program_of(case), threads=threads)
    clock = time.process_time if threads == 1 else time.perf_counter
    made.run(2 * case.period)
    best, ledger = np.inf, None
    for _ in range(RUNS):
        began = clock()
        ledger = made.run(steps).ledger
        best = min(best, (clock() - began) / steps)
    assert ledger is not None
    counted = ledger.total(Event.SYNAPTIC_OPERATIONS) / steps
    stored = case.events * (1 if case.fan_out == case.n else 255 / 256)  # a weight of zero is not stored
    assert abs(counted / stored - 1) < 0.02, (counted, stored)
    return best


def brian2(case: Case, steps: int, single: bool) -> float:
    """Seconds of a step of the program that Brian2 writes and compiles."""
    import brian2 as b

    with tempfile.TemporaryDirectory() as folder:
        b.device.reinit()
        b.device.activate()
        b.set_device("cpp_standalone", directory=folder, build_on_run=False)
        b.prefs.core.default_float_dtype = np.float32 if single else np.float64
        b.prefs.codegen.cpp.extra_compile_args_gcc = ["-O3", "-ffast-math", "-march=native", "-w"]
        b.defaultclock.dt = 1 * b.ms
        first = b.SpikeGeneratorGroup(
            case.n, np.arange(case.n), case.phases() * b.ms, period=case.period * b.ms, sorted=False
        )
        second = b.NeuronGroup(
            case.n, "du/dt = -u/(10*ms) : 1\ndv/dt = (u - v)/(10*ms) : 1", threshold="v > 1e9", reset="v = 0",
            method="euler",
        )  # fmt: skip
        synapses = b.Synapses(first, second, "w : 1", on_pre="u_post += w")
        source, target, weight = case.synapses()
        synapses.connect(i=source, j=target)
        synapses.w = weight
        net = b.Network(first, second, synapses)
        net.run(steps * b.ms)
        b.device.build(directory=folder, run=False, compile=True)
        best = np.inf
        for _ in range(3):
            b.device.run()
            best = min(best, b.device._last_run_time / steps)
        return float(best)


def snntorch(case: Case, steps: int, batch: int) -> float:
    """Seconds of a step of one sample; the dense network only: it has no sparse synapses."""
    import snntorch as snn
    import torch

    torch.set_num_threads(1)
    source, target, weight = case.synapses()
    matrix = torch.zeros(case.n, case.n)
    matrix[target, source] = torch.tensor(weight, dtype=torch.float32)
    layer = snn.Leaky(beta=0.9, threshold=1e9)
    phases = torch.tensor(case.phases())
    with torch.no_grad():
        spikes = torch.stack([((phases + t) % case.period == 0).float() for t in range(case.period)])
        spikes = spikes[:, None, :].expand(-1, batch, -1).contiguous()
        state = torch.zeros(batch, case.n)
        best = np.inf
        for _ in range(3):
            began = time.process_time()
            for t in range(steps):
                _, state = layer(spikes[t % case.period] @ matrix.T, state)
            best = min(best, (time.process_time() - began) / (steps * batch))
    return float(best)


def lava(case: Case, steps: int) -> float:
    """Seconds of a step, in a process with Lava."""
    import spiking  # by its own name: the other process imports it

    from substrates.loihi2.lava.watchdog import call

    return float(call(spiking.lava_here, case.name, steps, timeout_s=600))


def lava_here(name: str, steps: int) -> float:
    """Seconds of a step, in this process."""
    from substrates.loihi2.lava.builder import build
    from substrates.loihi2.lava.loader import lava_module, load_lava

    load_lava()
    case = next(case for case in CASES if case.name == name)
    graph = build(program_of(case), steps)
    condition = lava_module("lava.magma.core.run_conditions").RunSteps(num_steps=steps)
    configuration = lava_module("lava.magma.core.run_configs").Loihi2SimCfg(select_tag="fixed_pt")
    head, best = graph.neurons["b"], np.inf
    head.run(condition=condition, run_cfg=configuration)
    for _ in range(3):
        began = time.perf_counter()
        head.run(condition=condition, run_cfg=configuration)
        best = min(best, (time.perf_counter() - began) / steps)
    head.stop()
    return float(best)


PEERS: dict[str, tuple[Callable[[Case, int], float], float]] = {
    "engine": (engine, 1.0),
    "engine, two threads": (lambda case, steps: engine(case, steps, threads=2), 1.0),
    "Brian2, double precision": (lambda case, steps: brian2(case, steps, single=False), 1.0),
    "Brian2, single precision": (lambda case, steps: brian2(case, steps, single=True), 1.0),
    "snnTorch, batch 1": (lambda case, steps: snntorch(case, steps, 1), 0.05),
    "snnTorch, batch 64": (lambda case, steps: snntorch(case, steps, 64), 0.01),
    "Lava": (lava, 0.005),
}  # share of the steps that each runs: slow ones fewer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--without", action="append", default=[], metavar="WORD", help="leave out peers named so")
    given = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    for case in CASES:
        found[case.name] = {"events_per_step": case.events, "seconds_per_step": {}}
        for name, (peer, share) in PEERS.items():
            left_out = any(word.lower() in name.lower() for word in given.without)
            left_out |= name.startswith("snnTorch") and case.fan_out != case.n
            left_out |= case.events < MANY and "threads" in name
            left_out |= case.events >= MANY and not name.startswith("engine")
            if left_out:
                continue
            steps = given.steps * share * min(1.0, 100_000 / case.events)  # large networks run fewer
            found[case.name]["seconds_per_step"][name] = peer(case, max(int(steps), 50))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
