"""QUBO files: one module per format, one table of them. To add a format, write its module and list it here.

The readers are imported when they are used, so that the table is had without the libraries behind them.
"""

from __future__ import annotations

# Imports inside functions are late: the table of formats is read without numba.
import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_profiles.arguments import checked
from hw_profiles.errors import InputError
from hw_profiles.output import Output
from hw_profiles.reading import gunzip, probe_bytes, read_bytes, reading
from hw_profiles.registry import Registry, lazy
from hw_profiles.texts import shown

if TYPE_CHECKING:
    from equipoise.qubo.constraints import ConstrainedProblem
    from equipoise.qubo.formats._base import Format, Source
    from equipoise.qubo.problem import Problem

__all__ = ["FORMATS", "Format", "Source", "read", "read_model", "write"]


def _accept(thing: Any, what: str) -> Format:
    from equipoise.qubo.formats._base import Format

    if not isinstance(thing, Format):
        raise InputError(f"{what} is {thing!r}; expected an equipoise.qubo.formats.Format")
    return thing


FORMATS: Registry[Format] = Registry(
    "format",
    "equipoise.formats",
    (
        lazy("bqp", "equipoise.qubo.formats.bqp:FORMAT", "OR-Library, maximised"),
        lazy("qubo", "equipoise.qubo.formats.qbsolv:FORMAT", "qbsolv"),
        lazy("coo", "equipoise.qubo.formats.coo:FORMAT", "dimod's COO text"),
        lazy("triplet", "equipoise.qubo.formats.triplet:FORMAT", "n, then lines i j q"),
        lazy("maxcut", "equipoise.qubo.formats.maxcut:FORMAT", "graphs of the Gset, cut maximised"),
        lazy("npz", "equipoise.qubo.formats.npz:FORMAT", "NumPy or SciPy matrix, or our own arrays"),
        lazy("npy", "equipoise.qubo.formats.npy:FORMAT", "NumPy matrix"),
        lazy("mtx", "equipoise.qubo.formats.matrix_market:FORMAT", "Matrix Market"),
        lazy("csv", "equipoise.qubo.formats.comma:FORMAT", "a table: a matrix, or rows i, j, q"),
        lazy("bqm", "equipoise.qubo.formats.bqm:FORMAT", "dimod's BQM file"),
        lazy("cqm", "equipoise.qubo.formats.models:CQM", "dimod's CQM file, constraints and all"),
        lazy("lp", "equipoise.qubo.formats.models:LP", "CPLEX LP, constraints and all"),
        lazy("graphml", "equipoise.qubo.formats.graphs:GRAPHML", "a graph"),
        lazy("gml", "equipoise.qubo.formats.graphs:GML", "a graph"),
        lazy("edgelist", "equipoise.qubo.formats.graphs:EDGELIST", "a graph, lines u v [w]"),
        lazy("adjlist", "equipoise.qubo.formats.graphs:ADJLIST", "a graph, lines u and its neighbours"),
    ),
    _accept,
)


def __getattr__(name: str) -> Any:
    if name not in ("Format", "Source"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from equipoise.qubo.formats import _base

    return getattr(_base, name)


@checked
def read(path: str | Path, format: str = "auto", kind: str | None = None) -> Problem:
    """Read a problem; files compressed with gzip are read as they are.

    Args:
        format: one of `FORMATS`, or ``auto``: decided from the content, refused where two formats fit.
        kind: what is asked of a graph (mis, cover, maxcut, colouring, ...), for files that hold one.

    Raises:
        InputError: one sentence that names the file, the line and what was expected.
    """
    known, source = _open(path, format)
    with reading(source.name, "problem file", f"it was read as {known.name}"):
        return known.read(source) if kind is None else _on_graph(known, source, kind)


def read_model(path: str | Path, format: str = "auto", kind: str | None = None) -> Problem | ConstrainedProblem:
    """As `read`, for files that may hold constraints too."""
    known, source = _open(path, format)
    with reading(source.name, "problem file", f"it was read as {known.name}"):
        if kind is not None:
            return _on_graph(known, source, kind)
        if known.model is None:
            return known.read(source)
        model = known.model(source)
        return model if model.constraints or model.encodings else model.objective


def _on_graph(known: Format, source: Source, kind: str) -> Problem:
    from equipoise.qubo.formats.graphs import graph_problem

    if known.graph is None:
        graphs = ", ".join(name for name, one in FORMATS.usable().items() if one.graph is not None)
        raise InputError(f"{source.name} was read as {known.name}, which is a problem already; --as is for {graphs}")
    return graph_problem(known.graph(source), source.name, kind)


def _open(path: str | Path, format: str) -> tuple[Format, Source]:
    """The format of a file, and its content."""
    from equipoise.qubo.formats._base import Source
    from equipoise.qubo.formats.detect import detect

    if format != "auto":
        FORMATS.check(format)
    path = Path(path)
    data = read_bytes(path, "problem file", "give a file that can be read")
    if data[:2] == b"\x1f\x8b":
        data = gunzip(data, path.name)
    if not data.strip():
        raise InputError(f"{path.name} is empty; expected a problem")
    source = Source(data, path.name)
    name = detect(source, FORMATS.usable()) if format == "auto" else format
    if name == "npz" and data[:2] != b"PK":
        raise InputError(f"{path.name} is not an .npz file")
    known = FORMATS[name]
    if known.apart:
        probe_bytes(known.apart, data, path.name)
    return known, source


@checked
def write(problem: Problem, path: str | Path, format: str | None = None, *, overwrite: bool = False) -> Path:
    """Write ``problem``; the format follows from the suffix (``.gz`` compresses) unless given.

    The file appears whole or not at all.

    Raises:
        InputError: no format for the suffix, the file exists, or the format cannot hold the problem.
    """
    if not hasattr(problem, "num_variables"):
        raise InputError(f"cannot write {shown(problem)}; expected an equipoise.qubo.Problem")
    output = Output(path, force=overwrite)
    path = output.path
    bare = Path(path.name.removesuffix(".gz"))
    suffixes = {suffix: name for name, known in FORMATS.usable().items() for suffix in known.suffixes}
    name = format or suffixes.get(bare.suffix.lower(), "triplet" if bare.suffix in ("", ".txt") else "")
    if not name:
        raise InputError(
            f"no format for the suffix {bare.suffix!r} of {path.name}; use {', '.join(sorted(suffixes))} or .txt "
            f"(triplet), or give a format: {', '.join(FORMATS)}"
        )
    encode = FORMATS[name].write
    if encode is None:
        writable = ", ".join(n for n, known in FORMATS.usable().items() if known.write is not None)
        raise InputError(f"the format {name} is only read; to write there are {writable}")
    data = encode(problem)
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    return output.put(data)
