"""NPZ: a matrix Q, minimise x^T Q x + offset. Ours, SciPy's ``save_npz``, or one square array named Q.

Ours holds ``linear, rows, cols, pairs, offset, sense`` and, where they are not 0 to n - 1, ``labels`` (JSON text).
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np

from equipoise.qubo.formats._base import Fit, Format, Source
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError

__all__ = ["FORMAT"]

_OURS = {"linear", "rows", "cols", "pairs", "offset", "sense"}


def read(source: Source) -> Problem:
    try:
        with np.load(io.BytesIO(source.data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError, AttributeError) as error:
        raise InputError(f"{source.name} is not a readable .npz file ({str(error)[:80]})") from None
    if set(arrays) >= _OURS:
        problem = _own(arrays, source.name)
    elif "format" in arrays and "shape" in arrays:
        problem = _scipy(source)
    else:
        names = ["Q"] if "Q" in arrays else list(arrays)
        if len(names) != 1:
            raise InputError(
                f"{source.name} holds the arrays {', '.join(sorted(arrays)) or 'none'}; expected one square matrix, "
                "named Q if there are more, or the layout of scipy.sparse.save_npz"
            )
        problem = Problem.of(arrays[names[0]], name=source.name)
    if problem.num_variables == 0:
        raise InputError(f"{source.name}: the problem has zero variables")
    return problem


def _own(arrays: dict[str, Any], name: str) -> Problem:
    try:
        labels = json.loads(str(arrays["labels"])) if "labels" in arrays else None
        sense = str(arrays["sense"])
        shapes = [arrays[k].ndim for k in ("linear", "rows", "cols", "pairs")]
        lengths = {len(arrays[k]) for k in ("rows", "cols", "pairs")} if shapes == [1, 1, 1, 1] else set()
        if len(lengths) != 1 or sense not in ("minimise", "maximise") or arrays["offset"].size != 1:
            raise InputError(f"{name}: the arrays of the problem do not fit together")
        return Problem.build(
            *(arrays[k] for k in ("linear", "rows", "cols", "pairs")),
            offset=arrays["offset"].item(),
            labels=labels,
            sense=sense,
            name=name,
            convention=FORMAT.convention,
        )
    except (ValueError, TypeError) as error:
        raise error if isinstance(error, InputError) else InputError(f"{name}: {error}") from None


def _scipy(source: Source) -> Problem:
    import scipy.sparse

    try:
        matrix = scipy.sparse.load_npz(io.BytesIO(source.data))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{source.name}: not a sparse matrix of SciPy ({str(error)[:80]})") from None
    return Problem.of(matrix, name=source.name)


def write(problem: Problem) -> bytes:
    arrays: dict[str, Any] = {
        "linear": problem.linear,
        "rows": problem.rows,
        "cols": problem.cols,
        "pairs": problem.pairs,
        "offset": np.array(problem.offset),
        "sense": np.array(problem.sense),
    }
    if problem.labels != tuple(range(problem.num_variables)):
        arrays["labels"] = np.array(json.dumps(list(problem.labels), default=str))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def fits(source: Source) -> Fit:
    return "yes" if source.data[:4] == b"PK\x03\x04" else "no"


FORMAT = Format("npz", "x^T Q x: a pair costs Q_ij + Q_ji", read, write, (".npz",), fits=fits)
