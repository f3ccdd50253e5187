"""Ground states of small problems, found by enumeration, and the stationary distribution of tiny ones."""

import numpy as np
import pytest
from scipy import sparse

from substrates.loihi2.annealing import Linear, Loihi2Annealer, Settings
from substrates.loihi2.annealing.specification import leading_zeros


def random_problem(rng):
    n = int(rng.integers(1, 19))
    size = int(rng.choice([1, 4, 30, 127]))
    upper = np.triu(rng.integers(-size, size + 1, (n, n)) * (rng.random((n, n)) < rng.choice([0.2, 0.6, 1.0])), 1)
    return upper + upper.T + np.diag(rng.integers(-size, size + 1, n))


def build(q, chosen=None):
    rows = sparse.csr_matrix(q - np.diag(np.diag(q)))
    return Loihi2Annealer(rows.indptr, rows.indices, rows.data, np.diag(q), chosen or Settings())


def all_states(n):
    return ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.float64)


@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
def test_two_hundred_ground_states(scheme):
    rng = np.random.default_rng(20)
    for number in range(200):
        q = random_problem(rng)
        states = all_states(len(q))
        ground = int(np.einsum("si,si->s", states @ q, states).min())
        annealer = build(q, Settings(scheme))
        size = max(int(np.abs(q).max()), 1)
        hot = annealer.temperature(3 * size)
        result = annealer.anneal(
            Linear(hot, max(hot // 64, 1), 2000), range(4), target_cost=ground, start=np.zeros(len(q), np.uint8)
        )
        assert result.costs.min() == ground, (number, q)
        best = result.states[result.costs.argmin()].astype(np.int64)
        assert best @ q @ best == ground


def test_leading_zeros():
    r = np.array([0, 1, 2, 3, 0x7FFF, 0x8000, 0xFFFF])
    assert leading_zeros(r, 16).tolist() == [16, 15, 14, 14, 1, 0, 0]
