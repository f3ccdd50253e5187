"""``equipoise bench qubo``: the annealer against dwave-samplers and OpenJij, on equal terms, in one run.

Every solver climbs the same ladder: its work grows by half or doubles until sampling takes as long as the budget, and
every rung is run with the same read seeds. From the ladder come the mean gap at each time limit (the largest rung
whose sampling fits) and the time to target (the first rung at which at least half of the reads reach the target).
Times are CPU times of one thread. Parameters are the solvers' own or functions of the model; none depends on an
instance's seed.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from equipoise.bench.qubo_solvers import Case, Solver

__all__ = ["climb", "command", "summary"]

TINY, SHORT = 1e-4, 3e-2  #: seconds of sampling
LIMITS = (1e-3, 1e-2, 1e-1, 1.0)  #: seconds of sampling at which gaps are reported
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def climb(solver: Solver, case: Case, budget: float, reads: int, first_seed: int) -> list[dict[str, Any]]:
    """The rungs of one solver on one case: work, median times, costs of all reads. Short rungs are run more often."""
    solver.run(case, solver.first, first_seed)  # loads and compiles what is loaded and compiled once
    rungs: list[dict[str, Any]] = []
    work = solver.first
    while True:
        short = not rungs or rungs[-1]["sampling_s"] < SHORT
        calls = [solver.run(case, work, first_seed + read) for read in range(3 * reads if short else reads)]
        sampling = median(c.sampling_s for c in calls)
        rungs.append(
            {
                "work": work,
                "sampling_s": sampling,
                "whole_s": median(c.whole_s for c in calls),
                "costs": [c.cost for c in calls],
            }
        )
        if sampling > budget / 1.7:  # the next one would be longer than the budget
            return rungs
        # Small steps where times to target lie, large ones where rungs are long or next to nothing.
        factor = 4.0 if sampling < TINY else 1.5 if sampling < SHORT else 2.0
        work = max(round(work * factor), work + 1)


def summary(rungs: list[dict[str, Any]], case: Case, budget: float) -> dict[str, Any]:
    """Gaps in per cent to the target and to the best known cost at each limit, and the time to target."""
    gaps: dict[str, Any] = {}
    for limit in (x for x in LIMITS if x <= budget * 1.001):
        fitting = [r for r in rungs if r["sampling_s"] <= limit]
        if fitting:
            cost = mean(fitting[-1]["costs"])
            gaps[f"{limit:g}"] = {
                "mean_cost": cost,
                "best_cost": min(fitting[-1]["costs"]),
                "gap_percent": 100 * (cost - case.target) / abs(case.target),
                "gap_best_known_percent": 100 * (cost - case.best_known) / abs(case.best_known),
                "whole_s": fitting[-1]["whole_s"],
            }
    hit = next((r for r in rungs if 2 * sum(c <= case.target for c in r["costs"]) >= len(r["costs"])), None)
    return {
        "gaps": gaps,
        "time_to_target_sampling_s": hit and hit["sampling_s"],
        "time_to_target_whole_s": hit and hit["whole_s"],
        "longest_sampling_s": rungs[-1]["sampling_s"],
        "best_cost": min(min(r["costs"]) for r in rungs),
    }


def versions() -> dict[str, str]:
    """Versions of everything that takes part."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in ("equipoise", "numpy", "numba", "dimod", "dwave-samplers", "openjij"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _cases(instances: Path | None, given: dict[str, Any]) -> Iterator[Case]:
    from equipoise.bench.qubo_cases import independent_sets, library

    if "mis" in given["families"]:
        sets = independent_sets(given["sizes"], given["densities"], given["seeds"])
        yield from (case for case in sets if given["match"] in case.name)
    if instances is not None:
        yield from library(instances, given["families"], given["match"])


@click.command()
@click.option("--budget", default=1.0, show_default=True, help="Longest sampling, in seconds per call.")
@click.option(
    "--instances", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder with bqp/Gset."
)
@click.option("--family", "families", multiple=True, type=click.Choice(["mis", "bqp", "gset"]), help="Only these.")
@click.option("--nodes", "sizes", multiple=True, type=int, help="Independent sets: sizes [250, 1000, 2500].")
@click.option("--density", "densities", multiple=True, type=int, help="Independent sets: per cent [1, 5, 10, 25].")
@click.option("--seed", "seeds", multiple=True, type=int, help="Independent sets: instance seeds [0].")
@click.option("--match", default="", help="Only instances whose name holds this.")
@click.option("--solver", "only", multiple=True, help="Only solvers whose name holds this.")
@click.option("--reads", default=3, show_default=True, help="Calls per rung, with different read seeds.")
@click.option("--read-seed", default=0, show_default=True, help="Seed of the first read.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(budget: float, instances: Path | None, only: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """The annealer against dwave-samplers (annealing default and tuned, tabu, descent) and OpenJij.

    One thread each, the same models, the same ladder of work. Independent sets are generated; bqp and Gset are read
    from --instances.
    """
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")
    from equipoise.bench.qubo_cases import DENSITIES, SIZES
    from equipoise.bench.qubo_solvers import solvers
    from equipoise.cli._common import emit_json
    from hw_profiles.errors import InputError

    if not budget > 0 or given["reads"] < 1:
        raise InputError("--budget and --reads must be positive")
    given["sizes"] = given["sizes"] or SIZES
    given["densities"] = given["densities"] or DENSITIES
    given["seeds"] = given["seeds"] or (0,)
    given["families"] = given["families"] or ("mis", "bqp", "gset")
    chosen, missing = solvers(only)
    for reason in missing:
        click.echo(f"left out: {reason}", err=True)
    results = []
    for case in _cases(instances, given):
        rows = {}
        for solver in chosen:
            rungs = climb(solver, case, budget, given["reads"], given["read_seed"])
            rows[solver.name] = {**summary(rungs, case, budget), "unit": solver.unit, "rungs": rungs}
        entry = {"family": case.family, "instance": case.name, "target": case.target, "best_known": case.best_known}
        results.append({**entry, "solvers": rows})
        _show(results[-1])
    if as_json:
        emit_json(
            {
                "command": "equipoise " + " ".join(sys.argv[1:]),
                "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
                "processor": processor(),
                "versions": versions(),
                "budget_s": budget,
                "reads": given["reads"],
                "results": results,
            }
        )


def _show(result: dict[str, Any]) -> None:
    click.echo(f"\n{result['instance']}  target {result['target']:g}  best known {result['best_known']:g}", err=True)
    limits = [f"{x:g}" for x in LIMITS]
    heads = "".join(f"{'gap % ' + x + ' s':>14}" for x in limits)
    click.echo(f"  {'solver':20}{heads}{'to target':>12}{'whole call':>12}", err=True)
    for name, row in result["solvers"].items():
        cells = "".join(f"{row['gaps'][x]['gap_percent']:14.2f}" if x in row["gaps"] else f"{'-':>14}" for x in limits)
        click.echo(f"  {name:20}{cells}{_ms(row, 'sampling')}{_ms(row, 'whole')}", err=True)


def _ms(row: dict[str, Any], which: str) -> str:
    value = row[f"time_to_target_{which}_s"]
    return f"{1e3 * value:9.1f} ms" if value is not None else f"{'not reached':>12}"
