"""The integer specification, step by step, in plain NumPy: slow on purpose, the reference for everything else.

One neuron per variable x_i. It keeps u_i = sum_j Q_ij x_j from graded messages s_j = x_new - x_old in {-1, +1} of its
neighbours, one time step late. In every algorithmic step t it does:

    v_i  = Q_ii + 2 u_i                          (the shift by one is exact)
    dE_i = -v_i if x_i else v_i                  cost of flipping x_i alone
    test:  dE_i 2^e < T clz_k(r_i)               r_i: k random bits; clz_k counts its leading zeros, k for r_i = 0

or dE_i 2^e <= T clz_k(r_i) when not ``strict``. It accepts dE < 0 always and dE > 0 with probability about 2^-(dE / T)
(a staircase: every T more costs one more zero), up to k T: Metropolis at the inverse temperature ln 2 / T.
A neuron that passes:

* two-phase: suggests (1-bit synapses count n, its suggesting neighbours), and one hardware step later flips if
  rand_b (n + 1) < 2^b, that is with probability about 1 / (n + 1);
* refractory: flips unless it rests, then rests rand8 >> scaling steps.
* eviction (independent sets): u_i = sum of the neighbours' weights w_j = -Q_jj instead, and dE_i = u_i - w_i. Who is on
  with u_i > 0 goes off. Who is off, passes and draws rand_b < 2^(b - p_i), one bit less where dE_i >= 0, suggests, and
  one hardware step later turns on if no neighbour suggested; p_i rises by one (to b) where a neighbour did, and falls
  by one (to 1) where none did. The cost is that of those who are on with u_i = 0: the others are about to go.

The scheme nebm has no test of flips: unless it is held, x_i becomes 1 with probability 1 / (1 + exp(v_i / T)), in
integers v_i 2^e 2^8 < T L[r_i] with the table L of `substrates.loihi2.neurons.heat_bath` and r_i the second random
number, 10 bits; after a change it is held for ``refract`` steps.

Random numbers (`clz`, `second`): `substrates.loihi2.random.word` with the key of the stream "anneal". Bit k - 1 - l of
r_i is bit i mod 64 of word 64 (i div 64) + l; the second decision uses the low bits of word 2^40 + i.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.neurons.annealing_eviction import FIRST_PATIENCE
from substrates.loihi2.neurons.heat_bath import BITS, SHIFT, logistic_table
from substrates.loihi2.random import stream_key, word_array

__all__ = ["CostIntegrator", "ReferenceAnnealer", "leading_zeros", "passes", "random_bits", "second_random"]

I64 = npt.NDArray[np.int64]
Bits = npt.NDArray[np.bool_]


def random_bits(key: np.uint64, step: int, n: int, bits: int) -> I64:
    """The random numbers r_i (n,), each of ``bits`` (at most 32) bits, of one algorithmic step."""
    neuron = np.arange(n, dtype=np.uint64)
    result = np.zeros(n, np.int64)
    for level in range(bits):
        words = word_array(key, step, (neuron >> np.uint64(6)) * np.uint64(64) + np.uint64(level))
        bit = (words >> (neuron & np.uint64(63))) & np.uint64(1)
        result = 2 * result + bit.astype(np.int64)
    return result


def second_random(key: np.uint64, step: int, n: int, bits: int = 8) -> I64:
    """The random numbers (n,) of the second decision: whether to switch, or how long to rest."""
    words = word_array(key, step, np.uint64(2**40) + np.arange(n, dtype=np.uint64))
    return (words & np.uint64(2**bits - 1)).astype(np.int64)


def leading_zeros(r: I64, bits: int) -> I64:
    """Zeros above the highest set bit of ``r`` in a word of ``bits`` (at most 32) bits; ``bits`` for zero."""
    return bits - np.frexp(r.astype(np.float64))[1].astype(np.int64)


def passes(energy: I64, temperature: int, zeros: I64, *, exponent: int = 0, strict: bool = False) -> Bits:
    """The integer Metropolis test; a negative ``exponent`` scales the temperature up instead of the energy."""
    left = energy << max(exponent, 0)
    right = (temperature * zeros - int(strict)) << max(-exponent, 0)
    return left <= right


@dataclass
class CostIntegrator:
    """Adds up the cost shares x_i (Q_ii + u_i), keeps the smallest sum, and says when to latch the state.

    The sum has 32 bits and is kept as 8 + 24: ``cost = (high << 24) + low`` with ``high`` signed and ``low`` unsigned.
    Only costs below the initial ``minimum`` of 0 are ever reported. The shares of the state after step t reach the
    integrator one hardware step later, and the latch command reaches the neurons one after that: `LATENCY`.
    """

    LATENCY = 2
    minimum: int = 0
    high: int = 0
    low: int = 0
    step: int = 0
    history: list[tuple[int, int]] = field(default_factory=list)

    def integrate(self, shares: I64, step: int) -> bool:
        """Take the shares of the state after ``step``; True if it is the best so far."""
        total = int(np.clip(shares.sum(), -(2**31), 2**31 - 1))
        high, low = total >> 24, total & 0xFFFFFF
        cost = (high << 24) + low
        if cost >= self.minimum:
            return False
        self.minimum, self.high, self.low, self.step = cost, high, low, step
        self.history.append((step, cost))
        return True


class ReferenceAnnealer:
    """The network of annealing neurons with a dense matrix; `step` does one algorithmic step.

    Args:
        matrix: (n, n) symmetric integer Q, diagonal included.
        seed: the read's seed.
        settings: `Settings`; ``exponent`` None counts as 0.
        start: (n,) the first x; zeros when None.

    Attributes:
        x, u: (n,) int64, the state; flips: (n,) bool, who flipped in the last step; suggested: who passed its test.
    """

    def __init__(
        self, matrix: npt.ArrayLike, seed: int, settings: Settings, start: npt.ArrayLike | None = None
    ) -> None:
        q = np.asarray(matrix, np.int64)
        self.diagonal = np.diag(q).copy()
        self.weights = q - np.diag(self.diagonal)
        self.linked = (self.weights != 0).astype(np.int64)
        if settings.scheme == "eviction":
            self.weights = self.linked * -self.diagonal
        self.n = len(q)
        self.settings = settings
        self.key = stream_key(seed, "anneal")
        self.x: I64 = np.zeros(self.n, np.int64) if start is None else np.asarray(start).astype(np.int64)
        self.u: I64 = self.weights @ self.x
        self.rest: I64 = np.zeros(self.n, np.int64)
        self.patience: I64 = np.full(self.n, FIRST_PATIENCE)
        if settings.initial_rest and settings.scheme in ("two-phase", "refractory"):
            self.rest = second_random(stream_key(seed, "anneal rest"), 0, self.n) >> settings.refractory_scaling
        self.t = 0
        self.suggested: Bits = np.zeros(self.n, bool)
        self.flips: Bits = np.zeros(self.n, bool)
        self.integrator = CostIntegrator()
        self.best = self.settled()

    def settled(self) -> I64:
        """(n,) the assignment that the cost is that of: eviction leaves out who is about to go."""
        return self.x * (self.u == 0) if self.settings.scheme == "eviction" else self.x.copy()

    def _evict(self, temperature: int, zeros: I64) -> Bits:
        """Who changes under the scheme eviction."""
        s, off = self.settings, self.x == 0
        energy = self.u + self.diagonal
        willing = off & passes(energy, temperature, zeros, exponent=s.exponent or 0, strict=s.strict)
        drawn = second_random(self.key, self.t, self.n, s.switch_bits)
        left = np.maximum(s.switch_bits - self.patience - (energy >= 0), 0)
        self.suggested = willing & (drawn >> left == 0)
        alone = self.linked @ self.suggested.astype(np.int64) == 0
        self.patience = np.where(
            alone, np.maximum(self.patience - 1, FIRST_PATIENCE), np.minimum(self.patience + 1, s.switch_bits)
        )
        return (self.suggested & alone) | (~off & (self.u > 0))

    def _turns_on(self, v: I64, temperature: int, level: I64) -> Bits:
        """The heat-bath test of every neuron."""
        exponent = self.settings.exponent or 0
        if temperature == 0:
            return v < 0
        return (v << max(exponent, 0)) * 2**SHIFT < (temperature * level) << max(-exponent, 0)

    def step(self, temperature: int) -> None:
        """One algorithmic step: tests, conflict avoidance, flips, messages, cost."""
        s = self.settings
        v = self.diagonal + 2 * self.u
        energy = np.where(self.x == 1, -v, v)
        zeros = leading_zeros(random_bits(self.key, self.t, self.n, s.random_bits), s.random_bits)
        passed = passes(energy, temperature, zeros, exponent=s.exponent or 0, strict=s.strict)
        if s.scheme == "nebm":
            drawn = second_random(self.key, self.t, self.n, BITS)
            on = self._turns_on(v, temperature, logistic_table()[drawn].astype(np.int64))
            self.suggested = self.flips = (on != (self.x == 1)) & (self.rest == 0)
            self.rest = np.where(self.flips, s.refract, np.maximum(self.rest - 1, 0))
        elif s.scheme == "eviction":
            self.flips = self._evict(temperature, zeros)
        elif s.scheme == "two-phase":
            self.suggested = passed
            rivals = self.linked @ passed.astype(np.int64)
            drawn = second_random(self.key, self.t, self.n, s.switch_bits)
            self.flips = passed & (((drawn * (rivals + 1)) >> s.switch_bits) == 0)
        else:
            self.suggested = self.flips = passed & (self.rest == 0)
            drawn = second_random(self.key, self.t, self.n) >> s.refractory_scaling
            self.rest = np.where(self.flips, drawn, np.maximum(self.rest - 1, 0))
        sent = np.where(self.flips, 1 - 2 * self.x, 0)
        self.x = self.x + sent
        self.u = self.u + self.weights @ sent
        self.t += 1
        settled = self.settled()
        if self.integrator.integrate(settled * (self.diagonal + self.u), self.t):
            self.best = settled
