"""Triplets: ``n``, then lines ``i j q`` counted from 0; minimise the sum of q x_i x_j over the lines."""

from __future__ import annotations

import numpy as np

from equipoise.qubo.formats._base import Fit, Format, Source, check_variables, header_numbers, text_of
from equipoise.qubo.formats._table import check_once, read_table
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError

__all__ = ["FORMAT", "entries"]


def read(source: Source) -> Problem:
    lines = text_of(source)
    (n,) = header_numbers(lines[0], 1, source.name, "'n', the number of variables")
    check_variables(n, source)
    table = read_table(lines[1:], 2, source.name).shifted(0, n, source.name)
    check_once(table, n, source.name)
    return Problem.build(
        np.zeros(n, np.int64),
        table.rows,
        table.cols,
        table.values,
        name=source.name,
        convention=FORMAT.convention,
    )


def entries(problem: Problem) -> list[str]:
    """Lines ``i j q`` counted from 0, linear terms first, each pair once."""
    on = np.flatnonzero(problem.linear).tolist()
    linear = problem.linear.tolist()
    triples = zip(problem.rows.tolist(), problem.cols.tolist(), problem.pairs.tolist())
    return [*(f"{i} {i} {linear[i]!r}" for i in on), *(f"{i} {j} {q!r}" for i, j, q in triples)]


def write(problem: Problem) -> bytes:
    if problem.offset:
        raise InputError("the triplet format has no place for an offset; write npz, coo or qubo")
    return "\n".join([str(problem.num_variables), *entries(problem), ""]).encode()


def fits(source: Source) -> Fit:
    return "yes" if source.widths in ([1], [1, 3]) else "no"


FORMAT = Format(
    "triplet", "triplets: minimise the sum of q x_i x_j over the lines, each pair once", read, write, fits=fits
)
