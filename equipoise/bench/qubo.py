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
from typing import TYPE_CHECKING, Any

import click

from equipoise.bench.qubo_ladder import ALLOWANCE, LIMITS, climb, summary

if TYPE_CHECKING:
    from equipoise.bench.qubo_solvers import Case

__all__ = ["command"]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


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
@click.option(
    "--allowance", type=float, help="Whole calls per solver and instance, in seconds [8 x budget x reads, 10 or more]."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Keep results there as they come; resume.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(
    budget: float,
    instances: Path | None,
    only: tuple[str, ...],
    allowance: float | None,
    out: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """The annealer against dwave-samplers (annealing default and tuned, tabu, descent) and OpenJij.

    One thread each, the same models, the same ladder of work. Independent sets are generated; bqp and Gset are read
    from --instances. With --out, a run that was stopped goes on after the last finished solver.
    """
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")
    from equipoise.bench.qubo_cases import DENSITIES, SIZES
    from equipoise.bench.qubo_solvers import solvers
    from equipoise.bench.qubo_store import Store
    from equipoise.cli._common import emit_json
    from hw_profiles.errors import InputError

    if not budget > 0 or given["reads"] < 1:
        raise InputError("--budget and --reads must be positive")
    allowance = max(10.0, ALLOWANCE * budget * given["reads"]) if allowance is None else allowance
    if not allowance > 0:
        raise InputError("--allowance must be positive")
    given["sizes"] = given["sizes"] or SIZES
    given["densities"] = given["densities"] or DENSITIES
    given["seeds"] = given["seeds"] or (0,)
    given["families"] = given["families"] or ("mis", "bqp", "gset")
    chosen, missing = solvers(only)
    for reason in missing:
        click.echo(f"left out: {reason}", err=True)
    header = {
        "command": "equipoise " + " ".join(sys.argv[1:]),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "processor": processor(),
        "versions": versions(),
        "budget_s": budget,
        "reads": given["reads"],
        "read_seed": given["read_seed"],
        "allowance_s": allowance,
    }
    store = Store(header, out)
    for case in _cases(instances, given):
        named = {"family": case.family, "instance": case.name, "target": case.target, "best_known": case.best_known}
        entry = store.entry(named)
        for solver in (s for s in chosen if s.name not in entry["solvers"]):
            rungs = climb(solver, case, budget, given["reads"], given["read_seed"], allowance)
            entry["solvers"][solver.name] = {**summary(rungs, case, budget), "unit": solver.unit, "rungs": rungs}
            store.keep(entry)
        _show(entry)
    if as_json:
        emit_json(store.data)


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
