"""A QUBO problem: minimise c(x) = offset + sum_i a_i x_i + sum_{i<j} J_ij x_i x_j over x in {0, 1}^n.

Whole-number coefficients stay int64 and every cost is exact; others are float64 and every cost is the correctly
rounded sum of its terms. Make one with `Problem.of` (a BQM, a matrix, a dict, a graph) or `equipoise.qubo.read`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from equipoise.qubo.convert import entries_of
from equipoise.qubo.kernels import both_ways, cost_on, in_order, ordered, survey
from hw_profiles.errors import InputError

if TYPE_CHECKING:
    import dimod

__all__ = ["Problem", "Sense"]

Sense = Literal["minimise", "maximise"]
#: whole-number problems whose coefficients add up to less than this are exact in int64
INTEGER_LIMIT = 2**62


@dataclass(frozen=True, eq=False)
class Problem:
    """A QUBO.

    Attributes:
        linear: (n,) a_i, int64 or float64.
        rows, cols: (m,) int64 indices of the pairs, rows < cols, sorted, none twice.
        pairs: (m,) J_ij, the cost of x_i = x_j = 1 on top of the two linear terms; same type as ``linear``.
        offset: added to every cost, a Python int or float, never rounded into the coefficients.
        labels: one per variable, in the order of every solution string.
        sense: the file's own: where it maximises, the objective is minus the cost.
        name: the file's or generator's name.
        convention: how the coefficients were read, in one sentence.
        vartype: of the source's own variables: ``BINARY``, or ``SPIN`` for s = 2 x - 1.
    """

    linear: npt.NDArray[Any]
    rows: npt.NDArray[np.int64]
    cols: npt.NDArray[np.int64]
    pairs: npt.NDArray[Any]
    offset: int | float = 0
    labels: tuple[Hashable, ...] = ()
    sense: Sense = "minimise"
    name: str = ""
    convention: str = ""
    vartype: str = "BINARY"
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        linear: npt.ArrayLike,
        rows: npt.ArrayLike,
        cols: npt.ArrayLike,
        values: npt.ArrayLike,
        *,
        offset: int | float = 0,
        labels: Iterable[Hashable] | None = None,
        copy: bool = True,
        **kept: Any,
    ) -> Problem:
        """Make a problem from entries in any order; entries of the same pair add, i = i entries are linear.

        ``copy`` False may keep the index arrays themselves, for callers that give them away.

        Raises:
            InputError: not finite, indices out of range, or whole numbers too large to add exactly.
        """
        a, r, c, v = np.asarray(linear), _indices(rows, copy), _indices(cols, copy), np.asarray(values)
        n = len(a)
        a, v, offset = _same_type(a, v, offset)
        inside, upper, rising = in_order(r, c, n)
        if not inside:
            raise InputError(f"a pair names variable {max(r.max(), c.max())}, but there are {n} (0 to {n - 1})")
        if not upper:
            own = r == c
            if own.any():
                np.add.at(a, r[own], v[own])
                r, c, v = r[~own], c[~own], v[~own]
        if not (upper and rising):
            r, c, v = ordered(r, c, v, n)
            if not in_order(r, c, n)[2]:
                new = np.append(True, (np.diff(r) != 0) | (np.diff(c) != 0))
                summed = np.zeros(int(new.sum()), v.dtype)
                np.add.at(summed, np.cumsum(new) - 1, v)
                r, c, v = r[new], c[new], summed
        if not v.all():
            r, c, v = r[v != 0], c[v != 0], v[v != 0]
        names = tuple(range(n)) if labels is None else tuple(labels)
        if len(names) != n:
            raise InputError(f"{len(names)} labels for {n} variables; expected one each")
        return cls(a, r, c, v, offset, names, **kept)

    @classmethod
    def of(cls, source: Any, **kept: Any) -> Problem:
        """Turn whatever holds a QUBO into a problem: see `equipoise.qubo.convert` for each convention.

        A problem is taken as it is, and that of a generated instance likewise.

        Raises:
            InputError: it holds none, or its content cannot be used.
        """
        problem = getattr(source, "problem", source)
        if isinstance(problem, Problem):
            return problem.renamed(**kept) if kept else problem
        return cls.build(**{**entries_of(source)._asdict(), **kept})

    @property
    def num_variables(self) -> int:
        return len(self.linear)

    @property
    def num_pairs(self) -> int:
        return len(self.pairs)

    @property
    def density(self) -> float:
        """Share of the n (n - 1) / 2 pairs that are there."""
        n = self.num_variables
        return self.num_pairs / (n * (n - 1) / 2) if n > 1 else 0.0

    @property
    def integer(self) -> bool:
        """Whether costs are exact whole numbers."""
        return self.linear.dtype.kind == "i" and isinstance(self.offset, int)

    def cost(self, x: npt.ArrayLike) -> int | float:
        """c(x), exact for whole numbers, else the correctly rounded sum of the terms that are on.

        Args:
            x: (n,) zeros and ones in the order of ``labels``.
        """
        on = np.asarray(x).astype(bool)
        if on.shape != (self.num_variables,):
            raise InputError(f"a solution of shape {on.shape} for {self.num_variables} variables")
        if self.linear.dtype.kind == "i":
            whole = int(cost_on(on, self.linear, self.rows, self.cols, self.pairs))
            return whole + self.offset if isinstance(self.offset, int) else math.fsum((whole, self.offset))
        linear, pairs = self.linear[on], self.pairs[on[self.rows] & on[self.cols]]
        return math.fsum([*linear.tolist(), *pairs.tolist(), self.offset])

    def objective(self, cost: int | float) -> int | float:
        """A cost in the file's own sense."""
        return -cost if self.sense == "maximise" else cost

    @cached_property
    def csr(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """(indptr, indices, entry): both directions of every pair, row by row; ``entry`` points into ``pairs``."""
        indptr, indices, entry = both_ways(self.rows, self.cols, self.num_variables)
        return indptr, indices, entry

    def to_dense(self) -> npt.NDArray[Any]:
        """(n, n) upper triangle Q with c(x) = x^T Q x + offset."""
        dense = np.zeros((self.num_variables,) * 2, self.linear.dtype)
        dense[self.rows, self.cols] = self.pairs
        np.fill_diagonal(dense, self.linear)
        return dense

    def to_bqm(self) -> dimod.BinaryQuadraticModel:
        """The same problem as a binary `dimod.BinaryQuadraticModel` over ``labels``."""
        import dimod

        return dimod.BinaryQuadraticModel.from_numpy_vectors(
            self.linear.astype(np.float64),
            (self.rows, self.cols, self.pairs.astype(np.float64)),
            float(self.offset),
            "BINARY",
            variable_order=list(self.labels),
        )

    def renamed(self, **changes: Any) -> Problem:
        """A copy with some attributes replaced."""
        return replace(self, **changes)

    def __repr__(self) -> str:
        kind = "whole" if self.integer else "real"
        name = f" {self.name!r}" if self.name else ""
        return f"<Problem{name}: {self.num_variables} variables, {self.num_pairs} pairs, {kind} coefficients>"


def _indices(values: npt.ArrayLike, copy: bool) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64, order="C") if copy else np.ascontiguousarray(values, np.int64)


