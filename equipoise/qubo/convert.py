"""Everything that can hold a QUBO, read as the entries of a `Problem`; each source states its convention.

| source | cost |
|---|---|
| `dimod.BinaryQuadraticModel` | its energy; spins become s = 2 x - 1; variables in sorted order |
| dict ``{(i, j): q}`` | sum of q x_i x_j over the keys, each key once (dimod's convention) |
| NumPy array or SciPy sparse matrix Q | x^T Q x over all entries: a pair costs Q_ij + Q_ji, symmetric or not |
| `networkx.Graph` | edge ``weight`` (1 if missing) per pair, node ``weight`` (0 if missing) per variable |
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from equipoise.qubo.kernels import ordered
from hw_profiles.errors import InputError
from hw_profiles.texts import shown

__all__ = ["Entries", "entries_of", "from_bqm", "from_dict", "from_graph", "from_matrix", "sorted_labels"]


class Entries(NamedTuple):
    """What `Problem.build` takes."""

    linear: Any
    rows: Any
    cols: Any
    values: Any
    offset: Any = 0
    labels: Iterable[Hashable] | None = None
    convention: str = ""
    vartype: str = "BINARY"
    copy: bool = True


def entries_of(source: Any) -> Entries:
    """Read ``source``; see the table above.

    Raises:
        InputError: it is none of the kinds in the table, or its content cannot be used.
    """
    for fits, convert in _CONVERSIONS:
        if fits(source):
            return convert(source)
    if hasattr(source, "constraints") and hasattr(source, "objective"):
        raise InputError(
            f"a {type(source).__name__} has constraints: solve it with equipoise.qubo.solve_constrained, or "
            "make a plain problem of it (ConstrainedProblem.of(model).to_problem())"
        )
    raise InputError(
        f"cannot make a problem of a {type(source).__name__}; expected a dimod BQM, a square NumPy or SciPy matrix, "
        "a dict {(i, j): q} or a networkx graph"
    )


def sorted_labels(labels: Iterable[Hashable]) -> list[Hashable]:
    """The labels in an order that does not depend on how they came: by value where they compare, else by text."""
    names = list(labels)
    kinds = {type(name) for name in names}
    if len(kinds) <= 1 and kinds <= {int, str, bytes, float}:
        return sorted(names)  # type: ignore[type-var]
    return sorted(names, key=lambda name: (type(name).__name__, name if isinstance(name, int) else 0, repr(name)))


def from_bqm(bqm: Any) -> Entries:
    """A dimod BQM, binary or spin. The result does not depend on the order its variables were added in."""
    import dimod

    order = sorted_labels(bqm.variables)
    linear, (rows, cols, values), offset = bqm.to_numpy_vectors(variable_order=order)
    linear, values = _real(linear), _real(values)
    # Sums below are then taken in one order, whatever the order of insertion.
    if values.dtype.kind == "O":
        low, high = np.minimum(rows, cols), np.maximum(rows, cols)
        place = np.lexsort((high, low))
        rows, cols, values = low[place], high[place], values[place]
    else:
        rows, cols, values = ordered(np.ascontiguousarray(rows), np.ascontiguousarray(cols), values, len(order))
    offset = offset.item() if hasattr(offset, "item") else offset
    if bqm.vartype is dimod.SPIN:
        # s = 2 x - 1:  h s + J s s'  =  2 h x - h + J (4 x x' - 2 x - 2 x' + 1)
        n = len(order)
        shift = np.zeros(n, values.dtype)
        np.add.at(shift, rows, values)
        np.add.at(shift, cols, values)
        offset = offset + _sum(values) - _sum(linear)
        linear, values = 2 * linear - 2 * shift, 4 * values
    return Entries(linear, rows, cols, values, offset, order, "the energy of the BQM", bqm.vartype.name, copy=False)


def _real(values: Any) -> Any:
    """float32 carries its values exactly into float64; objects stay what they are."""
    array = np.asarray(values)
    return np.array(array, np.float64, order="C") if array.dtype.kind == "f" else np.ascontiguousarray(array)


def _sum(values: Any) -> Any:
    if values.dtype.kind == "f":
        return math.fsum(values.tolist())
    return sum(values.tolist())


def from_dict(entries: Mapping[tuple[Hashable, Hashable], Any]) -> Entries:
    """``{(i, j): q}``: the sum of q x_i x_j over the keys; (i, j) and (j, i) add, (i, i) is linear."""
    for key in entries:
        if not isinstance(key, tuple) or len(key) != 2:
            raise InputError(f"a QUBO dict needs keys (i, j), got {shown(key)}")
        if not isinstance(entries[key], (int, float, np.number)):
            raise InputError(f"a QUBO dict holds {shown(entries[key])} for {shown(key)}; expected a number")
    order = sorted_labels({name for key in entries for name in key})
    place = {name: i for i, name in enumerate(order)}
    keys = sorted((min(place[i], place[j]), max(place[i], place[j]), place[i], q) for (i, j), q in entries.items())
    values = np.array([q for *_, q in keys]) if keys else np.zeros(0)
    return Entries(
        np.zeros(len(order), np.int64),
        np.array([k[0] for k in keys], np.int64),
        np.array([k[1] for k in keys], np.int64),
        values,
        labels=order,
        convention="the sum of q x_i x_j over the keys of the dict, each key once",
    )


def from_matrix(matrix: Any) -> Entries:
    """A square NumPy array or SciPy sparse matrix: x^T Q x over all its entries."""
    import scipy.sparse

    if scipy.sparse.issparse(matrix):
        as_any: Any = matrix
        sparse = as_any.tocoo()
        rows, cols, values, shape = sparse.row, sparse.col, sparse.data, sparse.shape
    else:
        try:
            dense = np.asarray(matrix)
        except (ValueError, TypeError, OverflowError):
            raise InputError(f"a QUBO matrix is {shown(matrix)}; expected rows of one length, of numbers") from None
        if dense.ndim != 2:
            raise InputError(f"a QUBO matrix has two dimensions, got shape {dense.shape}")
        if dense.dtype.kind not in "biufO":
            raise InputError(f"a QUBO matrix of type {dense.dtype} cannot be used; expected whole or real numbers")
        if dense.dtype.kind == "O" and not all(isinstance(v, (int, float, np.number)) for v in dense.flat):
            raise InputError("a QUBO matrix holds an entry that is no number; expected whole or real numbers")
        rows, cols = np.nonzero(dense)
        values, shape = dense[rows, cols], dense.shape
    if shape[0] != shape[1]:
        raise InputError(f"a QUBO matrix must be square, got shape {shape}")
    convention = _symmetry(rows, cols, values, shape[0])
    return Entries(np.zeros(shape[0], values.dtype), rows, cols, values, convention=convention)


def _symmetry(rows: Any, cols: Any, values: Any, n: int) -> str:
    """Say which convention is read, by the shape of the matrix."""
    off = rows != cols
    r, c, v = np.asarray(rows, np.int64)[off], np.asarray(cols, np.int64)[off], values[off]
    upper, lower = (r < c).any(), (r > c).any()
    if not (upper and lower):
        return "x^T Q x with a triangular Q: a pair costs its one entry"
    forward, back = np.argsort(r * n + c, kind="stable"), np.argsort(c * n + r, kind="stable")
    same = (r[forward] == c[back]).all() and (c[forward] == r[back]).all() and (v[forward] == v[back]).all()
    if same:
        return "x^T Q x with a symmetric Q: a pair costs 2 Q_ij"
    return "x^T Q x with an asymmetric Q: a pair costs Q_ij + Q_ji"


def from_graph(graph: Any) -> Entries:
    """A networkx graph whose edges and nodes may carry ``weight``: the cost of having both ends, or the node, on."""
    if graph.is_directed() or graph.is_multigraph():
        raise InputError("a directed graph or multigraph has no single cost per pair; convert it to networkx.Graph")
    if not any("weight" in d for *_, d in (*graph.nodes(data=True), *graph.edges(data=True))):
        warnings.warn(
            "the graph has no weights: a pair costs 1, so nothing on is best; for its independent sets, cuts or covers "
            "see equipoise.qubo.generators",
            stacklevel=5,
        )
    entries: dict[tuple[Hashable, Hashable], Any] = {(v, v): d.get("weight", 0) for v, d in graph.nodes(data=True)}
    for i, j, data in graph.edges(data=True):
        entries[(i, j)] = entries.get((i, j), 0) + data.get("weight", 1)
    return from_dict(entries)._replace(convention="edge weight per pair, node weight per variable")


def _has(*names: str) -> Any:
    return lambda source: all(hasattr(source, name) for name in names)


_CONVERSIONS: tuple[tuple[Any, Any], ...] = (
    (_has("to_numpy_vectors", "vartype"), from_bqm),
    (_has("nodes", "edges", "is_directed"), from_graph),
    (lambda source: isinstance(source, Mapping), from_dict),
    (_has("tocoo"), from_matrix),
    (lambda source: isinstance(source, (np.ndarray, list)), from_matrix),
)
