"""What the annealing neurons sample at a fixed temperature, against their exact chain and the Boltzmann distribution.

Three questions, each answered for both schemes:

1. Does the kernel step like the chain that the specification defines? Counted transitions against the exact transition
   matrix, and, where neurons rest and the state is not visible, the exact distribution after t steps: chi-square tests
   with a fixed seed, each of which also rejects a chain that differs in one setting.
2. How is that chain biased, and why? Exactly, without sampling: the staircase of clz, neighbours that flip together.
3. How far is it from 2^(-c/T)? Total variation of exact stationary distributions; the table in
   docs/annealer_distribution.md comes from bench/annealer_distribution.py.
"""

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import chi2

from equipoise.testing.chains import (
    acceptance,
    all_states,
    assignments,
    boltzmann,
    distance,
    effective_temperature,
    first_distribution,
    flip_energies,
    single_flip_matrix,
    stationary,
    step_matrix,
)
from substrates.loihi2.annealing import Loihi2Annealer, Settings
from substrates.loihi2.annealing.metropolis_state import MetropolisRead
from substrates.loihi2.annealing.specification import passes

Q4 = np.array([[-3, 2, 0, 1], [2, -2, 3, 0], [0, 3, -4, -1], [1, 0, -1, 1]])
Q3 = np.array([[-2, 2, -1], [2, -3, 1], [-1, 1, 2]])
PLAIN = {"refractory_scaling": 8}  #: no rest at all: the refractory scheme is then plain parallel Metropolis


def random_problem(seed, n=5, size=3):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.integers(-size, size + 1, (n, n)) * (rng.random((n, n)) < 0.7), 1)
    return upper + upper.T + np.diag(rng.integers(-2 * size, 2 * size + 1, n))


def build(q, chosen):
    rows = sparse.csr_matrix(q - np.diag(np.diag(q)))
    return Loihi2Annealer(rows.indptr, rows.indices, rows.data, np.diag(q), chosen)


def path(q, temperature, chosen, steps, seed):
    """The numbers of the states x after 0, 1, ... ``steps`` steps of the kernel."""
    read = MetropolisRead(build(q, chosen).layout, seed, chosen, None, chosen.exponent)
    heat = np.array([temperature], np.int32)
    seen = np.zeros(steps + 1, np.int64)
    for step in range(steps):
        read.advance(heat)
        seen[step + 1] = int(read.at.state[0])
    return seen


def chi_square(observed, expected):
    """(statistic, degrees of freedom) of counts against expectations; cells expecting fewer than 5 are put together."""
    few = expected < 5
    seen = np.append(observed[~few], observed[few].sum())
    hoped = np.append(expected[~few], expected[few].sum())
    seen, hoped = seen[hoped > 0], hoped[hoped > 0]
    return float(((seen - hoped) ** 2 / hoped).sum()), max(len(seen) - 1, 0)


def transition_p_value(seen, chain):
    """The probability of counts as far from ``chain`` as these; 0 if something impossible happened.

    Given where it starts, every step is an independent draw, so the statistic holds for a path of dependent states.
    """
    chain = chain.toarray()
    counts = np.zeros(chain.shape)
    np.add.at(counts, (seen[:-1], seen[1:]), 1)
    if counts[chain == 0].any():
        return 0.0
    parts = [chi_square(row, row.sum() * hoped) for row, hoped in zip(counts, chain) if row.sum() >= 50]
    assert len(parts) > 3
    return float(chi2.sf(sum(s for s, _ in parts), sum(d for _, d in parts)))


# 1. The kernel is a sample of the exact chain.


def transition_by_brute_force(q, temperature, chosen):
    """Another way to the matrix, loop by loop: every suggestion, every subset of it that flips."""
    n = len(q)
    states = all_states(n)
    weights = q - np.diag(np.diag(q))
    zeros = np.arange(17)
    chance = np.append(0.5 ** (zeros[:-1] + 1), 0.5**16)
    result = np.zeros((2**n, 2**n))
    for a, x in enumerate(states):
        energy = (1 - 2 * x) * (np.diag(q) + 2 * weights @ x)
        p = np.array(
            [(passes(np.full(17, e), temperature, zeros, strict=chosen.strict) * chance).sum() for e in energy]
        )
        for suggestion in states:
            weight = np.prod(np.where(suggestion == 1, p, 1 - p))
            rivals = (weights != 0) @ suggestion
            switch = np.ceil(256 / (rivals + 1)) / 256 if chosen.scheme == "two-phase" else np.ones(n)
            for flips in states[(states <= suggestion).all(1)]:
                taken = np.where(flips == 1, switch, np.where(suggestion == 1, 1 - switch, 1.0)).prod()
                result[a, ((x ^ flips) << np.arange(n)).sum()] += weight * taken
    return result


@pytest.mark.parametrize("chosen", [Settings(), Settings(strict=False), Settings("refractory", **PLAIN)], ids=repr)
def test_the_exact_chain_is_right(chosen):
    chain = step_matrix(Q4, 3, chosen).toarray()
    np.testing.assert_allclose(chain, transition_by_brute_force(Q4, 3, chosen), atol=1e-14)
    p = stationary(step_matrix(Q4, 3, chosen))
    np.testing.assert_allclose(p @ chain, p, atol=1e-12)


