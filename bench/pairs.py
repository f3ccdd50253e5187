"""Two checkouts against each other: the same small works, in turn, by processor time.

    python bench/pairs.py OLD NEW                      # all works, 15 pairs of each
    python bench/pairs.py OLD NEW --works solve-small startup --pairs 31 --json

OLD and NEW are checkouts of this repository; each is run by its own ``.venv`` if it has one, else by this interpreter.
One process per checkout does every work once to warm up and then whenever it is asked, always OLD, NEW, OLD, NEW, so
that both meet the same machine. A pair's ratio is NEW / OLD of processor time; least and median over the pairs are
told, of times and of ratios. Where arrays happen to lie in memory makes some per cent of difference between two
processes of the same code, so new ones are started after every third pair. ``startup`` measures new processes.
``same`` says whether both gave the same result.

Works use only what both sides of a change are sure to have; one that a checkout cannot do is left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

#: one measurement lasts at least this long, seconds
LEAST = 0.04
#: pairs before both processes are started again
FRESH = 3


def _problem(n: int, density: float) -> Any:
    """A symmetric matrix of whole numbers from -100 to 100, the same for both."""
    import numpy as np

    rng = np.random.default_rng(1)
    upper = np.triu(rng.integers(-100, 101, (n, n)) * (rng.random((n, n)) < density))
    return upper + upper.T


def _solving(n: int, density: float, steps: int) -> Callable[[], bytes]:
    from equipoise.qubo import Problem, solve

    problem = Problem.of(_problem(n, density))

    def work() -> bytes:
        solution = solve(problem, "loihi2-sim", steps=steps, seed=1)
        return bytes(solution.states.tobytes()) + repr(solution.costs).encode()

    return work


def _annealing() -> Callable[[], bytes]:
    """The annealer's kernel, with nothing around it."""
    import numpy as np
    from scipy.sparse import csr_matrix

    from substrates.loihi2.annealing import Linear, Loihi2Annealer, Settings

    dense = _problem(1000, 0.05)
    diagonal = np.diag(dense).copy()
    np.fill_diagonal(dense, 0)
    rows = csr_matrix(dense)
    annealer = Loihi2Annealer(rows.indptr, rows.indices, rows.data, diagonal, Settings(exponent=0))
    schedule = Linear(600, 20, 20_000)
    return lambda: bytes(annealer.anneal(schedule, [1], steps=20_000).states.tobytes())


def _epoch(target: str) -> Callable[[], bytes]:
    """One epoch of a small network, every setting that has a default of its own spelled out."""
    from equipoise.training import TrainConfig, train

    config = TrainConfig(
        target=target, epochs=1, train_samples=256, test_samples=64, layers=(64, 32, 10), batch_size=32, lr=1e-3,
        nudge=0.2, free_steps=60, nudge_steps=30, probe_samples=16,
    )  # fmt: skip

    def work() -> bytes:
        network = train(config).network
        return b"".join(bytes(t.detach().numpy().tobytes()) for t in network.state_dict().values())

    return work


def _engine() -> Callable[[], bytes]:
    """The general engine's loop: 400 LIF neurons, all to all, driven by their biases."""
    import numpy as np

    from hw_profiles.ledger import Event
    from substrates.loihi2.engine import Engine
    from substrates.loihi2.neurons import LIF
    from substrates.loihi2.program import Program
    from substrates.loihi2.synapses import Dense

    rng = np.random.default_rng(2)
    program = Program()
    program.population("cells", 400, LIF(vth=1000, dv=256, du=1024, bias_mant=rng.integers(0, 200, 400)))
    program.connect("cells", "cells", Dense(rng.integers(-40, 40, (400, 400))))
    engine = Engine(program)

    def work() -> bytes:
        engine.reset()
        ledger = engine.run(2000).ledger
        return repr([ledger.total(event) for event in (Event.MESSAGES, Event.SYNAPTIC_OPERATIONS)]).encode()

    return work


def _record() -> Callable[[], bytes]:
    """A record of 40 epochs, put on disk whole after each."""
    import tempfile

    import h5py
    import numpy as np

    from hw_profiles.ledger import Event, Ledger
    from hw_profiles.record import Record

    ledger = Ledger()
    for core in range(50):
        ledger.add(Event.SYNAPTIC_OPERATIONS, 1000 + core, layer="hidden", core=core)
    weights = np.random.default_rng(0).normal(size=(64, 128))

    def work() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "r.h5"
            with Record.create(path, kind="train", config={"a": 1}, seeds={"seed": 0}, target={}) as record:
                for epoch in range(40):
                    record.append("epochs", {"epoch": epoch, "test_accuracy": epoch / 40, "seconds": 1.5})
                    record.set_ledger(ledger)
                    record.result("weights", weights)
                    record.flush()
            with h5py.File(path) as file:
                return file["results/weights"][()].tobytes()

    return work


