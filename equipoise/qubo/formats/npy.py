"""One square array of NumPy (``numpy.save``): x^T Q x over all its entries."""

from __future__ import annotations

import io

import numpy as np

from equipoise.qubo.formats._base import Fit, Format, Source
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError
from hw_profiles.reading import check_size, parse_npy

__all__ = ["FORMAT"]


def read(source: Source) -> Problem:
    matrix = parse_npy(source.data, source.name)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise InputError(f"{source.name} holds an array of shape {matrix.shape}; expected a square matrix")
    return Problem.of(matrix).renamed(name=source.name)


def write(problem: Problem) -> bytes:
    if problem.offset:
        raise InputError("a .npy matrix has no place for the offset; write an .npz instead")
    check_size(8 * problem.num_variables**2, problem.name or "the problem", "its matrix")
    buffer = io.BytesIO()
    np.save(buffer, problem.to_dense())
    return buffer.getvalue()


def fits(source: Source) -> Fit:
    return "yes" if source.data.startswith(b"\x93NUMPY") else "no"


FORMAT = Format("npy", "x^T Q x: a pair costs Q_ij + Q_ji", read, write, (".npy",), fits=fits)
