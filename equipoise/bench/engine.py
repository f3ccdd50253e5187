"""``equipoise bench engine``: the Loihi 2 engine against Lava's own fixed-point CPU models, in one run.

Each network is built once from one seed and run by both. Times are the smallest over blocks of steps, so that other
work on the machine costs neither side. Lava runs in a worker process with a time limit; where it cannot run, the
reason is given and the engine's own figures remain.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

__all__ = ["command"]

LAVA_OPTIMIZATION_RATE = 440.0  #: steps/s of lava-optimization 0.4.0's CPU annealer; measured elsewhere, not here
CASES = ("lif-dense-1000", "lif-dense-5000", "sigma-delta-sparse-1000", "sigma-delta-sparse-5000")
PERIOD = 20  #: a neuron of the first layer fires every 20th step: 5 %


def build_case(name: str, seed: int) -> Any:
    """The program of one case.

    ``lif-dense-n``: n neurons of which 5 % fire at each step, all-to-all synapses, n LIF neurons.
    ``sigma-delta-sparse-n``: n sigma-delta neurons of which 5 % send at each step, 5 % sparse synapses, n more.
    """
    import numpy as np
    from scipy import sparse

    from substrates.loihi2.neurons import LIF, SigmaDelta
    from substrates.loihi2.program import Program
    from substrates.loihi2.synapses import Dense, Direct, Sparse
    from substrates.seeds import stream

    n = int(name.rsplit("-", 1)[1])
    rng = stream(seed, "bench-engine", n)
    program = Program()
    if name.startswith("lif"):
        rise = 4000  # 20 steps of this pass the threshold of 79000 exactly once
        start = (np.arange(n) % PERIOD) * rise
        program.population("a", n, LIF(du=4095, dv=0, vth=79000 >> 6, bias_mant=rise), v=rng.permutation(start))
        program.population("b", n, LIF(du=400, dv=400, vth=2000))
        program.connect("a", "b", Dense(rng.integers(-128, 128, (n, n))))
        return program
    turn = rng.permutation(np.arange(n) % PERIOD)  # each input changes every 20 steps, there and back
    change = rng.integers(10, 50, n)
    late = (np.arange(2 * PERIOD)[:, None] - turn) % (2 * PERIOD)
    program.source("in", np.where(late == 0, change, np.where(late == PERIOD, -change, 0)), repeat=True)
    program.population("a", n, SigmaDelta(vth=1, activation="unit"))
    program.population("b", n, SigmaDelta(vth=100, bias=10))
    program.connect("in", "a", Direct(n))
    weights: Any = sparse.random(n, n, 0.05, random_state=int(rng.integers(2**31)), dtype=np.float64)
    weights.data = rng.integers(1, 100, weights.nnz)
    program.connect("a", "b", Sparse(weights.astype(np.int64), graded=True))
    return program


def engine_figures(name: str, seed: int, seconds: float) -> dict[str, Any]:
    """Seconds per step, synaptic operations per second and firing of the engine on one case."""
    import numpy as np

    from hw_profiles.ledger import Event
    from substrates.loihi2.engine import Engine

    program = build_case(name, seed)
    engine = Engine(program)
    engine.run(2 * PERIOD)
    block = 2 * PERIOD
    while True:
        started = time.perf_counter()
        engine.run(block)
        taken = time.perf_counter() - started
        if taken > seconds / 200:
            break
        block *= 2
    best, ledger = np.inf, None
    for _ in range(200):
        started = time.perf_counter()
        ledger = engine.run(block).ledger
        best = min(best, (time.perf_counter() - started) / block)
    assert ledger is not None
    operations = ledger.total(Event.SYNAPTIC_OPERATIONS) / block
    synapses = program.connections[-1].synapses
    stored = int(synapses.fan_out().sum())
    size = program.size("a")
    bytes_each = 1 if name.startswith("lif") else 6  # packed dense weight; sparse weight and target
    return {
        "us_per_step": best * 1e6,
        "active_percent": 100 * ledger.total(Event.MESSAGES, layer="a") / (block * size),
        "synaptic_operations_per_step": operations,
        "synaptic_operations_per_s": operations / best,
        "synapse_bytes_per_s": operations * bytes_each / best,
        "read_bytes_per_s_at_this_size": read_bandwidth(max(stored * bytes_each, 1 << 16)),
    }


def lava_seconds_per_step(name: str, seed: int, block: int, blocks: int) -> float:
    """Smallest seconds per step of Lava's models on one case; runs inside a Lava worker."""
    from substrates.loihi2.lava.builder import build
    from substrates.loihi2.lava.loader import lava_module, load_lava

    load_lava()
    graph = build(build_case(name, seed), block)
    condition = lava_module("lava.magma.core.run_conditions").RunSteps(num_steps=block)
    configuration = lava_module("lava.magma.core.run_configs").Loihi2SimCfg(select_tag="fixed_pt")
    head = graph.neurons["b"]
    best = float("inf")
    head.run(condition=condition, run_cfg=configuration)
    for _ in range(blocks):
        started = time.perf_counter()
        head.run(condition=condition, run_cfg=configuration)
        best = min(best, (time.perf_counter() - started) / block)
    head.stop()
    return best


