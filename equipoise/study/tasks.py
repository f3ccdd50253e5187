"""What a run of a study can be. A task is a function: parameters in, `Outcome` out.

To add one, write ``def run(**parameters) -> Outcome`` and name it ``path.py:run`` or ``package.module:run`` in a study,
or offer it as an entry point of ``equipoise.tasks``.
"""

from __future__ import annotations

# Imports inside functions are late: the table of tasks is read without torch.
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from hw_profiles.registry import Entry, Registry, is_reference
from hw_profiles.texts import shown

__all__ = ["OUTSIDE", "TASKS", "Outcome", "check_task", "find_task"]

#: said of everything a study names that is code of others
OUTSIDE = (
    "is code outside Equipoise, which this study would run; if you trust it, say so: --allow-tasks (allow_tasks=True)"
)


@dataclass(frozen=True)
class Outcome:
    """What a run gives.

    Attributes:
        results: what must be the same on every machine and with any number of workers.
        measured: times and energies of this very execution; they differ from run to run.
        ledger: the counts.
        tables: curves, as rows.
    """

    results: dict[str, Any]
    measured: dict[str, float] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def calibrate(*, seed: int, milliseconds: float = 10.0) -> Outcome:
    """Keep the processor busy for a while and return a number that follows from the seed: for measuring overhead."""
    from substrates.seeds import stream

    value = float(stream(seed, "calibrate").standard_normal())
    end = time.perf_counter() + milliseconds / 1000
    while time.perf_counter() < end:
        sum(range(100))
    return Outcome({"value": value}, {"seconds": milliseconds / 1000})


def _problem(parameters: dict[str, Any]) -> Any:
    """A problem file, or what a generator makes (NeuroBench's independent set unless another is named).

    Takes what it uses out of ``parameters``: ``file``, or ``generator``, ``graph_seed`` and the generator's own.
    """
    if "file" in parameters:
        from equipoise.qubo.formats import read

        return read(parameters.pop("file"), parameters.pop("format", "auto"))
    from equipoise.qubo.generators import GENERATORS, generate

    name = parameters.pop("generator", "mis")
    own = set(inspect.signature(GENERATORS.find(name)).parameters) - {"seed"}
    settings = {key: parameters.pop(key) for key in own & set(parameters)}
    return generate(name, seed=int(parameters.pop("graph_seed", 0)), **settings).problem


def qubo(**parameters: Any) -> Outcome:
    """`equipoise.qubo.solve` on ``file``, or on what ``generator`` makes of its parameters and ``graph_seed``."""
    from equipoise.qubo import solve

    problem = _problem(parameters)
    if "sweeps" in parameters:  # steps in proportion to the size: neuron updates per variable
        parameters["steps"] = int(parameters.pop("sweeps"))
    solution = solve(problem, **parameters)
    reached = int(min(solution.best_steps[i] for i, cost in enumerate(solution.costs) if cost == solution.best_cost))
    return Outcome(
        {"best_cost": float(solution.best_cost), "steps": int(solution.steps.sum()), "best_step": reached},
        {"work_s": solution.work_s, "wall_s": solution.wall_s},
        solution.ledger,
    )


def peer(
    *,
    solver: str,
    seed: int = 0,
    sweeps: int = 1000,
    beta_range: tuple[float, float] = (1.0, 10.0),
    timeout_ms: int = 20,
    **parameters: Any,
) -> Outcome:
    """A CPU annealer: D-Wave's simulated annealing (``sa``) or tabu search (``tabu``), timed around the sampling.

    Its default range of inverse temperatures cripples annealing on independent sets; ``beta_range``, linear, is tuned.
    """
    try:
        from dwave.samplers import SimulatedAnnealingSampler, TabuSampler
    except ImportError:
        raise InputError("the CPU peers need dwave-samplers: pip install 'equipoise[bench]'") from None
    from hw_profiles.measured import measure

    model = _problem(parameters).to_bqm()
    if parameters:
        raise InputError(f"the task peer has no parameter {', '.join(parameters)}")
    if solver == "sa":
        sampler: Any = SimulatedAnnealingSampler()
        arguments: dict[str, Any] = {"num_reads": 1, "num_sweeps": sweeps, "seed": seed}
        arguments |= {"beta_range": list(beta_range), "beta_schedule_type": "linear"}
    elif solver == "tabu":
        sampler, arguments = TabuSampler(), {"num_reads": 1, "timeout": timeout_ms, "seed": seed}
    else:
        raise InputError(f"unknown solver {solver!r}; expected sa or tabu")
    with measure() as measurement:
        answer = sampler.sample(model, **arguments)
    cost = float(answer.first.energy)
    # A search against the clock gives another answer each time.
    kept, loose = ({"best_cost": cost}, {}) if solver == "sa" else ({}, {"best_cost": cost})
    return Outcome(kept, {**loose, "wall_s": measurement.wall_ns * 1e-9}, measurement.ledger())


