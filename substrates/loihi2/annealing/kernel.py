# mypy: disable-error-code="no-untyped-def"
"""The event-driven annealing kernels: the flips of `specification`, step by step, without evaluating every neuron.

A neuron's draw depends only on (seed, step, neuron), and a test can succeed only if its flip energy is at most
``bits * T``. So a neuron above that bound needs no evaluation, exactly. Flip energies are kept incrementally; the
scan looks at the smallest of each block of 64 and skips blocks that hold no candidate.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from substrates.loihi2.random import step_key, word

__all__ = ["BLOCK", "refractory", "two_phase"]

BLOCK = 64  #: flip energies per scanned block
NEVER = np.int32(2**31 - 1)  #: flip energy of the padding neurons

#: positions in the counts array
SUGGESTIONS, FLIPS, SUGGESTED_SYNAPSES, FLIPPED_SYNAPSES = range(4)


@njit(cache=True, inline="always")
def _accepts(energy, draw, temperature, bits, strict):
    """dE <= T clz(r), or dE < T clz(r) when strict, for a ``bits``-bit r, without counting zeros.

    clz(r) >= m exactly when r < 2^(bits - m), and the smallest clz that passes is m = ceil(dE / T).
    """
    if energy <= 0:
        return energy < 0 or not strict or (temperature > 0 and draw < np.uint64(1) << np.uint64(bits - 1))
    if temperature <= 0:
        return False
    zeros = np.int64(np.int32(energy) // np.int32(temperature)) + 1
    if not strict and (zeros - 1) * temperature == energy:
        zeros -= 1
    return zeros <= bits and draw < np.uint64(1) << np.uint64(bits - zeros)


@njit(cache=True, inline="always")
def _flip(i, x, sign, energy, indptr, indices, weights, dense):
    """Flip neuron i: negate its flip energy, update its neighbours' by 2 Q_ij s_i (1 - 2 x_j)."""
    change = np.int32(2) * sign[i]
    x[i] ^= np.uint8(1)
    sign[i] = -sign[i]
    own = energy[i]
    if dense.shape[0] > 0:
        row = dense[i]
        for j in range(row.shape[0]):
            energy[j] += change * row[j] * sign[j]
    else:
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            energy[j] += change * weights[k] * sign[j]
    energy[i] = -own


@njit(cache=True, nogil=True)
def two_phase(
    x, sign, energy, indptr, indices, weights, dense, temperatures, first_step, key, bits, strict,
    cost, best_cost, best_step, best, target, suggested, marked, improvements, counts,
):  # fmt: skip
    """Run one step per entry of ``temperatures``; stop early once ``cost <= target``.

    Phase 1: every neuron with dE <= T clz(r) suggests. Phase 2: it flips with probability 1 / (n + 1), n its
    suggesting neighbours. Arrays are changed in place; returns (steps done, cost, best cost, best step, number of
    improvements written).
    """
    n = x.shape[0]
    found = 0
    done = 0
    mask = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    for t in range(temperatures.shape[0]):
        if best_cost <= target:
            break
        temperature = np.int64(temperatures[t])
        bound = min(temperature * bits, np.int64(NEVER) - 1)
        shared = step_key(key, np.uint64(first_step + t))
        number = 0
        for block in range(0, energy.shape[0], BLOCK):
            piece = energy[block : block + BLOCK]
            least = NEVER
            for k in range(BLOCK):
                least = min(least, piece[k])
            if least > bound:
                continue
            for k in range(BLOCK):
                e = np.int64(piece[k])
                if e <= bound:
                    i = block + k
                    draw = word(shared, np.uint64(i)) & mask
                    if _accepts(e, draw, temperature, bits, strict):
                        suggested[number] = i
                        number += 1
        if number == 1:
            i = suggested[0]
            cost += energy[i]
            counts[SUGGESTIONS] += 1
            counts[FLIPS] += 1
            counts[SUGGESTED_SYNAPSES] += indptr[i + 1] - indptr[i]
            counts[FLIPPED_SYNAPSES] += indptr[i + 1] - indptr[i]
            _flip(i, x, sign, energy, indptr, indices, weights, dense)
        elif number > 1:
            counts[SUGGESTIONS] += number
            for s in range(number):
                marked[suggested[s]] = 1
            flipping = 0
            for s in range(number):
                i = suggested[s]
                counts[SUGGESTED_SYNAPSES] += indptr[i + 1] - indptr[i]
                rivals = 0
                if dense.shape[0] > 0:
                    for r in range(number):
                        if dense[i, suggested[r]] != 0:
                            rivals += 1
                else:
                    for k in range(indptr[i], indptr[i + 1]):
                        rivals += marked[indices[k]]
                draw = word(shared, np.uint64(i)) >> np.uint64(32)
                if ((draw & np.uint64(255)) * np.uint64(rivals + 1)) >> np.uint64(8) == np.uint64(0):
                    suggested[n + flipping] = i
                    flipping += 1
            for s in range(number):
                marked[suggested[s]] = 0
            for s in range(flipping):
                i = suggested[n + s]
                cost += energy[i]
                counts[FLIPPED_SYNAPSES] += indptr[i + 1] - indptr[i]
                _flip(i, x, sign, energy, indptr, indices, weights, dense)
            counts[FLIPS] += flipping
        done += 1
        if cost < best_cost:
            best_cost = cost
            best_step = first_step + t + 1
            best[:] = x
            if found < improvements.shape[0]:
                improvements[found, 0] = best_step
                improvements[found, 1] = cost
                found += 1
    return done, cost, best_cost, best_step, found


@njit(cache=True, nogil=True)
def refractory(
    x, sign, energy, indptr, indices, weights, dense, temperatures, first_step, key, bits, strict,
    cost, best_cost, best_step, best, target, suggested, ready, scaling, improvements, counts,
):  # fmt: skip
    """As `two_phase`, but every neuron that passes its test flips, then rests ``rand8 >> scaling`` steps."""
    found = 0
    done = 0
    mask = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    for t in range(temperatures.shape[0]):
        if best_cost <= target:
            break
        step = first_step + t
        temperature = np.int64(temperatures[t])
        bound = min(temperature * bits, np.int64(NEVER) - 1)
        shared = step_key(key, np.uint64(step))
        number = 0
        for block in range(0, energy.shape[0], BLOCK):
            piece = energy[block : block + BLOCK]
            least = NEVER
            for k in range(BLOCK):
                least = min(least, piece[k])
            if least > bound:
                continue
            for k in range(BLOCK):
                e = np.int64(piece[k])
                i = block + k
                if e <= bound and ready[i] <= step:
                    draw = word(shared, np.uint64(i))
                    if _accepts(e, draw & mask, temperature, bits, strict):
                        suggested[number] = i
                        number += 1
                        rest = (draw >> np.uint64(32)) & np.uint64(255)
                        ready[i] = step + 1 + np.int64(rest >> np.uint64(scaling))
        for s in range(number):
            i = suggested[s]
            cost += energy[i]
            counts[FLIPPED_SYNAPSES] += indptr[i + 1] - indptr[i]
            _flip(i, x, sign, energy, indptr, indices, weights, dense)
        counts[FLIPS] += number
        done += 1
        if cost < best_cost:
            best_cost = cost
            best_step = step + 1
            best[:] = x
            if found < improvements.shape[0]:
                improvements[found, 0] = best_step
                improvements[found, 1] = cost
                found += 1
    return done, cost, best_cost, best_step, found
