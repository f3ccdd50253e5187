"""rudy / Gset Max-Cut: ``n m``, then m edges ``i j w`` counted from 1 (w may be missing: 1); maximise the cut.

cut(x) = sum_edges w (x_i + x_j - 2 x_i x_j),   cost = -cut
"""

from __future__ import annotations

from typing import Any

import numpy as np

from equipoise.qubo.formats._base import Fit, Format, Source, check_variables, header_numbers, text_of
from equipoise.qubo.formats._table import Table, check_once, read_table
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError

__all__ = ["FORMAT", "cut_problem"]


def cut_problem(table: Table, n: int, **kept: Any) -> Problem:
    """The QUBO of a Max-Cut: a_i = -(sum of the weights at i), J_ij = 2 w_ij."""
    kind = object if table.values.dtype == object else table.values.dtype
    linear = np.zeros(n, kind)
    np.subtract.at(linear, table.rows, table.values)
    np.subtract.at(linear, table.cols, table.values)
    return Problem.build(
        linear,
        table.rows,
        table.cols,
        2 * table.values,
        sense="maximise",
        labels=range(1, n + 1),
        convention=FORMAT.convention,
        **kept,
    )


def read(source: Source) -> Problem:
    lines = text_of(source)
    n, count = header_numbers(lines[0], 2, source.name, "'n m', nodes and edges")
    check_variables(n, source)
    table = read_table(lines[1:], 2, source.name, default=1, count=count).shifted(1, n, source.name)
    loops = np.flatnonzero(table.rows == table.cols)
    if len(loops):
        raise InputError(
            f"{source.name}: entry {loops[0] + 1} joins node {table.rows[loops[0]] + 1} to itself, which no cut "
            "separates; is this a bqp file (--format bqp)?"
        )
    check_once(table, n, source.name)
    return cut_problem(table, n, name=source.name)


def write(problem: Problem) -> bytes:
    """Only a problem that is a Max-Cut: a_i = -(sum of J_ij) / 2, no offset, even or real pairs."""
    pairs = problem.pairs
    half = -pairs if pairs.dtype.kind == "i" else -pairs / 2
    sums = np.zeros(problem.num_variables, pairs.dtype)
    np.add.at(sums, problem.rows, half)
    np.add.at(sums, problem.cols, half)
    whole = pairs.dtype.kind == "i"
    if (
        problem.offset
        or (whole and (pairs % 2).any())
        or (sums != (2 * problem.linear if whole else problem.linear)).any()
    ):
        raise InputError("this problem is not a Max-Cut; write triplet, qubo, coo or npz")
    weights = (pairs // 2 if whole else pairs / 2).tolist()
    edges = (f"{i + 1} {j + 1} {w!r}" for i, j, w in zip(problem.rows.tolist(), problem.cols.tolist(), weights))
    return "\n".join([f"{problem.num_variables} {problem.num_pairs}", *edges, ""]).encode()


def fits(source: Source) -> Fit:
    """As bqp, which alone has i = i, while this one alone leaves w out."""
    widths = source.widths
    if widths == [2, 2]:
        return "yes"
    return "maybe" if widths in ([2], [2, 3]) else "no"


FORMAT = Format(
    "maxcut",
    "rudy Max-Cut: maximise the weight of the edges between 0 and 1",
    read,
    write,
    (".mc", ".maxcut", ".rud", ".rudy", ".mtx.rud"),
    fits,
)
