"""Grids against the Newton reference, a general solver with bounds, and the course of time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.sparse.linalg import expm_multiply

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from substrates.analog.resistive import Diode, ResistorGrid, solve
from substrates.analog.resistive.circuit import Circuit


def random_grid(seed: int, n: int = 12) -> tuple[ResistorGrid, np.ndarray, np.ndarray]:
    """A tree and some more edges, one leak at least; conductances and currents."""
    rng = np.random.default_rng(seed)
    tree = [(int(rng.integers(0, i)), i) for i in range(1, n)]
    more = [tuple(rng.choice(n, 2, replace=False).tolist()) for _ in range(n)]
    leaks = np.where(rng.random(n) < 0.3, rng.uniform(0.1, 2, n), 0.0)
    leaks[0] += 0.5
    grid = ResistorGrid([*tree, *more], leaks)
    return grid, rng.uniform(0.1, 5.0, len(grid.edges)), rng.standard_normal(n)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_voltages_are_kirchhoffs(seed: int) -> None:
    grid, g, currents = random_grid(seed)
    circuit = grid.circuit(g)
    reference = solve(Circuit(grid.n, circuit.resistors, currents=dict(enumerate(currents.tolist()))))
    np.testing.assert_allclose(grid.settle(g, currents), reference, rtol=1e-9, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_rectifiers_are_the_newton_references_diodes(seed: int) -> None:
    grid, g, currents = random_grid(seed)
    n = grid.n
    floors = np.random.default_rng(seed + 1).uniform(-1.0, 0.5, n)
    sources = {n + i: float(floor) for i, floor in enumerate(floors)}
    diodes = tuple(Diode(n + i, i) for i in range(n))
    circuit = Circuit(2 * n, grid.circuit(g).resistors, diodes, sources, dict(enumerate(currents.tolist())))
    found = grid.settle(g, currents, floors=floors)
    np.testing.assert_allclose(found, solve(circuit)[:n], rtol=1e-7, atol=1e-9)
    assert (found >= floors - 1e-12).all()


def test_a_rectifier_that_is_a_resistor_is_the_minimum_of_its_energy() -> None:
    grid, g, currents = random_grid(5)
    k, floors = grid.matrix(g), np.full(grid.n, -0.05)
    d = 20.0 * k.diagonal()

    def energy(v: np.ndarray) -> tuple[float, np.ndarray]:
        below = np.maximum(floors - v, 0.0)
        return 0.5 * v @ (k @ v) - currents @ v + 0.5 * (d * below**2).sum(), k @ v - currents - d * below

    found = grid.settle(g, currents, floors=floors, rectifier=20.0)
    reference = minimize(energy, np.zeros(grid.n), jac=True, method="BFGS", options={"gtol": 1e-10}).x
    np.testing.assert_allclose(found, reference, atol=1e-7)
    assert (found < floors).any(), "nothing conducts: the test shows nothing"


def test_it_is_at_rest_after_the_time_it_says() -> None:
    grid, g, currents = random_grid(3)
    rest = grid.settle(g, currents)
    rate = -grid.matrix(g) * grid.unit_s / grid.node_farads
    seconds = grid.settling_s(g)
    away = np.abs(expm_multiply(rate * seconds, rest)).max() / np.abs(rest).max()  # from zero: what is left of v(inf)
    assert 1e-7 < away <= math.exp(-10)
    assert grid.settling_s(2 * g) < seconds


def test_counts() -> None:
    grid, _, _ = random_grid(0)
    ledger = grid.count(2e-6, sources=3, read=5, settlings=4)
    assert ledger.total(Event.SETTLING_NANOSECONDS) == 8000
    assert ledger.total(Event.CELL_READS) == 4 * (len(grid.edges) + (grid.leaks > 0).sum())
    assert ledger.total(Event.DAC_CONVERSIONS) == 3
    assert ledger.total(Event.ADC_CONVERSIONS) == 5


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="float"):
        ResistorGrid([(0, 1), (2, 3)], [1.0, 0, 0, 0])
    grid, g, currents = random_grid(1)
    with pytest.raises(InputError, match="not passive"):
        grid.settle(-g, currents)
    with pytest.raises(InputError, match="float"):
        grid.settle(0 * g, currents)
    with pytest.raises(InputError, match="rectifiers"):
        grid.settle(g, currents, floors=currents, rectifier=0.0)
    with pytest.raises(InputError, match="no rest after 2 sweeps"):
        grid.settle(g, currents, floors=np.full(grid.n, -9.0), max_sweeps=2)
