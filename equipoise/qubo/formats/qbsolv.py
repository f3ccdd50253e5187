"""qbsolv's .qubo: ``p qubo target maxNodes nNodes nCouplers``, then nodes ``i i q`` and couplers ``i j q``, from 0.

Minimise the sum of q x_i x_j over the lines. maxNodes is the number of variables. Comments start with ``c``; an
offset is kept in a comment ``c offset ...``.
"""

from __future__ import annotations

import numpy as np

from equipoise.qubo.formats._base import Fit, Format, Source, check_variables, header_numbers, text_of
from equipoise.qubo.formats._table import check_once, number, read_table
from equipoise.qubo.formats.triplet import entries
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError
from hw_profiles.texts import shown

__all__ = ["FORMAT"]


def read(source: Source) -> Problem:
    lines = text_of(source)
    head = next((k for k, line in enumerate(lines) if line.split()[:1] == ["p"]), None)
    if head is None:
        raise InputError(f"{source.name}: no line 'p qubo target maxNodes nNodes nCouplers'")
    fields = lines[head].split()
    if len(fields) != 6 or fields[1] != "qubo":
        raise InputError(
            f"{source.name}, line {head + 1}: expected 'p qubo target maxNodes nNodes nCouplers', "
            f"got {shown(lines[head].strip())}"
        )
    n, nodes, couplers = header_numbers(" ".join(fields[3:]), 3, source.name, "'p qubo 0 maxNodes nNodes nCouplers'")
    check_variables(n, source)
    try:
        offset = next((number(f[2]) for f in map(str.split, lines) if f[:2] == ["c", "offset"] and len(f) == 3), 0)
    except ValueError as error:
        raise InputError(f"{source.name}: the offset comment holds no number ({error})") from None
    body = [line for line in lines[head + 1 :] if line.strip() and line.split()[0] != "c"]
    table = read_table(body, head + 2, source.name, count=nodes + couplers).shifted(0, n, source.name)
    if int((table.rows == table.cols).sum()) != nodes:
        raise InputError(
            f"{source.name}: the header promises {nodes} nodes and {couplers} couplers, "
            f"the file holds {int((table.rows == table.cols).sum())} nodes"
        )
    check_once(table, n, source.name)
    return Problem.build(
        np.zeros(n, np.int64),
        table.rows,
        table.cols,
        table.values,
        offset=offset,
        name=source.name,
        convention=FORMAT.convention,
    )


def write(problem: Problem) -> bytes:
    nodes = int(np.count_nonzero(problem.linear))
    head = [f"p qubo 0 {problem.num_variables} {nodes} {problem.num_pairs}"]
    if problem.offset:
        head.insert(0, f"c offset {problem.offset!r}")
    return "\n".join([*head, *entries(problem), ""]).encode()


def fits(source: Source) -> Fit:
    return "yes" if ["p", "qubo"] in [words[:2] for words in source.words] else "no"


FORMAT = Format(
    "qubo", "qbsolv: minimise the sum of q x_i x_j over the lines, each pair once", read, write, (".qubo",), fits
)