WORKS: dict[str, Callable[[], Callable[[], bytes]]] = {
    "solve-small": lambda: _solving(200, 0.05, 50),
    "solve-middle": lambda: _solving(1000, 0.05, 20_000),
    "anneal": _annealing,
    "epoch-ideal": lambda: _epoch("ideal"),
    "epoch-loihi2": lambda: _epoch("loihi2-sim"),
    "engine": _engine,
    "record": _record,
}


def serve() -> None:
    """Answer ``work repeats`` with the processor time of one, in seconds, and the digest of its result."""
    sys.path.pop(0)  # this script's folder, which is not the checkout
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a work prints is no answer
    ready: dict[str, Callable[[], bytes]] = {}
    for line in sys.stdin:
        name, repeats = line.split()
        try:
            if name not in ready:
                ready[name] = WORKS[name]()
                ready[name]()
            work = ready[name]
            began = time.process_time()
            for _ in range(int(repeats)):
                result = work()
            seconds = (time.process_time() - began) / int(repeats)
            answer: dict[str, Any] = {"seconds": seconds, "digest": hashlib.sha256(result).hexdigest()[:12]}
        except Exception as error:  # an older checkout without what the work needs
            answer = {"problem": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


class Checkout:
    """One side: a process that works on demand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        own = self.folder / ".venv" / "bin" / "python"
        self.python = str(own) if own.exists() else sys.executable
        threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        self.environment = {**os.environ, "PYTHONPATH": str(self.folder), **dict.fromkeys(threads, "1")}
        self.restart()

    def restart(self) -> None:
        """A new process, in which nothing is warm yet."""
        self._server = subprocess.Popen(
            [self.python, str(Path(__file__).resolve()), "--serve"], cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def time(self, work: str, repeats: int) -> dict[str, Any]:
        if work == "startup":
            return {"seconds": sum(self._start() for _ in range(repeats)) / repeats, "digest": ""}
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(work, repeats, file=self._server.stdin, flush=True)
        found: dict[str, Any] = json.loads(self._server.stdout.readline())
        return found

    def _start(self) -> float:
        """Processor time of ``equipoise --version`` in a new process."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [self.python, "-m", "equipoise", "--version"]
        subprocess.run(command, cwd=self.folder, env=self.environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    def close(self) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()


def compare(old: Checkout, new: Checkout, work: str, pairs: int) -> dict[str, Any]:
    """``pairs`` measurements of each, in turn."""
    first = [old.time(work, 1), new.time(work, 1)]
    problems = [f"{side}: {one['problem']}" for side, one in zip(("old", "new"), first) if "problem" in one]
    if problems:
        return {"work": work, "left out": "; ".join(problems)}
    repeats = max(1, round(LEAST / max(min(one["seconds"] for one in first), 1e-6)))
    times: list[tuple[float, float]] = []
    for pair in range(pairs):
        if pair and pair % FRESH == 0 and work != "startup":
            for side in (old, new):
                side.close()
                side.restart()
                side.time(work, 1)
        times.append((old.time(work, repeats)["seconds"], new.time(work, repeats)["seconds"]))
    columns = list(zip(*times))
    ratios = [after / before for before, after in times]
    return {
        "work": work,
        "pairs": pairs,
        "repeats": repeats,
        "same": first[0]["digest"] == first[1]["digest"],
        "old_ms": {"least": 1e3 * min(columns[0]), "median": 1e3 * median(columns[0])},
        "new_ms": {"least": 1e3 * min(columns[1]), "median": 1e3 * median(columns[1])},
        "ratio": {"of_least": min(columns[1]) / min(columns[0]), "least": min(ratios), "median": median(ratios)},
    }


def _line(found: dict[str, Any]) -> str:
    if "left out" in found:
        return f"{found['work']:<13} left out: {found['left out']}"
    old, new, ratio = found["old_ms"], found["new_ms"], found["ratio"]
    return (
        f"{found['work']:<13} {old['least']:>9.3f} {old['median']:>9.3f} {new['least']:>9.3f} {new['median']:>9.3f}   "
        f"{ratio['of_least']:>6.3f} {ratio['median']:>6.3f}   {'yes' if found['same'] else 'no'}"
    )


def main() -> None:
    known = (*WORKS, "startup")
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("old", type=Path, nargs="?")
    parser.add_argument("new", type=Path, nargs="?")
    parser.add_argument("--works", nargs="+", choices=known, default=known)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
        return
    if given.old is None or given.new is None or given.pairs < 1:
        parser.error("give two checkouts, and at least one pair")
    old, new = Checkout(given.old), Checkout(given.new)
    if not given.json:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        print(f"{machine}; {given.pairs} pairs, ms")
        print(f"{'':<13} old least    median new least    median    ratio median   same")
    rows = []
    for work in given.works:
        rows.append(compare(old, new, work, given.pairs))
        if not given.json:
            print(_line(rows[-1]), flush=True)
    old.close()
    new.close()
    if given.json:
        print(json.dumps({"python": platform.python_version(), "works": rows}, indent=1))


if __name__ == "__main__":
    main()
