"""Matrix Market (NIST): a square sparse or dense matrix Q, minimise x^T Q x; read and written by SciPy."""

from __future__ import annotations

import io
from typing import Any

from equipoise.qubo.formats._base import Fit, Format, Source
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError
from hw_profiles.reading import check_size

__all__ = ["FORMAT"]

MAGIC = b"%%MatrixMarket"


def read(source: Source) -> Problem:
    from scipy.io import mmread

    _check_header(source)
    matrix: Any = mmread(io.BytesIO(source.data))
    return Problem.of(matrix).renamed(name=source.name)


def _check_header(source: Source) -> None:
    """Kind and declared sizes, before anything of that size is made."""
    lines = source.data.split(b"\n", 200)
    kind = lines[0].lower().split()
    if len(kind) != 5 or kind[0] != MAGIC.lower() or kind[1] != b"matrix":
        raise InputError(f"{source.name} is not a Matrix Market matrix (first line {lines[0][:60]!r})")
    if kind[3] not in (b"real", b"integer", b"double") or kind[4] not in (b"general", b"symmetric"):
        raise InputError(
            f"{source.name} is a {kind[3].decode()} {kind[4].decode()} matrix; expected real or integer, general or "
            "symmetric"
        )
    size = next((line for line in lines[1:] if line.strip() and not line.startswith(b"%")), b"")
    try:
        numbers = [int(word) for word in size.split()]
    except ValueError:
        numbers = []
    sparse = kind[2] == b"coordinate"
    if len(numbers) != (3 if sparse else 2) or min(numbers) < 0:
        raise InputError(
            f"{source.name}: the line of sizes is {size[:60]!r}; expected rows, columns" + ", entries" * sparse
        )
    if numbers[0] != numbers[1] or numbers[0] == 0:
        raise InputError(f"{source.name}: a QUBO matrix must be square, got {numbers[0]} x {numbers[1]}")
    entries = numbers[2] if sparse else numbers[0] * numbers[1] // (2 if kind[4] == b"symmetric" else 1)
    least = 2 * entries  # an entry is a digit and a space or the end of a line, at least
    if least > len(source.data) + 2:
        raise InputError(f"{source.name} announces {entries} entries, more than its {len(source.data)} bytes can hold")
    check_size(80 * numbers[0] + 60 * entries, source.name, f"a problem of {numbers[0]} variables")


def write(problem: Problem) -> bytes:
    import scipy.sparse
    from scipy.io import mmwrite

    if problem.offset:
        raise InputError("a Matrix Market file has no place for the offset; write an .npz instead")
    n = problem.num_variables
    own = problem.linear != 0
    rows = [*problem.rows.tolist(), *own.nonzero()[0].tolist()]
    cols = [*problem.cols.tolist(), *own.nonzero()[0].tolist()]
    values = [*problem.pairs.tolist(), *problem.linear[own].tolist()]
    kind = problem.linear.dtype
    matrix = scipy.sparse.coo_array((values, (rows, cols)), shape=(n, n), dtype=kind)
    buffer = io.BytesIO()
    mmwrite(buffer, matrix, comment="minimise x^T Q x over x in {0, 1}", symmetry="general", precision=17)
    return buffer.getvalue()


def fits(source: Source) -> Fit:
    return "yes" if source.data[: len(MAGIC)].lower() == MAGIC.lower() else "no"


def apart(data: bytes) -> None:
    """What SciPy's compiled code does with a file, without the rest."""
    from scipy.io import mmread

    try:
        _check_header(Source(data, ""))
    except InputError:
        return  # `read` says so before it gives anything to SciPy
    mmread(io.BytesIO(data))


FORMAT = Format(
    "mtx", "x^T Q x: a pair costs Q_ij + Q_ji", read, write, (".mtx", ".mm"), fits=fits,
    apart="equipoise.qubo.formats.matrix_market:apart",
)  # fmt: skip
