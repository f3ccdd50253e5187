"""The annealing neurons at a fixed temperature as exact Markov chains, for a few variables.

A network of annealing neurons at a fixed temperature is a Markov chain on its states. `step_matrix` writes that chain
down from the integer specification alone (no kernel involved), `single_flip_matrix` the chain of the same acceptance
test with one neuron at a time, and `stationary` finds what either samples in the long run. Compare with `boltzmann`:

    P(x) ~ 2^(-c(x) / T),      distance(p, q) = sum |p - q| / 2   (total variation)

States are numbered with neuron i as bit i. With rests (refractory scheme) a state is (x, rests), numbered
``x + 2^n sum_i rest_i R^i``, where R - 1 is the longest rest.

>>> import numpy as np
>>> q = np.diag([2, -4])  # no couplings, and T = 2 divides the flip energies
>>> chain = step_matrix(q, 2, Settings(strict=False))
>>> round(distance(stationary(chain), boltzmann(q, 2)), 6)
0.0
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.annealing.specification import passes

__all__ = [
    "acceptance",
    "all_states",
    "assignments",
    "boltzmann",
    "distance",
    "effective_temperature",
    "first_distribution",
    "flip_energies",
    "single_flip_matrix",
    "stationary",
    "step_matrix",
]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def all_states(n: int) -> I64:
    """(2^n, n) all assignments, bit i of the row number for neuron i."""
    states: I64 = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    return states


def acceptance(energy: npt.ArrayLike, temperature: int, settings: Settings) -> F64:
    """P(a neuron with flip energy dE passes its test), dE of any shape: all numbers of leading zeros, weighted.

    P(clz_k = m) = 2^-(m + 1) for m < k and 2^-k for m = k.
    """
    k = settings.random_bits
    zeros = np.arange(k + 1)
    chance = np.append(0.5 ** (zeros[:-1] + 1.0), 0.5**k)
    rises = np.asarray(energy, np.int64)[..., None]
    passed = passes(rises, temperature, zeros, exponent=settings.exponent or 0, strict=settings.strict)
    total: F64 = (passed * chance).sum(-1)
    return total


def flip_energies(matrix: I64) -> I64:
    """(2^n, n) cost of flipping each neuron in each state; ``matrix`` is the symmetric Q."""
    q = np.asarray(matrix, np.int64)
    x = all_states(len(q))
    energies: I64 = (1 - 2 * x) * (np.diag(q) + 2 * x @ (q - np.diag(np.diag(q))))
    return energies


def single_flip_matrix(matrix: I64, temperature: int, settings: Settings) -> Any:
    """(2^n, 2^n) sparse: a neuron chosen at random takes the test and flips if it passes."""
    from scipy.sparse import coo_matrix

    n = len(matrix)
    chance = acceptance(flip_energies(matrix), temperature, settings) / n
    here = np.arange(2**n)
    rows = [here] * (n + 1)
    columns = [here ^ (1 << i) for i in range(n)] + [here]
    values = [chance[:, i] for i in range(n)] + [1 - chance.sum(1)]
    every = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return coo_matrix(every, shape=(2**n, 2**n)).tocsr()


def step_matrix(matrix: I64, temperature: int, settings: Settings) -> Any:
    """Sparse matrix of one algorithmic step, from each state (row) to each state (column)."""
    chance = acceptance(flip_energies(matrix), temperature, settings)
    if settings.scheme == "two-phase":
        return _two_phase(matrix, chance, settings.switch_bits)
    return _refractory(chance, 256 >> settings.refractory_scaling)


def _two_phase(matrix: I64, chance: F64, switch_bits: int) -> Any:
    """Every set of suggesting neurons, and for each every set of those that switch."""
    from scipy.sparse import csr_matrix

    q = np.asarray(matrix)
    n = len(q)
    states = all_states(n)
    rivals = states @ (q - np.diag(np.diag(q)) != 0)
    # rand_b (rivals + 1) < 2^b
    switch = states * np.ceil(2**switch_bits / (rivals + 1)) / 2**switch_bits
    flipped = _products(switch)  # (suggestions, flips)
    chain = np.zeros((2**n, 2**n))
    suggested = _products(chance)  # (states, suggestions)
    for x in range(2**n):
        chain[x, x ^ np.arange(2**n)] = suggested[x] @ flipped
    return csr_matrix(chain)


def _products(chance: F64) -> F64:
    """(rows, 2^n) probability of every set of independent events whose probabilities are the rows (rows, n)."""
    result = np.ones((len(chance), 1))
    for p in chance.T[:, :, None]:
        result = np.concatenate([result * (1 - p), result * p], axis=1)
    return result


def _refractory(chance: F64, rests: int) -> Any:
    """A neuron that rests counts down; one that does not flips if it passes, then draws one of ``rests`` rests.

    Given x and the set of neurons that flip, what happens to the rests is independent from neuron to neuron.
    """
    from scipy.sparse import block_array, csr_matrix, kron

    n = chance.shape[1]
    if rests == 1:
        chain = np.zeros((2**n, 2**n))
        for x, flipped in enumerate(_products(chance)):
            chain[x, x ^ np.arange(2**n)] = flipped
        return csr_matrix(chain)
    down = csr_matrix(
        (np.ones(rests), (np.arange(rests), np.maximum(np.arange(rests) - 1, 0))), shape=(rests, rests)
    ).tolil()
    blocks: list[list[Any]] = [[None] * 2**n for _ in range(2**n)]
    for x in range(2**n):
        for flips in range(2**n):
            whole: Any = csr_matrix(np.ones((1, 1)))
            for i in reversed(range(n)):
                one = down.copy() if not flips >> i & 1 else csr_matrix((rests, rests)).tolil()
                one[0] = chance[x, i] / rests if flips >> i & 1 else 0.0
                if not flips >> i & 1:
                    one[0, 0] = 1 - chance[x, i]
                whole = kron(whole, one.tocsr(), format="csr")
            blocks[x][x ^ flips] = whole
    # x major here; states are numbered with x minor.
    order = (np.arange(2**n)[None, :] * rests**n + np.arange(rests**n)[:, None]).ravel()
    return block_array(blocks, format="csr")[order][:, order]


def first_distribution(n: int, settings: Settings) -> F64:
    """Where a read starts: x = 0, and random rests where the settings say so."""
    rests = 1 if settings.scheme == "two-phase" else 256 >> settings.refractory_scaling
    start = np.zeros((rests**n, 2**n))
    start[:, 0] = 1 / rests**n if settings.initial_rest else 0.0
    if not settings.initial_rest:
        start[0, 0] = 1.0
    return start.ravel()


def assignments(distribution: F64, n: int) -> F64:
    """(2^n,) the probabilities of x alone, rests summed over."""
    summed: F64 = np.asarray(distribution).reshape(-1, 2**n).sum(0)
    return summed


def stationary(chain: Any) -> F64:
    """The long-run average distribution from a uniform start; that of the lazy chain (T + 1) / 2, which has no periods.

    Up to 128 states by squaring the lazy chain 40 times, beyond by power iteration.
    """
    size = chain.shape[0]
    p: F64 = np.full(size, 1 / size)
    if size <= 128:
        lazy = 0.5 * (chain.toarray() + np.eye(size))
        for _ in range(40):
            lazy = lazy @ lazy
            lazy /= lazy.sum(1, keepdims=True)
        return p @ lazy
    back = chain.T.tocsr()
    for _ in range(100_000):
        before, p = p, 0.5 * (p + back @ p)
        if np.abs(p - before).sum() < 1e-13:
            break
    return p / p.sum()


def boltzmann(matrix: I64, temperature: float) -> F64:
    """(2^n,) 2^(-c(x) / T), normalised."""
    x = all_states(len(matrix))
    cost = np.einsum("si,ij,sj->s", x, np.asarray(matrix, np.int64), x)
    weight: F64 = np.exp2(-(cost - cost.min()) / temperature)
    return weight / weight.sum()


def distance(p: F64, q: F64) -> float:
    """Total variation."""
    return 0.5 * float(np.abs(p - q).sum())


def effective_temperature(matrix: I64, p: F64) -> float:
    """The temperature whose Boltzmann distribution is nearest to ``p`` in total variation, to a part in a thousand."""
    grid = np.geomspace(0.05, 4.0 * float(np.abs(matrix).sum()) + 2.0, 100)
    for _ in range(3):
        near = int(np.argmin([distance(p, boltzmann(matrix, t)) for t in grid]))
        grid = np.geomspace(grid[max(near - 1, 0)], grid[min(near + 1, len(grid) - 1)], 12)
    return float(grid[np.argmin([distance(p, boltzmann(matrix, t)) for t in grid])])
