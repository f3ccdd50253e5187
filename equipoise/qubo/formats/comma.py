"""Tables of numbers separated by commas, semicolons or tabs, as spreadsheets and pandas write them.

A square table is the matrix Q of x^T Q x; a first row or column of names is taken as the variables' labels. A table of
three columns with a header, or with more than three rows, is a list ``i, j, q``: the sum of q x_i x_j, names kept.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np

from equipoise.qubo.formats._base import Fit, Format, Source, text_of
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError
from hw_profiles.reading import check_size

__all__ = ["FORMAT"]

#: what the columns of a list of pairs are called; three rows under other names are a matrix
PAIRS = {("i", "j"), ("u", "v"), ("row", "col"), ("row", "column"), ("source", "target"), ("from", "to")}


def read(source: Source) -> Problem:
    lines = [line for line in text_of(source) if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise InputError(f"{source.name} is empty; expected a problem")
    mark = _separator(lines[0])
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=mark)]
    width = len(rows[0])
    wrong = next((k for k, row in enumerate(rows) if len(row) != width), None)
    if wrong is not None and not (wrong == 1 and all(len(row) == width + 1 for row in rows[1:])):
        raise InputError(f"{source.name}: row {wrong + 1} has {len(rows[wrong])} cells, the first has {width}")
    head = [cell for cell in rows[0] if _number(cell) is None]
    listed = tuple(cell.lower() for cell in rows[0][:2]) in PAIRS
    if width == 3 and (listed or ((head or len(rows) > 3) and len(rows) - bool(head) != 3)):
        return _list(rows[1:] if head else rows, 1 + bool(head), source.name)
    return _matrix(rows, bool(head), source.name)


def _list(rows: list[list[str]], first: int, name: str) -> Problem:
    entries: dict[tuple[Any, Any], int | float] = {}
    for k, (i, j, q) in enumerate(rows):
        value = _number(q)
        if value is None:
            raise InputError(f"{name}: row {first + k}: {q[:40]!r} is no number; expected i, j, q")
        pair = (_name(i), _name(j))
        if pair in entries or (pair[::-1] in entries and pair[0] != pair[1]):
            raise InputError(f"{name}: row {first + k} names the pair {i}, {j} a second time")
        entries[pair] = value
    return Problem.of(entries).renamed(name=name, convention="the sum of q x_i x_j over the rows, each pair once")


def _matrix(rows: list[list[str]], head: bool, name: str) -> Problem:
    body = rows[1:] if head else rows
    wide = bool(body) and len(body[0]) == len(body) + 1
    named = wide and (head or any(_number(row[0]) is None for row in body))
    labels: list[Any] = [_name(row[0]) for row in body] if named else []
    body = [row[1:] for row in body] if named else body
    n = len(body)
    if not body or len(body[0]) != n:
        raise InputError(
            f"{name}: a table of {n} rows and {len(body[0]) if body else 0} columns; expected a square matrix, "
            "or three columns i, j, q"
        )
    if head and not labels:
        labels = [_name(cell) for cell in rows[0][-n:]]
    check_size(100 * n * n, name, f"a matrix of {n} variables")
    values = np.empty((n, n), object)
    for i, row in enumerate(body):
        for j, cell in enumerate(row):
            value = _number(cell) if cell else 0
            if value is None:
                raise InputError(f"{name}: row {i + 1 + head}: {cell[:40]!r} is no number")
            values[i, j] = value
    kept: dict[str, Any] = {"labels": tuple(labels)} if labels and len(set(labels)) == n else {}
    return Problem.of(values).renamed(name=name, **kept)


def _separator(line: str) -> str:
    return max(",;\t", key=line.count)


def _number(cell: str) -> int | float | None:
    if cell.lstrip("+-").isdecimal() and len(cell) < 40:
        return int(cell)
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _name(cell: str) -> Any:
    return int(cell) if cell.lstrip("-").isdecimal() and len(cell) < 19 else cell


def write(problem: Problem) -> bytes:
    if problem.offset:
        raise InputError("a table has no place for the offset; write an .npz or .coo instead")
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(["i", "j", "q"])
    labels = problem.labels
    table.writerows([labels[i], labels[i], a] for i, a in enumerate(problem.linear.tolist()))
    table.writerows(
        [labels[i], labels[j], q]
        for i, j, q in zip(problem.rows.tolist(), problem.cols.tolist(), problem.pairs.tolist())
    )
    return buffer.getvalue().encode()


def fits(source: Source) -> Fit:
    """By its first two rows: separators that are no blanks, equally many."""
    rows = [line for line in source.lines[:50] if line.strip() and not line.startswith("#")][:2]
    if b"\0" in source.data[:4096] or not rows or rows[0].lstrip()[:1] in ("<", "{", "["):
        return "no"
    counts = [row.count(_separator(rows[0])) for row in rows]
    return "maybe" if counts[0] and abs(counts[0] - counts[-1]) <= 1 else "no"


FORMAT = Format("csv", "table: a square matrix Q, or rows i, j, q", read, write, (".csv", ".tsv"), fits=fits)
