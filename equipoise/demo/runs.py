"""The runs of the demonstration: one problem on two machines, one network on three."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equipoise.qubo import solve
from equipoise.qubo.generators import mis
from equipoise.report import write_report
from equipoise.training import TrainConfig, train
from hw_profiles.errors import InputError

if TYPE_CHECKING:
    from rich.progress import Progress

    from equipoise.run import RunResult

__all__ = ["DemoResult", "Row", "run_demo"]


@dataclass(frozen=True)
class Row:
    """One line of the demonstration's table: what was done, how well, and the run that did it."""

    task: str
    method: str
    result: str
    value: float
    run: RunResult

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {k: v for k, v in vars(self).items() if k != "run"} | self.run.run_dict()


@dataclass(frozen=True)
class DemoResult:
    """All runs, the page, and how long the whole took."""

    rows: tuple[Row, ...]
    page: Path
    wall_s: float

    def as_dict(self) -> dict[str, Any]:
        return {"runs": [row.as_dict() for row in self.rows], "page": str(self.page), "wall_s": self.wall_s}


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
    jobs: list[tuple[str, Callable[[Callable[[float], None]], Row]]] = [
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
    page = write_report([row.run.record for row in runs if row.run.record is not None], folder / "report.html")
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
) -> tuple[str, Callable[[Callable[[float], None]], Row]]:
    nodes = 250 if quick else 1000

    def job(advance: Callable[[float], None]) -> Row:
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
        nodes_on = instance.value(instance.repair(solution.x))
        return Row(f"MIS, {nodes} nodes", solution.scheme, f"{nodes_on} nodes", float(-solution.best_cost), solution)

    return f"independent set of {nodes} nodes on {'Loihi 2' if target == 'auto' else target}", job


def _share(now: dict[str, Any]) -> float:
    """Part of the present epoch that is done."""
    return 1.0 if now.get("done") else now.get("batch", 0) / max(now.get("batches", 1), 1)


#: machine, estimator of the gradient
_TRAININGS = (("ideal", "adjoint"), ("analog", "centered"), ("auto", "centered"))


def _training_job(
    folder: Path, target: str, rule: str, seed: int, quick: bool
) -> tuple[str, Callable[[Callable[[float], None]], Row]]:
    epochs = 3 if quick else 15

    def job(advance: Callable[[float], None]) -> Row:
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
        result = train(config, progress=lambda now: advance((now["epoch"] - 1 + _share(now)) / epochs))
        method = "exact gradient" if rule == "adjoint" else "EP, homeostasis"
        return Row("digits", method, f"{100 * result.test_accuracy:.1f} % correct", result.test_accuracy, result)

    return f"digits on {'Loihi 2' if target == 'auto' else target}, {rule}", job