def test_a_chain_with_rests_is_right():
    """One neuron, rests of 0 or 1, by hand; more neurons without couplings are independent."""
    up, down = 0.25, 1.0  # dE = 3 at T = 2, strict: two zeros; back always
    chain = step_matrix(np.array([[3]]), 2, Settings("refractory", refractory_scaling=7)).toarray()
    # States: x = 0 and 1 at rest 0, x = 0 and 1 at rest 1.
    by_hand = [
        [1 - up, up / 2, 0, up / 2],
        [down / 2, 1 - down, down / 2, 0],
        [1, 0, 0, 0],
        [0, 1, 0, 0],
    ]
    np.testing.assert_allclose(chain, by_hand)
    both = step_matrix(np.diag([3, 3]), 2, Settings("refractory", refractory_scaling=7))
    one, two = (
        stationary(step_matrix(np.array([[3]]), 2, Settings("refractory", refractory_scaling=7))),
        stationary(both),
    )
    np.testing.assert_allclose(assignments(two, 2), np.kron(assignments(one, 1), assignments(one, 1)), atol=1e-10)


@pytest.mark.parametrize("temperature", [2, 4, 7])
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
def test_transitions_are_those_of_the_exact_chain(scheme, strict, temperature):
    chosen = Settings(scheme, strict=strict, exponent=0, **PLAIN)
    other = Settings(scheme, strict=not strict, exponent=0, **PLAIN)
    q = random_problem(temperature)
    seen = path(q, temperature, chosen, 12_000, seed=5)
    assert transition_p_value(seen, step_matrix(q, temperature, chosen)) > 1e-3
    assert transition_p_value(seen, step_matrix(q, temperature, other)) < 1e-6


@pytest.mark.parametrize("scaling", [4, 5])
def test_resting_neurons_are_distributed_as_the_exact_chain_says(scaling):
    """Independent reads, each looked at after 7 and after 40 steps from x = 0 and random rests."""
    chosen = Settings("refractory", refractory_scaling=scaling, exponent=0)
    temperature, reads = 4, 3000
    layout = build(Q3, chosen).layout
    counts = {7: np.zeros(8), 40: np.zeros(8)}
    for seed in range(reads):
        read = MetropolisRead(layout, seed, chosen, None, 0)
        read.advance(np.full(7, temperature, np.int32))
        counts[7][int(read.at.state[0])] += 1
        read.advance(np.full(33, temperature, np.int32))
        counts[40][int(read.at.state[0])] += 1
    for rival, wanted in ((chosen, True), (Settings("refractory", refractory_scaling=9 - scaling), False)):
        back = step_matrix(Q3, temperature, rival).T.tocsr()
        p, least = first_distribution(3, rival), 1.0
        for step in range(1, 41):
            p = back @ p
            if step in counts:
                least = min(least, float(chi2.sf(*chi_square(counts[step], reads * assignments(p, 3)))))
        assert least > 1e-3 if wanted else least < 1e-6, (rival, least)


# 2. What biases it.


@pytest.mark.parametrize("strict", [False, True])
def test_acceptance_is_a_staircase(strict):
    """Up by dE with probability 2^-m, m = ceil(dE / T) or floor(dE / T) + 1, to k T; down always."""
    chosen = Settings(strict=strict)
    for temperature in (1, 5, 12):
        for energy in range(-20, 16 * temperature + 20):
            m = energy // temperature + 1 if strict else -(-energy // temperature)
            wanted = 1.0 if m <= 0 else 2.0**-m if m <= 16 else 0.0
            assert acceptance(energy, temperature, chosen) == wanted


@pytest.mark.parametrize("strict", [False, True])
def test_one_neuron_follows_its_odds(strict):
    """P(x = 1) = 2^-m / (1 + 2^-m), m as above."""
    for energy, temperature in [(3, 3), (3, 2), (5, 2)]:
        m = energy // temperature + 1 if strict else -(-energy // temperature)
        seen = path(np.array([[energy]]), temperature, Settings(exponent=0, strict=strict), 20000, seed=1)
        expected = 2.0**-m / (1 + 2.0**-m)
        assert abs(seen.mean() - expected) < 5 * np.sqrt(expected / 20000)


def test_where_every_flip_energy_is_a_multiple_of_the_temperature_single_flips_sample_exactly():
    """Without ``strict`` the staircase touches 2^(-dE/T) there: Metropolis. Elsewhere it does not."""
    q = random_problem(1)
    q[np.diag_indices(5)] *= 2
    assert (flip_energies(q) % 2 == 0).all()
    open_, strict = Settings(strict=False), Settings()
    assert distance(stationary(single_flip_matrix(q, 2, open_)), boltzmann(q, 2)) < 1e-9
    assert distance(stationary(single_flip_matrix(q, 3, open_)), boltzmann(q, 3)) > 0.01
    assert distance(stationary(single_flip_matrix(q, 2, strict)), boltzmann(q, 2)) > 0.01


