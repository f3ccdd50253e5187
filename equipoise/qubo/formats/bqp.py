"""OR-Library bqp: ``n m``, then m lines ``i j q`` counted from 1; maximise x^T Q x, off-diagonals count twice."""

from __future__ import annotations

import numpy as np

from equipoise.qubo.formats._base import Fit, Format, Source, check_variables, header_numbers, text_of
from equipoise.qubo.formats._table import check_once, read_table
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError

__all__ = ["FORMAT"]


def read(source: Source) -> Problem:
    lines = text_of(source)
    if len(lines) > 1 and len(lines[0].split()) == 1 and len(lines[1].split()) == 2:
        raise InputError(
            f"{source.name} is an OR-Library file of {lines[0].strip()} problems; give one problem per file: "
            "cut it before each line 'n m'"
        )
    n, count = header_numbers(lines[0], 2, source.name, "'n m', variables and entries")
    check_variables(n, source)
    table = read_table(lines[1:], 2, source.name, count=count).shifted(1, n, source.name)
    check_once(table, n, source.name)
    off = table.rows != table.cols
    values = np.where(off, -2 * table.values, -table.values)
    return Problem.build(
        np.zeros(n, np.int64),
        table.rows,
        table.cols,
        values,
        labels=range(1, n + 1),
        sense="maximise",
        name=source.name,
        convention=FORMAT.convention,
    )


def write(problem: Problem) -> bytes:
    """Cost c(x) becomes the objective -c(x), so pairs must be even or real; the offset has no place."""
    if problem.offset:
        raise InputError("bqp has no place for an offset; write npz, coo or qubo")
    pairs = problem.pairs
    if pairs.dtype.kind == "i" and (pairs % 2).any():
        raise InputError("bqp counts every pair twice, and a pair of this problem is odd; write triplet, coo or npz")
    half = -pairs // 2 if pairs.dtype.kind == "i" else -pairs / 2
    on = np.flatnonzero(problem.linear)
    rows = np.concatenate([on, problem.rows]) + 1
    cols = np.concatenate([on, problem.cols]) + 1
    values = np.concatenate([-problem.linear[on], half])
    order = np.lexsort((cols, rows))
    body = "".join(f"{rows[k]} {cols[k]} {values[k].item()!r}\n" for k in order)
    return f"{problem.num_variables} {len(rows)}\n{body}".encode()


def fits(source: Source) -> Fit:
    """As maxcut: both start with ``n m`` and list ``i j w`` from 1; only this one has i = i."""
    widths = source.widths
    if widths == [1, 2]:
        return "yes"  # an OR-Library collection: the reader says what to do
    if widths not in ([2], [2, 3]):
        return "no"
    entries = (line.split(None, 2) for line in source.lines[1:])
    return "yes" if any(words[0] == words[1] for words in entries if len(words) > 1) else "maybe"


FORMAT = Format(
    "bqp",
    "OR-Library bqp: maximise x^T Q x, an off-diagonal entry counts twice",
    read,
    write,
    (".bqp", ".sparse"),
    fits,
)
