"""A file format of one's own: one line per term, ``i:j:q``, after a line that names it."""

from __future__ import annotations

import numpy as np

from equipoise import InputError
from equipoise.qubo import Problem
from equipoise.qubo.formats import Format, Source

HEAD = "colon qubo"


def read(source: Source) -> Problem:
    try:
        terms = [(int(i), int(j), int(q)) for i, j, q in (line.split(":") for line in source.lines[1:] if line)]
    except ValueError as error:
        raise InputError(f"{source.name}: expected lines i:j:q ({error})") from None
    table = np.array(terms).reshape(-1, 3)
    n = int(table[:, :2].max(initial=0)) + 1
    return Problem.build(np.zeros(n, int), table[:, 0], table[:, 1], table[:, 2], name=source.name)


def write(problem: Problem) -> bytes:
    linear = [f"{i}:{i}:{q}" for i, q in enumerate(problem.linear.tolist())]
    pairs = [f"{i}:{j}:{q}" for i, j, q in zip(problem.rows, problem.cols, problem.pairs.tolist())]
    return "\n".join([HEAD, *linear, *pairs, ""]).encode()


def fits(source: Source):
    return "yes" if source.data.startswith(HEAD.encode()) else "no"


FORMAT = Format("colon", "colon lines: minimise the sum of q x_i x_j", read, write, (".colon",), fits=fits)
