"""dimod's own files of binary quadratic models (``bqm.to_file()``), binary or spin."""

from __future__ import annotations

import io
from typing import Any

from equipoise.qubo.formats._base import Fit, Format, Source, check_variables
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError

__all__ = ["FORMAT"]

MAGIC = b"DIMODBQM"


def read(source: Source) -> Problem:
    import dimod

    if fits(source) == "no":
        raise InputError(f"{source.name} is not a dimod BQM file (it should start with {MAGIC.decode()})")
    bqm: Any = dimod.BinaryQuadraticModel.from_file(io.BytesIO(source.data))
    problem = Problem.of(bqm)
    if problem.num_variables == 0:
        raise InputError(f"{source.name}: the problem has zero variables")
    return problem.renamed(name=source.name)


def write(problem: Problem) -> bytes:
    file = problem.to_bqm().to_file()
    file.seek(0)
    data: bytes = file.read()
    return data


def fits(source: Source) -> Fit:
    return "yes" if source.data.startswith(MAGIC) else "no"


def apart(data: bytes) -> None:
    """What dimod's compiled code does with a file, without the rest.

    A damaged index makes dimod add as many variables as the index says, so they are counted here.

    Raises:
        InputError: more variables than a file of this size may declare.
    """
    import dimod

    bqm: Any = dimod.BinaryQuadraticModel.from_file(io.BytesIO(data))
    check_variables(bqm.num_variables, Source(data, "the BQM file"))


FORMAT = Format(
    "bqm", "dimod: the energy of the BQM", read, write, (".bqm",), fits=fits, apart="equipoise.qubo.formats.bqm:apart"
)