def _same_type(
    linear: npt.NDArray[Any], values: npt.NDArray[Any], offset: int | float
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], int | float]:
    """Whole numbers as int64 if they can be added exactly, everything else as float64."""
    if isinstance(offset, np.generic):
        offset = offset.item()
    if isinstance(offset, float) and offset.is_integer():
        offset = int(offset)
    _check_offset(linear, values, offset)
    parts = [_plain(linear), _plain(values)]
    found = [survey(p if p.dtype.kind != "O" else p.astype(np.float64)) for p in parts]
    if not all(finite or part.dtype.kind != "f" for part, (finite, _, _) in zip(parts, found)):
        raise InputError("a coefficient is NaN or infinite; every coefficient must be a finite number")
    if isinstance(offset, float) and not math.isfinite(offset):
        raise InputError("the offset is NaN or infinite; it must be a finite number")
    total = sum(size for _, _, size in found)
    if not math.isfinite(total):
        raise InputError("the coefficients add up beyond the largest float64 (1.8e308); scale them down")
    whole = all(part.dtype.kind != "f" or all_whole for part, (_, all_whole, _) in zip(parts, found))
    if whole and total < INTEGER_LIMIT:
        return parts[0].astype(np.int64), parts[1].astype(np.int64), offset
    for part in parts:
        if part.dtype.kind != "f" and any(int(float(v)) != int(v) for v in part.tolist()):
            raise InputError(
                f"whole-number coefficients that add up to {total:.3g} cannot be added exactly in 64 bits "
                f"(limit {INTEGER_LIMIT:.3g}); scale them down"
            )
    return parts[0].astype(np.float64), parts[1].astype(np.float64), offset


def _plain(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """int64, object (whole numbers beyond it) or float64; nothing else is a coefficient."""
    if values.dtype.kind in "bi" or values.dtype == np.uint32:
        return values.astype(np.int64)
    if values.dtype.kind == "u":
        return values.astype(object) if len(values) and values.max() > 2**63 - 1 else values.astype(np.int64)
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    if values.dtype.kind == "O":
        entries = values.tolist()
        if all(isinstance(v, (int, np.integer)) for v in entries):
            return values.astype(np.int64) if all(abs(int(v)) < 2**63 for v in entries) else values
        try:
            return values.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            pass
    raise InputError(f"coefficients of type {values.dtype} cannot be used; expected whole or real numbers")


def _check_offset(linear: npt.NDArray[Any], values: npt.NDArray[Any], offset: int | float) -> None:
    """No cost may leave float64's range, in which energies are handed on."""
    if abs(offset) <= 1e300 or (isinstance(offset, float) and not math.isfinite(offset)):
        return  # the second is refused with a reason of its own
    if abs(offset) > sys.float_info.max:
        raise InputError("the offset is beyond the largest float64 (1.8e308); leave it out and add it yourself")
    with np.errstate(over="ignore"):
        total = sum(float(np.abs(part.astype(np.float64)).sum()) for part in (linear, values))
    if not math.isfinite(total + abs(offset)):
        raise InputError("offset and coefficients add up beyond the largest float64 (1.8e308); scale them down")
