"""dimod's COO text: lines ``i j bias`` over integer labels; a comment may say ``vartype=SPIN`` or ``BINARY``.

Entries of the same pair add, as in dimod. The variables are the labels that appear, in rising order. An offset is
kept in a comment ``# offset=...``, which dimod ignores.
"""

from __future__ import annotations

import re

import numpy as np

from equipoise.qubo.formats._base import Fit, Format, Source, text_of
from equipoise.qubo.formats._table import number, read_table
from equipoise.qubo.formats.triplet import entries
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError

__all__ = ["FORMAT"]

_COMMENT = re.compile(r"#.*?\b(vartype|offset)\s*[=:]\s*(\S+)")


def read(source: Source) -> Problem:
    lines = text_of(source)
    settings = {m.group(1): m.group(2) for line in lines if (m := _COMMENT.match(line.strip()))}
    vartype = settings.get("vartype", "BINARY")
    if vartype not in ("BINARY", "SPIN"):
        raise InputError(f"{source.name}: vartype {vartype!r}, expected BINARY or SPIN")
    try:
        offset = number(settings.get("offset", "0"))
    except ValueError:
        raise InputError(f"{source.name}: the offset {settings['offset']!r} is not a finite number") from None
    first = next((k for k, line in enumerate(lines) if not line.lstrip().startswith("#")), len(lines))
    body = ["" if line.lstrip().startswith("#") else line for line in lines[first:]]
    if "" in body:
        body = [line for line in body if line.strip()]
    if not body:
        raise InputError(f"{source.name}: the problem has zero variables")
    table = read_table(body, first + 1, source.name)
    if min(table.rows.min(), table.cols.min()) < 0:
        raise InputError(f"{source.name}: a variable label is negative; expected 0 or more")
    labels, place = np.unique(np.concatenate([table.rows, table.cols]), return_inverse=True)
    rows, cols = place[: len(table.rows)], place[len(table.rows) :]
    names = tuple(labels.tolist())
    if vartype == "SPIN":
        import dimod

        own = rows == cols
        bqm = dimod.BinaryQuadraticModel(
            dict.fromkeys(names, 0.0),
            {},
            float(offset),
            "SPIN",
        )
        for i, v in zip(rows[own].tolist(), table.values[own].tolist()):
            bqm.add_linear(names[i], v)
        bqm.add_quadratic_from(
            (names[i], names[j], v)
            for i, j, v in zip(rows[~own].tolist(), cols[~own].tolist(), table.values[~own].tolist())
        )
        return Problem.of(bqm).renamed(name=source.name, convention=f"{FORMAT.convention} (spins)")
    return Problem.build(
        np.zeros(len(names), np.int64),
        rows,
        cols,
        table.values,
        offset=offset,
        labels=names,
        name=source.name,
        convention=FORMAT.convention,
    )


def write(problem: Problem) -> bytes:
    """Variables are written as 0 to n - 1; one without any entry is kept by an entry of 0."""
    used = np.zeros(problem.num_variables, bool)
    used[problem.linear != 0] = True
    used[problem.rows] = True
    used[problem.cols] = True
    head = ["# vartype=BINARY", *([f"# offset={problem.offset!r}"] if problem.offset else [])]
    return "\n".join([*head, *entries(problem), *(f"{i} {i} 0" for i in np.flatnonzero(~used)), ""]).encode()


def fits(source: Source) -> Fit:
    words = source.words
    if not words or ["p", "qubo"] in [line[:2] for line in words]:  # a comment of qbsolv may have three words
        return "no"
    if words[0][0].startswith("#"):
        return "yes"
    return "maybe" if len(words[0]) == 3 else "no"


FORMAT = Format(
    "coo", "dimod COO: the sum of the biases over the lines, entries of a pair add", read, write, (".coo",), fits
)
