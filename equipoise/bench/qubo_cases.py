"""The instances of ``equipoise bench qubo``: independent sets by generator, OR-Library bqp and Gset from a folder."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from equipoise.bench.qubo_solvers import Case
from hw_profiles.errors import InputError

__all__ = ["independent_sets", "library"]

SIZES, DENSITIES = (250, 1000, 2500), (1, 5, 10, 25)
MIS_BETAS = (1.0, 10.0)  #: what suits D-Wave's annealer on independent sets with unit rewards


def independent_sets(sizes: tuple[int, ...], densities: tuple[int, ...], seeds: tuple[int, ...]) -> Iterator[Case]:
    """NeuroBench's instances; the target is its official cost."""
    from equipoise.qubo.neurobench import Instance, targets

    for n in sizes:
        for d in densities:
            for seed in seeds:
                instance = Instance(n, d, seed)
                known = targets().get(instance)
                if known is None:
                    raise InputError(f"no NeuroBench target for {n} nodes, {d} %, seed {seed}")
                bqm = instance.problem().to_bqm()
                yield Case("mis", f"mis-{n}-{d}%-{seed}", bqm, known.official, known.best, MIS_BETAS)


def library(folder: Path, families: tuple[str, ...], match: str = "", smallest: int = 250) -> Iterator[Case]:
    """bqp files (``bqp250_1.txt.gz``) and Gset files (``G1.qubo.txt.gz``) with a value in ``best_known.csv``."""
    from equipoise.qubo import read

    table = folder / "best_known.csv"
    if not table.is_file():
        raise InputError(f"{folder} has no best_known.csv with the columns instance,value")
    with table.open(encoding="utf-8") as lines:
        best = {row["instance"]: float(row["value"]) for row in csv.DictReader(lines)}
    for name, value in best.items():
        size = re.match(r"bqp(\d+)_", name)
        files = sorted(folder.glob(f"{name}.*"))
        family = "bqp" if size else "gset"
        if not files or family not in families or match not in name or (size and int(size[1]) < smallest):
            continue
        problem = read(files[0], format="bqp" if size else "triplet")
        yield Case(family, name, problem.to_bqm(), -value, -value, _betas(problem))


def _betas(problem: Any) -> tuple[float, float]:
    """Our automatic temperature range as inverse temperatures: the best tuning we know for the peers here."""
    from math import log

    from equipoise.targets import TARGETS

    high, low = TARGETS["loihi2-sim"].make("qubo", problem, "two-phase").temperatures(None)
    return log(2) / high, log(2) / low