def read_bandwidth(size: int) -> float:
    """Bytes per second of one core reading an array of ``size`` bytes over and over, best of several."""
    import numpy as np
    from numba import njit

    @njit(fastmath=True)
    def total(a: Any) -> Any:
        s = np.uint64(0)
        for i in range(a.shape[0]):
            s += a[i]
        return s

    a = np.ones(max(size // 8, 1), np.uint64)
    total(a)
    pieces = np.array_split(a, max(1, a.nbytes >> 24))  # timed one by one: a disturbed one does not count
    best = float("inf")
    for _ in range(max(3, int(2e8 // a.nbytes))):
        for piece in pieces:
            started = time.perf_counter()
            total(piece)
            best = min(best, (time.perf_counter() - started) / piece.nbytes)
    return 1 / best


def annealer_figures(seed: int, steps: int = 5000) -> dict[str, Any]:
    """Algorithmic steps per second of our annealer: maximum independent set, n = 1000, 5 % density, one read."""
    import numpy as np

    from substrates.loihi2.annealing import Linear, Loihi2Annealer
    from substrates.seeds import stream

    rng = stream(seed, "bench-annealer")
    upper = np.triu(rng.random((1000, 1000)) < 0.05, 1)
    rows, columns = np.nonzero(upper | upper.T)
    indptr = np.searchsorted(rows, np.arange(1001))
    weights = np.full(rows.size, 4)  # 8 per edge, shared by the two halves
    annealer = Loihi2Annealer(indptr, columns, weights, np.full(1000, -8))
    best = float("inf")
    for read in range(40):
        started = time.perf_counter()
        annealer.anneal(Linear(3, 1, steps), np.array([seed + read], np.uint64))
        best = min(best, (time.perf_counter() - started) / steps)
    return {
        "n": 1000,
        "steps_per_s": 1 / best,
        "lava_optimization_steps_per_s": LAVA_OPTIMIZATION_RATE,
        "lava_optimization_measured_here": False,
        "ratio": 1 / best / LAVA_OPTIMIZATION_RATE,
    }


def run_bench(seed: int, seconds: float, lava: bool, timeout_s: float, say: Callable[[str], None]) -> dict[str, Any]:
    """All figures as one nested mapping."""
    import os

    from hw_profiles.errors import InputError

    result: dict[str, Any] = {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": 1,
        "memory_read_bytes_per_s": read_bandwidth(1 << 29),
        "cases": {},
    }
    for name in CASES:
        say(name)
        case: dict[str, Any] = {"engine": engine_figures(name, seed, seconds), "lava": None, "ratio": None}
        reached = case["engine"]["synapse_bytes_per_s"]
        case["fraction_of_memory_bandwidth"] = reached / result["memory_read_bytes_per_s"]
        case["fraction_of_bandwidth_at_this_size"] = reached / case["engine"]["read_bytes_per_s_at_this_size"]
        if lava:
            try:
                from substrates.loihi2.lava import watchdog

                block = 40
                found = watchdog.call(lava_seconds_per_step, name, seed, block, 20, timeout_s=timeout_s)
                case["lava"] = {"us_per_step": found * 1e6}
                case["ratio"] = found * 1e6 / case["engine"]["us_per_step"]
            except InputError as error:
                case["lava_absent"] = str(error)
        result["cases"][name] = case
    say("annealer")
    result["annealer"] = annealer_figures(seed)
    return result


@click.command()
@click.option("--seed", default=1, show_default=True, help="Seed of the networks.")
@click.option("--seconds", default=1.0, show_default=True, help="Time given to each of the engine's measurements.")
@click.option("--lava/--no-lava", default=True, show_default=True, help="Run Lava's own models for comparison.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds after which a Lava run counts as hung.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(seed: int, seconds: float, lava: bool, timeout: float, as_json: bool) -> None:
    """The Loihi 2 engine against Lava's own fixed-point CPU models."""
    from equipoise.cli._common import console, emit_json, progress
    from hw_profiles.errors import InputError

    if not seconds > 0 or not timeout > 0 or seed < 0:
        raise InputError("--seconds and --timeout must be above zero, --seed zero or more")
    with progress() as display:
        task = display.add_task("bench", total=len(CASES) + 1)

        def say(what: str) -> None:
            display.update(task, description=what, advance=1)

        result = run_bench(seed, seconds, lava, timeout, say)
    if as_json:
        emit_json(result)
        return
    from rich.table import Table

    table = Table("network", "engine us/step", "Lava us/step", "ratio", "synaptic op/s", "of memory bandwidth")
    for name, case in result["cases"].items():
        table.add_row(
            name,
            f"{case['engine']['us_per_step']:.1f}",
            f"{case['lava']['us_per_step']:.0f}" if case["lava"] else "-",
            f"{case['ratio']:.0f}x" if case["ratio"] else "-",
            f"{case['engine']['synaptic_operations_per_s']:.2e}",
            f"{100 * case['fraction_of_memory_bandwidth']:.0f} %",
        )
    annealer = result["annealer"]
    console().print(table)
    console().print(
        f"annealer, n = 1000: {annealer['steps_per_s']:.0f} steps/s, {annealer['ratio']:.0f} times the "
        f"{LAVA_OPTIMIZATION_RATE:.0f} steps/s of lava-optimization 0.4.0's CPU model (not run here)"
    )
