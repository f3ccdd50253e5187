"""Ground states of small problems, found by enumeration, and the stationary distribution of tiny ones."""

import numpy as np
import pytest
from scipy import sparse

from substrates.loihi2.annealing import Linear, Loihi2Annealer, Settings
from substrates.loihi2.annealing.read import Read
from substrates.loihi2.annealing.specification import leading_zeros, passes


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


Q4 = np.array([[-3, 2, 0, 1], [2, -2, 3, 0], [0, 3, -4, -1], [1, 0, -1, 1]])


def transition(q, temperature, scheme):
    """The Markov chain of one algorithmic step: probabilities from every state to every state, by enumeration."""
    n = len(q)
    states = all_states(n).astype(np.int64)
    weights = q - np.diag(np.diag(q))
    # P(pass) from the specification's own test, over all leading zeros with their probabilities.
    zeros = np.arange(17)
    chance = np.append(0.5 ** (zeros[:-1] + 1), 0.5**16)
    result = np.zeros((2**n, 2**n))
    for a, x in enumerate(states):
        energy = (1 - 2 * x) * (np.diag(q) + 2 * weights @ x)
        p = np.array([(passes(np.full(17, e), temperature, zeros) * chance).sum() for e in energy])
        for suggestion in states:
            weight = np.prod(np.where(suggestion == 1, p, 1 - p))
            rivals = (weights != 0) @ suggestion
            switch = np.ceil(256 / (rivals + 1)) / 256 if scheme == "two-phase" else np.ones(n)
            for flips in states[(states <= suggestion).all(1)]:
                chosen = np.where(flips == 1, switch, np.where(suggestion == 1, 1 - switch, 1.0)).prod()
                result[a, ((x ^ flips) << np.arange(n)).sum()] += weight * chosen
    return result


def stationary(chain):
    values, vectors = np.linalg.eig(chain.T)
    vector = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    return vector / vector.sum()


def sampled(q, temperature, chosen, steps, seed):
    read = Read(build(q, chosen).layout, seed, chosen, None, 0)
    counts = np.zeros(2 ** len(q))
    heat = np.array([temperature], np.int32)
    for step in range(steps + 100):
        read.advance(heat)
        if step >= 100:
            counts[int(read.state[0])] += 1
    return counts / steps


def distance(p, q):
    """Total variation."""
    return 0.5 * float(np.abs(p - q).sum())


@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
def test_sampled_distribution_is_that_of_the_exact_chain(scheme):
    """Rest 0 (rand8 >> 8) makes the refractory scheme plain parallel Metropolis, a chain on x alone."""
    chosen = Settings(scheme, refractory_scaling=8, exponent=0, strict=False)
    exact = stationary(transition(Q4, 3, scheme))
    found = sampled(Q4, 3, chosen, 20000, seed=5)
    # Correlated samples: the distance of independent ones would be about 0.01.
    assert distance(found, exact) < 0.03


def boltzmann(q, temperature):
    states = all_states(len(q))
    cost = np.einsum("si,si->s", states @ q, states)
    weight = 2.0 ** (-(cost - cost.min()) / temperature)
    return weight / weight.sum()


def test_distance_from_the_boltzmann_distribution():
    """What the neurons sample at a fixed temperature, against 2^(-c / T): close for two-phase, not for refractory.

    Two things keep both from being exact samplers: the staircase of clz (every rise up to T costs one bit), and
    neighbours that flip in the same step. Two-phase conflict avoidance removes most of the second. Neither matters
    for optimisation, where T falls to where single flips are rare; it would for sampling. Total variation distances
    of the exact chains on a problem of four variables; the bounds are 10 % above the values.
    """
    exact = {
        (scheme, t): distance(stationary(transition(Q4, t, scheme)), boltzmann(Q4, t))
        for scheme in ("two-phase", "refractory")
        for t in (1, 2, 4, 8)
    }
    assert all(exact["two-phase", t] < exact["refractory", t] for t in (2, 4, 8)), exact
    assert exact["two-phase", 1] < 0.2, exact
    rested = distance(sampled(Q4, 4, Settings("refractory", exponent=0, strict=False), 20000, seed=6), boltzmann(Q4, 4))
    assert rested < exact["refractory", 4] + 0.03, (rested, exact)


@pytest.mark.parametrize("strict", [False, True])
def test_one_neuron_follows_its_odds(strict):
    """P(x = 1) = 2^-m / (1 + 2^-m) with m = ceil(dE / T) or floor(dE / T) + 1; up with probability 2^-m."""
    for energy, temperature in [(3, 3), (3, 2), (5, 2)]:
        m = energy // temperature + 1 if strict else -(-energy // temperature)
        found = sampled(np.array([[energy]]), temperature, Settings(exponent=0, strict=strict), 20000, seed=1)
        expected = 2.0**-m / (1 + 2.0**-m)
        assert abs(found[1] - expected) < 5 * np.sqrt(expected / 20000)


def test_leading_zeros():
    r = np.array([0, 1, 2, 3, 0x7FFF, 0x8000, 0xFFFF])
    assert leading_zeros(r, 16).tolist() == [16, 15, 14, 14, 1, 0, 0]