def test_strict_behaves_like_a_colder_temperature_without_plateaus():
    """With T | dE strict loses exactly one more bit on every rise: P(up) / P(down) is half of 2^(-dE/T)."""
    rises = np.arange(0, 40, 4)
    open_, strict = (acceptance(rises, 4, Settings(strict=s)) for s in (False, True))
    np.testing.assert_array_equal(strict, open_ / 2)


@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
def test_without_couplings_parallel_flips_do_no_harm(scheme):
    """Isolated variables have no rivals and change no neighbour, so the chain is a product of single neurons."""
    q = np.diag([3, -2, 5, -7])
    chosen = Settings(scheme, **PLAIN)
    np.testing.assert_allclose(
        stationary(step_matrix(q, 2, chosen)), stationary(single_flip_matrix(q, 2, chosen)), atol=1e-10
    )


def test_rivals_flip_together_in_one_scheme_and_rarely_in_the_other():
    """Two neurons that exclude each other (both on costs 8): in plain parallel they go on and off as one.

    From 00 both always pass. Plain: 00 -> 11 -> 00 for ever, the ground states 01 and 10 never seen. Two-phase: both
    flip with probability 1/4, exactly one with 1/2.
    """
    q = np.array([[-1, 4], [4, -1]])
    plain, two = (Settings(s, strict=False, **PLAIN) for s in ("refractory", "two-phase"))
    chain = step_matrix(q, 1, plain).toarray()
    assert chain[0, 3] == chain[3, 0] == 1
    assert step_matrix(q, 1, two).toarray()[0].tolist() == [0.25, 0.25, 0.25, 0.25]
    # Boltzmann gives 01 and 10 together 0.8. A neuron that is on leaves with 1/2, back from 00 with 1/2 (not 1).
    assert boltzmann(q, 1)[[1, 2]].sum() == pytest.approx(0.8, abs=0.01)
    assert 0.45 < stationary(step_matrix(q, 1, two))[[1, 2]].sum() < 0.55
    # Resting breaks the lock of plain parallel flips as well, with any rest at all.
    rested = assignments(stationary(step_matrix(q, 1, Settings("refractory", strict=False, refractory_scaling=5))), 2)
    assert rested[[1, 2]].sum() > 0.3, rested


# 3. How far from Boltzmann.


def test_distance_from_the_boltzmann_distribution():
    """Exact stationary distributions of twelve random problems of six variables with couplings up to 3, T 1 to 16.

    * single flips (staircase alone): exact at T = 1, where every flip energy is a multiple of T; farther away the
      hotter, because no rise is ever accepted with more than 1/2: the network cannot be hotter than that;
    * two-phase: the second phase leaves a conflict error that fades with T; default (strict) neurons within 0.25;
    * plain parallel flips: useless as a sampler. Rests repair that (next test).

    None of this matters for optimisation, where T falls to where single flips are rare; it does for sampling: use the
    samples as solutions, not as draws from a Boltzmann distribution.
    """
    problems = [random_problem(s, n=6) for s in range(10, 22)]

    def far(chain):
        return np.array([[distance(stationary(chain(q, t)), boltzmann(q, t)) for q in problems] for t in (1, 2, 4, 16)])

    open_ = Settings(strict=False)
    single = far(lambda q, t: single_flip_matrix(q, t, open_))
    two = far(lambda q, t: step_matrix(q, t, open_))
    default = far(lambda q, t: step_matrix(q, t, Settings()))
    plain = far(lambda q, t: step_matrix(q, t, Settings("refractory", strict=False, **PLAIN)))
    assert single[0].max() < 1e-5  # what is left are rises beyond 16 T, which are never accepted
    assert (np.diff(single.mean(1)) > 0.02).all()
    conflict = (two - single).mean(1)
    assert conflict[0] > 0.05
    assert conflict[0] > conflict[1] > conflict[2] > conflict[3]
    assert default.max() < 0.25
    assert (plain.mean(1) > 3 * two.mean(1)).all()


def test_rests_replace_conflicts_by_heat():
    """Resting neurons rarely flip together, but one that just went up cannot come down: it samples hotter than set."""
    chosen, plain = Settings("refractory", refractory_scaling=5), Settings("refractory", **PLAIN)
    for seed in (10, 12, 13):
        q, t = random_problem(seed, n=3), 2
        rested = assignments(stationary(step_matrix(q, t, chosen)), 3)
        nearest = effective_temperature(q, rested)
        assert 1.2 < nearest / t < 2.5
        assert distance(rested, boltzmann(q, nearest)) < 0.1
        assert distance(rested, boltzmann(q, nearest)) < distance(stationary(step_matrix(q, t, plain)), boltzmann(q, t))


def test_the_nearest_temperature_of_a_boltzmann_distribution_is_its_own():
    q = random_problem(3)
    assert effective_temperature(q, boltzmann(q, 5.0)) == pytest.approx(5.0, rel=0.01)
