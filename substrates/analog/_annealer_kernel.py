"""The analog annealer's inner loop: Euler-Maruyama on the box, synchronous, only the spins that can move."""

# Compiled functions: numba infers their types.
# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

import numpy as np
from numba import njit

from substrates.random import step_key, word

__all__ = ["BOUND", "descend", "langevin"]

#: four 16-bit uniforms minus their mean, times this, have unit variance; their largest sum is then 2 sqrt(3)
_UNIFORM = np.sqrt(3.0) / 65536.0
BOUND = 2.0 * np.sqrt(3.0)
_PAIRS, _LOW = np.uint64(0x0000FFFF0000FFFF), np.uint64(0xFFFFFFFF)
_S16, _S32, _ONE = np.uint64(16), np.uint64(32), np.uint64(1)
_TINY = 1e-300
_LOOKS = np.uint64(0x632BE59BD9B4E019)  #: sets the comparators' stream apart from the membranes'


@njit(cache=True, inline="always", _nrt=False)
def _normal(bits):
    """A bounded, nearly Gaussian number of unit variance from 64 random bits."""
    halves = (bits & _PAIRS) + ((bits >> _S16) & _PAIRS)
    total = (halves & _LOW) + (halves >> _S32)
    return (np.float64(total) - 131070.0) * _UNIFORM


@njit(cache=True, inline="always", _nrt=False)
def _movable(held, force, reach, noise, moving):
    """Write down who is not held at a rail by more than the largest noise; return how many."""
    number = 0
    for i in range(force.shape[0]):
        k = np.uint64(i)
        moving[number] = i
        number += np.int64(held[k] * force[k] < noise * reach[k] + _TINY)
    return number


@njit(cache=True, nogil=True, _nrt=False)
def langevin(
    v, membrane, held, force, x, true, indptr, indices, cells, pairs, speed, spread, reach, temperatures, first, key,
    read_every, low, high, flutter, soft, least, costs, best, best_step, target, delta, moving, improvements,
):  # fmt: skip
    """One Euler-Maruyama step per temperature; every ``read_every`` steps the comparators look.

    force: b_i + o_i + sum_j W_ij v_j with the realised conductances; true: a_i + sum_j J_ij x_j of the read-out bits.
    speed: membrane change per unit of force; spread: standard deviation of the noise at 2 T = 1.
    reach: BOUND spread / speed, the force that the largest noise overcomes, at 2 T = 1.
    low, high: rails of the membranes; flutter: standard deviation of a comparator's threshold, drawn at each look.
    held: 1 at the lower rail, -1 at the upper, 0 between. delta, moving: (n + 1,) scratch.
    least: an improvement is more than this, and than rounding. costs: [cost of x, best cost].
    Returns (best step, improvements written).
    """
    n = v.shape[0]
    found = 0
    for t in range(temperatures.shape[0]):
        step = first + t
        shared = step_key(key, np.uint64(step))
        noise = np.sqrt(2.0 * temperatures[t])
        movable = _movable(held, force, reach, noise, moving)
        number = 0
        for s in range(movable):
            i = np.uint64(moving[np.uint64(s)])
            m = membrane[i] - speed[i] * force[i]
            m += noise * spread[i] * _normal(word(shared, i))
            m = min(max(m, low), high)
            membrane[i] = m
            held[i] = np.float64(m == low) - np.float64(m == high)
            new = 1.0 / (1.0 + np.exp(-8.0 * (m - 0.5))) if soft else min(max(m, 0.0), 1.0)
            change = new - v[i]
            v[i] = new
            delta[np.uint64(number)] = change
            moving[np.uint64(number)] = np.int64(i)
            number += np.int64(change != 0.0)
        for s in range(number):
            k = np.uint64(s)
            i = np.uint64(moving[k])
            change = delta[k]
            for p in range(np.uint64(indptr[i]), np.uint64(indptr[i + _ONE])):
                force[np.uint64(indices[p])] += cells[p] * change
        if (step + 1) % read_every == 0:
            look = step_key(key ^ _LOOKS, np.uint64(step))
            for j in range(n):
                i = np.uint64(j)
                bit = np.uint8(v[i] > (0.5 + flutter * _normal(word(look, i)) if flutter else 0.5))
                if bit != x[i]:
                    sign = 1.0 if bit else -1.0
                    costs[0] += sign * true[i]
                    x[i] = bit
                    for p in range(np.uint64(indptr[i]), np.uint64(indptr[i + _ONE])):
                        true[np.uint64(indices[p])] += sign * pairs[p]
            if costs[0] < costs[1] - least - 1e-12 * abs(costs[1]):
                costs[1] = costs[0]
                for j in range(n):
                    best[j] = x[j]
                best_step = step + 1
                if found < improvements.shape[0]:
                    improvements[found, 0] = best_step
                    improvements[found, 1] = costs[0]
                    found += 1
                if costs[1] <= target:
                    break
    return best_step, found


@njit(cache=True, nogil=True, _nrt=False)
def descend(x, field, indptr, indices, pairs, least):
    """Flip every spin that gains more than ``least``, in order, again and again until none does; return the cost won.

    field: a_i + sum_j J_ij x_j, kept up to date.
    """
    cost = 0.0
    flipped = True
    while flipped:
        flipped = False
        for i in range(x.shape[0]):
            sign = 1.0 - 2.0 * x[i]
            if sign * field[i] < -least:
                flipped = True
                cost += sign * field[i]
                x[i] = 1 - x[i]
                for p in range(indptr[i], indptr[i + 1]):
                    field[indices[p]] += sign * pairs[p]
    return cost
