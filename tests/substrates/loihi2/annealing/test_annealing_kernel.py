"""The kernel gives the flips of the plain transcription, step by step, whatever layout it chose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from substrates.loihi2.annealing import Loihi2Annealer, Settings
from substrates.loihi2.annealing.metropolis_state import MetropolisRead
from substrates.loihi2.annealing.specification import ReferenceAnnealer


def matrix(rng, n, density, size):
    upper = np.triu(rng.integers(-size, size + 1, (n, n)) * (rng.random((n, n)) < density), 1)
    return upper + upper.T + np.diag(rng.integers(-size, size + 1, n))


def build(q, chosen):
    rows = sparse.csr_matrix(q - np.diag(np.diag(q)))
    return Loihi2Annealer(rows.indptr, rows.indices, rows.data, np.diag(q), chosen)


def state(read):
    return read.x()


@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(1, 140),
    density=st.sampled_from([0.0, 0.01, 0.2, 1.0]),
    size=st.sampled_from([1, 9, 120, 1000]),
    strict=st.booleans(),
    bits=st.sampled_from([1, 5, 8, 9, 16, 32]),
    exponent=st.integers(-2, 4),
    switch_bits=st.sampled_from([1, 8, 16]),
    scaling=st.integers(0, 8),
    initial_rest=st.booleans(),
    start=st.booleans(),
)
def test_kernel_equals_specification(
    scheme, seed, n, density, size, strict, bits, exponent, switch_bits, scaling, initial_rest, start
):
    rng = np.random.default_rng(seed)
    q = matrix(rng, n, density, size)
    chosen = Settings(scheme, bits, strict, switch_bits, scaling, initial_rest, exponent)
    x = rng.integers(0, 2, n).astype(np.uint8) if start else None
    annealer, reference = build(q, chosen), ReferenceAnnealer(q, seed, chosen, x)
    read = MetropolisRead(annealer.layout, seed, chosen, x, exponent)
    top = 8.0 * size * 2.0**exponent
    suggested = flipped = 0
    for temperature in np.linspace(top, 0, 30).astype(np.int32):
        reference.step(int(temperature))
        read.advance(np.array([temperature], np.int32))
        assert (state(read) == reference.x).all()
        assert read.cost == reference.x @ q @ reference.x
        suggested += int(reference.suggested.sum())
        flipped += int(reference.flips.sum())
    assert read.at.tally.sum(axis=1)[:2].tolist() == [suggested if scheme == "two-phase" else 0, flipped]
    if reference.integrator.history and (x is None or x @ q @ x >= 0):
        assert read.best_cost == reference.integrator.minimum
        assert read.best_step == reference.integrator.step
        assert (read.best_state() == reference.best).all()


def test_layouts_are_all_used():
    rng = np.random.default_rng(0)
    chosen = Settings(exponent=0)
    used = set()
    for density, size in [(0.5, 1), (0.005, 3), (0.5, 3), (1.0, 120), (0.5, 5000), (0.005, 5000)]:
        layout = build(matrix(rng, 300, density, size), chosen).layout
        used.add((layout.energy_type.__name__, layout.rows.weights.dtype.name, form(layout)))
    assert used == {
        ("int16", "int8", "sparse"), ("int16", "int8", "dense"), ("int32", "int8", "dense"),
        ("int32", "int32", "dense"), ("int32", "int32", "sparse"), ("int16", "int8", "bits"),
    }  # fmt: skip


def form(layout):
    if layout.rows.unit:
        assert len(layout.rows.dense) == 0
        return "bits"
    return "dense" if len(layout.rows.dense) else "sparse"


@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
@pytest.mark.parametrize(("size", "mixed"), [(1, True), (1, False), (7, False), (3000, True)])
def test_bits_for_weights_of_one_magnitude_change_nothing(scheme, size, mixed):
    rng = np.random.default_rng(size)
    q = size * matrix(rng, 200, 0.3, 1)
    q = q if mixed else np.abs(q) * (1 - 2 * np.eye(200, dtype=np.int64)).astype(np.int64) * (-1 if size == 7 else 1)
    chosen = Settings(scheme, exponent=0)
    annealer, reference = build(q, chosen), ReferenceAnnealer(q, 5, chosen)
    assert abs(annealer.layout.rows.unit) == size
    assert (len(annealer.layout.rows.opposed) > 0) == mixed
    read = MetropolisRead(annealer.layout, 5, chosen, None, 0)
    for temperature in np.linspace(6 * size, 0, 60).astype(np.int32):
        reference.step(int(temperature))
        read.advance(np.array([temperature], np.int32))
        assert (state(read) == reference.x).all()
        assert read.cost == reference.x @ q @ reference.x


def test_pieces_and_threads_do_not_change_the_trajectory():
    q = matrix(np.random.default_rng(1), 90, 0.3, 9)
    annealer = build(q, Settings())
    seeds = [3, 4, 5, 6]
    whole = annealer.anneal(None, seeds, steps=700)
    threaded = annealer.anneal(None, seeds, steps=700, threads=3)
    watched = annealer.anneal(None, seeds, steps=700, timeout_s=60.0)
    for other in (threaded, watched):
        assert (other.states == whole.states).all()
        assert (other.costs == whole.costs).all()
        assert other.ledger == whole.ledger
        for a, b in zip(other.improvements, whole.improvements, strict=True):
            assert (a == b).all()
    again = annealer.anneal(None, seeds[::-1], steps=700)
    assert (again.states[::-1] == whole.states).all()


@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
def test_large_sparse_problems_keep_their_flip_energies(scheme):
    """Beyond 1024 blocks the kernel takes signs from the state's bits; too large for the dense specification."""
    n, rng = 64 * 1024 + 100, np.random.default_rng(3)
    i, j = rng.integers(0, n, (2, 3 * n))
    upper = sparse.coo_matrix((rng.integers(-9, 10, 3 * n), (np.minimum(i, j), np.maximum(i, j))), (n, n)).tocsr()
    upper.setdiag(0)
    rows = (upper + upper.T).tocsr()
    rows.eliminate_zeros()
    diagonal = rng.integers(-9, 10, n)
    annealer = Loihi2Annealer(rows.indptr, rows.indices, rows.data, diagonal, Settings(scheme, exponent=0))
    assert annealer.layout.blocks > 1024
    read = MetropolisRead(annealer.layout, 8, annealer.settings, None, 0)
    read.advance(np.linspace(12, 1, 40).astype(np.int32))
    x = state(read).astype(np.int64)
    assert 0 < x.sum() < n
    assert (read.energy[:n] == (1 - 2 * x) * (diagonal + 2 * (rows @ x))).all()
    assert read.cost == x @ (diagonal + rows @ x)