def neuron(*, neuron: str, count: int = 32, steps: int = 200, seed: int = 0, **parameters: Any) -> Outcome:
    """A population of ``count`` neurons (a name, or path.py:Name), driven by random messages for ``steps``.

    ``parameters`` are the neuron's own; without any it draws its example. The counts are the engine's.
    """
    import numpy as np

    from substrates.loihi2.engine import Engine, Probe
    from substrates.loihi2.neurons.registry import NEURONS
    from substrates.loihi2.program import Program
    from substrates.loihi2.synapses import Direct
    from substrates.seeds import stream

    rng = stream(seed, "neuron task")
    model = NEURONS.find(neuron)
    try:
        made = model(**parameters) if parameters else model.example(rng, count) or model()
    except TypeError as error:
        raise InputError(f"the neuron {neuron!r} with {', '.join(parameters) or 'no parameters'}: {error}") from None
    program = Program()
    program.source("fed", (rng.random((steps, count)) < 0.2) * rng.integers(-(2**12), 2**12, (steps, count)))
    program.population("here", count, made)
    program.connect("fed", "here", Direct(count))
    run = Engine(program).run(steps, [Probe("here", "messages")])
    sent = np.asarray(run.probes["here", "messages"])
    return Outcome(
        {
            "messages": int((sent != 0).sum()),
            "sum": int(sent.astype(np.int64).sum()),
            "overflows": run.overflows["here"],
        },
        ledger=run.ledger,
    )


def workload(*, workload: str, target: str = "auto", seed: int = 0, size: str = "small", **arguments: Any) -> Outcome:
    """`equipoise.workloads.run_workload`; further parameters are arguments of its instance, as in ``--size``."""
    from equipoise.workloads import run_workload

    parts = [f"{key}={':'.join(map(str, v)) if isinstance(v, list) else v}" for key, v in arguments.items()]
    found = run_workload(workload, target, size=",".join([size, *parts]), seed=seed)
    scores = [row for row in found.tables["scores"] if row["value"] == row["value"]]
    spent = {f"seconds of {name}": one.latency.value for name, one in found.answers.items() if one.role != "truth"}
    return Outcome(
        {f"{row['score']}: {'machine' if row['role'] == 'machine' else row['answer']}": row["value"] for row in scores},
        {"work_s": found.work_s, **{name: value for name, value in spent.items() if value is not None}},
        found.ledger,
        {"scores": found.tables["scores"], "front": found.tables.get("front", [])},
    )


def train(**parameters: Any) -> Outcome:
    """`equipoise.training.train` with these settings, written as in a run file."""
    from equipoise.training import train as run
    from equipoise.training.run_file import config_from

    result = run(config_from({"threads": 1, **parameters}))  # runs are what a study does at the same time
    epochs = [{k: v for k, v in row.items() if k != "seconds"} for row in result.epochs]
    return Outcome(
        {"test_accuracy": float(result.test_accuracy), "best_accuracy": float(result.best_accuracy)},
        {"work_s": result.work_s, "wall_s": result.wall_s},
        result.ledger,
        {"epochs": epochs},
    )


def _accept(thing: Any, what: str) -> Callable[..., Outcome]:
    if not callable(thing):
        raise InputError(f"{what} is {thing!r}; expected a function of the study's parameters that returns an Outcome")
    task: Callable[..., Outcome] = thing
    return task


TASKS: Registry[Callable[..., Outcome]] = Registry(
    "task",
    "equipoise.tasks",
    (
        Entry("qubo", lambda: qubo, "solve a problem"),
        Entry("peer", lambda: peer, "solve it with a CPU annealer of another package"),
        Entry("neuron", lambda: neuron, "drive a population of Loihi 2 neurons"),
        Entry("train", lambda: train, "train a network"),
        Entry("workload", lambda: workload, "run a workload with a known truth"),
        Entry("calibrate", lambda: calibrate, "keep the processor busy for a while"),
    ),
    _accept,
)


def check_task(name: str, *, allow: bool = False) -> str:
    """What is wrong with a task's name; empty when nothing is."""
    try:
        find_task(name, allow=allow)
    except InputError as error:
        return str(error)
    return ""


def find_task(name: str, *, allow: bool = False) -> Callable[..., Outcome]:
    """The task called ``name``, or the function at ``path.py:function`` or ``package.module:function``.

    Args:
        allow: whether a task outside the table may be used: to find it is to import its module, which runs code, and
            to run it is to call any function with any arguments.

    Raises:
        InputError: no such task, or one outside the table that is not allowed.
    """
    if not isinstance(name, str):
        raise InputError(f"a task is named by a text, got {shown(name)}")
    if not allow and name not in TASKS and is_reference(name):
        raise InputError(f"the task {shown(name)} {OUTSIDE}")
    return TASKS.find(name)
