"""NPZ: a matrix Q, minimise x^T Q x + offset. Ours, SciPy's ``save_npz``, or one square array named Q.

Ours holds ``linear, rows, cols, pairs, offset, sense`` and, where they are not 0 to n - 1, ``labels`` (JSON text).
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from equipoise.qubo.formats._base import Fit, Format, Source, check_variables
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError
from hw_profiles.reading import check_size, parse_json, parse_npz
from hw_profiles.texts import shown

__all__ = ["FORMAT"]

_MEMORY = 12  #: bytes of memory while reading, for one byte of the arrays (measured, rounded up)
_OURS = {"linear", "rows", "cols", "pairs", "offset", "sense"}


def read(source: Source) -> Problem:
    arrays = parse_npz(source.data, source.name)
    check_size(_MEMORY * sum(a.nbytes for a in arrays.values()), source.name, "the problem")
    if set(arrays) >= _OURS:
        problem = _own(arrays, source.name)
    elif "format" in arrays and "shape" in arrays:
        problem = Problem.of(_scipy(arrays, source), name=source.name)
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
    labels = None
    if "labels" in arrays:
        labels = _labels(str(arrays["labels"]), name)
    sense = str(arrays["sense"])
    shapes = [arrays[k].ndim for k in ("linear", "rows", "cols", "pairs")]
    lengths = {len(arrays[k]) for k in ("rows", "cols", "pairs")} if shapes == [1, 1, 1, 1] else set()
    whole = all(arrays[k].dtype.kind in "iu" for k in ("rows", "cols"))
    if len(lengths) != 1 or sense not in ("minimise", "maximise") or arrays["offset"].size != 1 or not whole:
        raise InputError(f"{name}: the arrays of the problem do not fit together")
    if arrays["offset"].dtype.kind not in "iuf":
        raise InputError(f"{name}: the offset is of type {arrays['offset'].dtype}; expected a number")
    return Problem.build(
        *(arrays[k] for k in ("linear", "rows", "cols", "pairs")),
        offset=arrays["offset"].item(),
        labels=labels,
        sense=sense,
        name=name,
        convention=FORMAT.convention,
    )


def _labels(text: str, name: str) -> list[Any]:
    """Texts and numbers; a tuple came as a list."""
    labels = parse_json(text, f"{name}, labels", "list of labels", "write the file again")
    if not isinstance(labels, list) or any(isinstance(label, dict) for label in labels):
        raise InputError(f"{name}: the labels are {shown(labels)}; expected a list of texts and numbers")
    return [_hashable(label) for label in labels]


def _hashable(label: Any) -> Any:
    return tuple(_hashable(part) for part in label) if isinstance(label, list) else label


def _scipy(arrays: dict[str, Any], source: Source) -> Any:
    """The matrix of ``scipy.sparse.save_npz``, checked before SciPy's compiled code walks over it."""
    import scipy.sparse

    name = source.name
    form = arrays["format"].item() if arrays["format"].size == 1 else b""
    form = form.decode("latin-1") if isinstance(form, bytes) else str(form)
    needed = {"csr": ("data", "indices", "indptr"), "csc": ("data", "indices", "indptr"), "coo": ("data", "row", "col")}
    if form not in needed:
        raise InputError(f"{name}: a sparse matrix in the form {shown(form)}; save it as csr, csc or coo")
    if absent := [part for part in needed[form] if part not in arrays]:
        raise InputError(f"{name}: not a sparse matrix of SciPy, it lacks {', '.join(absent)}")
    shape = arrays["shape"]
    if shape.dtype.kind not in "iu" or shape.shape != (2,) or not (0 <= int(shape.min()) <= int(shape.max()) < 2**31):
        raise InputError(f"{name}: a matrix of shape {shown(shape.tolist())}; expected two sizes")
    rows, cols = (int(size) for size in shape)
    check_variables(max(rows, cols), source)
    data, *indices = (arrays[part] for part in needed[form])
    if data.ndim != 1 or data.dtype.kind not in "biuf" or any(i.ndim != 1 or i.dtype.kind not in "iu" for i in indices):
        raise InputError(f"{name}: the parts of the sparse matrix have the wrong type")
    if form == "coo":
        if len(indices[0]) != len(data) or len(indices[1]) != len(data):
            raise InputError(f"{name}: the sparse matrix has {len(data)} values and another number of places")
        _within(indices[0], rows, name)
        _within(indices[1], cols, name)
        return scipy.sparse.coo_array((data, (indices[0], indices[1])), shape=(rows, cols))
    major, minor = (rows, cols) if form == "csr" else (cols, rows)
    places, starts = indices
    steps = (
        np.diff(starts.astype(np.int64)) if starts.dtype.itemsize < 8 or starts.dtype.kind == "i" else np.array([-1])
    )
    if len(starts) != major + 1 or len(places) != len(data) or int(starts[0]) or int(starts[-1]) != len(data):
        raise InputError(f"{name}: the sparse matrix's indptr does not fit its {major} rows and {len(data)} values")
    if (steps < 0).any():
        raise InputError(f"{name}: the sparse matrix's indptr falls; expected a rising one")
    _within(places, minor, name)
    kind = scipy.sparse.csr_array if form == "csr" else scipy.sparse.csc_array
    return kind((data, places.astype(np.int64), starts.astype(np.int64)), shape=(rows, cols))


def _within(indices: Any, size: int, name: str) -> None:
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < size:
        raise InputError(f"{name}: the sparse matrix names a place outside its {size} rows or columns")


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
