"""The runs of the demonstration: one problem on two machines, one network on three."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_profiles.errors import InputError

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["DemoResult", "Run", "run_demo"]


@dataclass(frozen=True)
class Run:
    """One line of the demonstration's table: what was done, on what, how well, at which price."""

    task: str
    target: dict[str, str]
    method: str
    result: str
    value: float
    energy_j: dict[str, Any]
    latency_s: dict[str, Any]
    seconds: float
    record: Path

    def as_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "record": str(self.record)}


@dataclass(frozen=True)
class DemoResult:
    """All runs, the page, and how long the whole took."""

    runs: tuple[Run, ...]
    page: Path
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return {"runs": [run.as_dict() for run in self.runs], "page": str(self.page), "seconds": self.seconds}


def run_demo(out: Path, *, seed: int = 0, quick: bool = False, display: Progress | None = None) -> DemoResult:
    """Do everything once and write the records and the page into a new folder under ``out``.

    Nothing is overwritten: each call makes ``out/run-1``, ``out/run-2`` and so on.

    Raises:
        InputError: the folder cannot be made or written to.
    """
    if seed < 0:
        raise InputError(f"the seed must be zero or more, got {seed}")
    began = time.perf_counter()
    folder = _new_folder(out)
    jobs: list[tuple[str, Callable[[Callable[[float], None]], Run]]] = [
        *(_qubo_job(folder, target, seed, quick) for target in ("auto", "analog")),
        *(_training_job(folder, target, rule, seed, quick) for target, rule in _TRAININGS),
    ]
    runs = []
    for title, job in jobs:
        task = display.add_task(title, total=1.0) if display is not None else None

        def advance(share: float, task: Any = task) -> None:
            if display is not None and task is not None:
                display.update(task, completed=share)

        runs.append(job(advance))
        advance(1.0)
    from equipoise.report import write_report

    page = write_report([run.record for run in runs], folder / "report.html")
    return DemoResult(tuple(runs), page, time.perf_counter() - began)


def _new_folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            folder = out / f"run-{number}"
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                number += 1
    except OSError as error:
        raise InputError(f"cannot write into {out}: {(error.strerror or str(error)).lower()}") from None


def _qubo_job(
    folder: Path, target: str, seed: int, quick: bool
) -> tuple[str, Callable[[Callable[[float], None]], Run]]:
    nodes = 250 if quick else 1000

    def job(advance: Callable[[float], None]) -> Run:
        from equipoise.qubo import solve
        from equipoise.qubo.generators import mis

        instance = mis(nodes, 0.05, seed)
        name = "loihi2" if target == "auto" else target
        # A fixed number of steps rather than of seconds: the same seed gives the same bytes anywhere.
        solution = solve(
            instance.problem,
            target,
            steps=(20_000 if quick else 100_000) if target == "auto" else None,
            seed=seed,
            out=folder / f"mis-{name}.h5",
            progress=lambda done, _: advance(float(done)),
        )
        assert solution.record is not None
        return Run(
            f"MIS, {nodes} nodes",
            solution.target,
            f"{solution.scheme}",
            f"{instance.value(instance.repair(solution.x))} nodes",
            float(-solution.best_cost),
            solution.energy_j,
            solution.latency_s,
            solution.wall_s,
            solution.record,
        )

    return f"independent set of {nodes} nodes on {'Loihi 2' if target == 'auto' else target}", job


def _share(now: dict[str, Any]) -> float:
    """Part of the present epoch that is done."""
    return 1.0 if now.get("done") else now.get("batch", 0) / max(now.get("batches", 1), 1)


#: machine, estimator of the gradient
_TRAININGS = (("ideal", "adjoint"), ("analog", "centered"), ("auto", "centered"))


def _training_job(
    folder: Path, target: str, rule: str, seed: int, quick: bool
) -> tuple[str, Callable[[Callable[[float], None]], Run]]:
    epochs = 3 if quick else 15

    def job(advance: Callable[[float], None]) -> Run:
        from equipoise.training import TrainConfig, train

        name = "loihi2" if target == "auto" else target
        config = TrainConfig(
            dataset="digits",
            target=target,
            estimator=rule,
            angle=90.0,
            homeostasis=1.0,
            epochs=epochs,
            seed=seed,
            out=folder / f"digits-{name}.h5",
        )
        began = time.perf_counter()
        result = train(config, progress=lambda now: advance((now["epoch"] - 1 + _share(now)) / epochs))
        answer = result.as_dict()
        return Run(
            "digits",
            answer["target"],
            "exact gradient" if rule == "adjoint" else "EP, homeostasis",
            f"{100 * answer['test_accuracy']:.1f} % correct",
            answer["test_accuracy"],
            answer["energy_j"],
            answer["latency_s"],
            time.perf_counter() - began,
            Path(answer["record"]),
        )

    return f"digits on {'Loihi 2' if target == 'auto' else target}, {rule}", job
