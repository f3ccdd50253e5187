"""Exact enumeration agrees on the ground state: 200 random problems of each kind, by every scheme, in every format.

Each problem has 2 to 18 variables. Every scheme of the annealing neurons, and parallel tempering on them, finds a state
that is evaluated again from the coefficients that were drawn. Every format holds the problems to the last coefficient
(the format found out from the file), in the file's own sense. Four sets of 200 problems, because not every format can
hold every problem: bqp counts pairs twice (even pair costs, no offset), rudy files hold cuts, some have no offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from equipoise.qubo import Problem, quantise, read, solve, write
from equipoise.qubo.formats import FORMATS
from substrates.loihi2.annealing import SCHEMES, Loihi2Annealer, Settings

COUNT = 200
SUFFIXES = {
    "bqp": ".bqp", "qubo": ".qubo", "coo": ".coo", "triplet": ".txt", "maxcut": ".mc", "npz": ".npz",
    "npy": ".npy", "mtx": ".mtx", "csv": ".csv", "bqm": ".bqm",
}  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """An upper triangular matrix, an offset and the lowest x^T Q x + offset of all states."""

    matrix: npt.NDArray[np.int64]
    offset: int
    ground: int

    def cost(self, x: npt.ArrayLike) -> int:
        bits = np.asarray(x, np.int64)
        return int(bits @ self.matrix @ bits) + self.offset


def enumerate_costs(matrix: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """x^T Q x of all 2^n states, Q upper triangular; variable k doubles the list: states without it, states with it."""
    costs = np.zeros(1, np.int64)
    for k in range(len(matrix)):
        field = np.array([matrix[k, k]])
        for i in range(k):
            field = np.concatenate([field, field + matrix[i, k]])
        costs = np.concatenate([costs, costs + field])
    return costs


def test_the_enumeration_is_right() -> None:
    matrix = np.triu(np.random.default_rng(0).integers(-9, 10, (5, 5)))
    states = (np.arange(32)[:, None] >> np.arange(5)) & 1
    np.testing.assert_array_equal(enumerate_costs(matrix), [x @ matrix @ x for x in states])


def general(rng: np.random.Generator, n: int, number: int) -> npt.NDArray[np.int64]:
    """Sparse to dense, from +-1 to wide and mixed to one sign; the last variable may be isolated."""
    low, high = [(-50, 51), (0, 20), (-1, 2), (-200, 201), (-20, 1)][number % 5]
    pairs = np.triu(rng.integers(low, high, (n, n)), 1) * (rng.random((n, n)) < rng.uniform(0.1, 1))
    matrix: npt.NDArray[np.int64] = pairs + np.diag(rng.integers(-20, 20, n))
    if number % 7 == 0:
        matrix[:-1, -1] = 0
    return matrix


def cut(rng: np.random.Generator, n: int, number: int) -> npt.NDArray[np.int64]:
    """Minus the cut of a graph with weights of 1, of +-1, or wide."""
    low, high = [(1, 2), (-1, 2), (-30, 31)][number % 3]
    weights = np.triu(rng.integers(low, high, (n, n)), 1) * (rng.random((n, n)) < rng.uniform(0.2, 1))
    matrix: npt.NDArray[np.int64] = 2 * weights - np.diag((weights + weights.T).sum(1))
    return matrix


@cache
def problems(kind: str) -> tuple[Drawn, ...]:
    """The 200 problems of a kind, each enumerated once."""
    rng = np.random.default_rng([ord(c) for c in kind])
    drawn = []
    for number in range(COUNT):
        n = int(rng.integers(2, 19))
        if kind == "cut":
            matrix = cut(rng, n, number)
        else:
            matrix = general(rng, n, number)
            if kind == "even":
                matrix += np.triu(matrix, 1)
        offset = int(rng.integers(-100, 101)) if kind == "offset" else 0
        drawn.append(Drawn(matrix, offset, int(enumerate_costs(matrix).min()) + offset))
    assert max(len(d.matrix) for d in drawn) == 18
    return tuple(drawn)


KINDS = {
    "bqp": "even", "maxcut": "cut", "triplet": "any", "qubo": "offset", "coo": "offset", "npz": "offset",
    "npy": "any", "mtx": "any", "csv": "any", "bqm": "offset",
}  # fmt: skip


def temper(problem: Problem, seed: int, target: int) -> npt.NDArray[np.uint8]:
    """The best state of parallel tempering; as long as it takes, 60000 steps of each replica at most."""
    q = quantise(problem)
    indptr, indices, weights, diagonal = q.csr()
    machine = Loihi2Annealer(
        indptr, indices, weights >> q.shift, diagonal >> q.shift, Settings(exponent=q.shift)
    )  # the smallest integers, as the front end does it
    size = max(int(np.abs(problem.to_dense()).max()), 1)
    heat = min(int(2 * size * q.scale), 65535)
    found = machine.temper(
        [seed], steps=60_000, replicas=4, temperatures=(heat, max(heat // 40, 1)),
        target_cost=q.units(target) >> q.shift,
    )  # fmt: skip
    return found.states[0]


def solved(problem: Problem, drawn: Drawn, scheme: str, seed: int) -> npt.NDArray[np.uint8]:
    """The state that a scheme finds, which says itself that it is the ground state."""
    if scheme == "tempering":
        return temper(problem, seed, drawn.ground)
    found = solve(problem, "loihi2-sim", scheme, steps=3000, reads=16, seed=seed, target_cost=drawn.ground)
    assert found.quantisation["exact"]
    assert found.best_cost == drawn.ground
    assert found.target_reached
    assert found.objective == (-drawn.ground if problem.sense == "maximise" else drawn.ground)
    return found.x


@pytest.mark.parametrize("scheme", [*(name for name in SCHEMES if not SCHEMES[name].packings_only), "tempering"])
@pytest.mark.parametrize("kind", sorted(set(KINDS.values())))
def test_two_hundred_ground_states(kind: str, scheme: str) -> None:
    for number, drawn in enumerate(problems(kind)):
        problem = Problem.of(drawn.matrix).renamed(offset=drawn.offset)
        x = solved(problem, drawn, scheme, number)
        assert problem.cost(x) == drawn.cost(x) == drawn.ground, (number, drawn)


@pytest.mark.parametrize("name", sorted(SUFFIXES))
def test_fifty_files(name: str, tmp_path: Path) -> None:
    """Every format holds every fourth problem to the last coefficient; some files are solved as well."""
    for number, drawn in list(enumerate(problems(KINDS[name])))[::4]:
        original = Problem.of(drawn.matrix).renamed(offset=drawn.offset)
        problem = read(write(original, tmp_path / f"{number}{SUFFIXES[name]}", name))
        np.testing.assert_array_equal(problem.to_dense(), original.to_dense(), f"{number}")
        assert problem.offset == drawn.offset
        assert problem.sense == ("maximise" if name in ("bqp", "maxcut") else "minimise")
        if number % 20 == 0:
            x = solved(problem, drawn, "two-phase", number)
            assert problem.cost(x) == drawn.cost(x) == drawn.ground, (number, drawn)


def test_every_format_that_is_written_is_in_the_table() -> None:
    written = {name for name, known in FORMATS.usable().items() if known.write is not None}
    assert written == set(SUFFIXES) == set(KINDS)
