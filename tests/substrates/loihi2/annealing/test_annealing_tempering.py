"""Parallel tempering: exchanges follow the Metropolis rule, runs repeat, results are those of the best replica."""

import numpy as np
import pytest
from scipy import sparse

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from substrates.loihi2.annealing import Loihi2Annealer


def build(n, seed):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.integers(-9, 10, (n, n)), 1)
    q = upper + upper.T
    rows = sparse.csr_matrix(q)
    diagonal = rng.integers(-9, 10, n)
    return q + np.diag(diagonal), Loihi2Annealer(rows.indptr, rows.indices, rows.data, diagonal)


def test_finds_the_ground_state_and_repeats():
    q, annealer = build(14, 3)
    states = (np.arange(2**14)[:, None] >> np.arange(14)) & 1
    ground = np.einsum("si,si->s", states @ q, states).min()
    first = annealer.temper([1, 2], steps=600, replicas=4)
    again = annealer.temper([1, 2], steps=600, replicas=4)
    assert first.costs.min() == ground
    assert (first.states == again.states).all()
    assert first.ledger == again.ledger
    assert first.ledger.total(Event.STEPS) == 2 * 4 * (600 * 2 + 3)  # seeds, replicas, two phases a step, the read-out
    for cost, state, trace in zip(first.costs, first.states.astype(int), first.improvements, strict=True):
        assert state @ q @ state == cost == trace[-1, 1]
        assert (np.diff(trace[:, 1]) < 0).all()


def test_target_and_limits():
    _, annealer = build(40, 4)
    best = int(annealer.temper([5], steps=400).costs[0])
    hit = annealer.temper([5], steps=400, target_cost=best)
    assert hit.costs[0] <= best
    assert annealer.temper([5], steps=0).steps[0] == 0
    assert annealer.temper([5], timeout_s=0.0).steps[0] == 0
    for wrong in ({}, {"steps": 1, "replicas": 1}, {"steps": -1}, {"steps": 1, "period": 0}):
        with pytest.raises(InputError):
            annealer.temper([1], **wrong)
