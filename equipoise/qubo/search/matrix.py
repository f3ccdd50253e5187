"""A problem's coefficients in the form the searches walk on: whole numbers, in rows that are dense or sparse.

Real coefficients are rounded to a multiple of a power of two so fine that every flip energy has 50 bits: energies that
are added and taken away millions of times then never drift, and one kernel serves all problems.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError

__all__ = ["Matrix", "whole"]

#: a dense row is read faster than a list of neighbours from about this density on
DENSE_FROM = 0.05
#: dense rows of so many variables take 1.2 GB in 32 bits
DENSE_LIMIT = 17_000
#: flip energies below this leave room in 32 bits for the difference of four of them
NARROW = 2**28


@dataclass(frozen=True, eq=False)
class Matrix:
    """Coefficients of one problem, in the narrowest type in which every flip energy is exact.

    Attributes:
        unit: what 1 means here, in the problem's own cost; 1 for whole numbers.
        linear: (n,) a_i.
        dense: (n, n) J_ij, symmetric with a zero diagonal; (0, 0) where lists are faster.
        indptr, indices, values: the same as lists of neighbours; empty where rows are dense.
    """

    problem: Problem
    unit: int | float
    linear: npt.NDArray[Any]
    dense: npt.NDArray[Any]
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    values: npt.NDArray[Any]

    @classmethod
    def of(cls, problem: Problem, dense: bool | None = None) -> Matrix:
        """Choose form and type.

        Args:
            dense: None for the faster form; True where a search must look up single pairs.

        Raises:
            InputError: dense rows are needed and would not fit.
        """
        n = problem.num_variables
        if dense and n > DENSE_LIMIT:
            raise InputError(f"{n} variables are too many for this search's table of pairs (at most {DENSE_LIMIT})")
        if dense is None:
            dense = n <= DENSE_LIMIT and (problem.density >= DENSE_FROM or n <= 200)
        unit, linear, pairs = whole(problem)
        kind = linear.dtype
        none = np.zeros(0, np.int64)
        if dense:
            table = np.zeros((n, n), kind)
            table[problem.rows, problem.cols] = pairs
            table[problem.cols, problem.rows] = pairs
            return cls(problem, unit, linear, table, none, np.zeros(0, np.int32), np.zeros(0, kind))
        indptr, indices, entry = problem.csr
        return cls(problem, unit, linear, np.zeros((0, 0), kind), indptr, indices, pairs[entry])

    @property
    def n(self) -> int:
        return len(self.linear)

    @cached_property
    def rows(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[Any]]:
        """What the kernels take."""
        return self.dense, self.indptr, self.indices, self.values

    def fields(self, x: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        """(n,) h_i = a_i + sum_j J_ij x_j; turning i on costs h_i, turning it off -h_i."""
        if self.dense.size:
            return self.linear + self.dense[x.astype(bool)].sum(0, dtype=self.linear.dtype)
        on = np.repeat(np.arange(self.n), np.diff(self.indptr))
        added = np.zeros(self.n, self.linear.dtype)
        np.add.at(added, on, self.values * x[self.indices])
        return self.linear + added

    def cost(self, x: npt.NDArray[np.uint8]) -> int:
        """The cost in units, without the problem's offset."""
        ends = self.fields(x).astype(np.int64) + self.linear
        return int(ends[x.astype(bool)].sum()) // 2  # every pair was counted from both ends, every linear term twice


def whole(problem: Problem) -> tuple[int | float, npt.NDArray[Any], npt.NDArray[Any]]:
    """(unit, linear, pairs) as whole numbers of 32 bits if the flip energies fit, else of 64."""
    n = problem.num_variables
    size = np.abs(problem.pairs).astype(np.float64)
    reach = np.abs(problem.linear).astype(np.float64)
    reach = reach + np.bincount(problem.rows, size, n) + np.bincount(problem.cols, size, n)
    largest = float(reach.max(initial=0.0))
    if problem.linear.dtype.kind == "i":
        kind = np.int32 if largest < NARROW else np.int64
        return 1, problem.linear.astype(kind), problem.pairs.astype(kind)
    # Total costs stay inside 62 bits, flip energies inside 50.
    exponent = min(50 - math.frexp(largest)[1], 61 - math.frexp(float(reach.sum()))[1])
    linear, pairs = (np.rint(np.ldexp(part, exponent)).astype(np.int64) for part in (problem.linear, problem.pairs))
    return math.ldexp(1.0, -exponent), linear, pairs
