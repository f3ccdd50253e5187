# mypy: disable-error-code="no-untyped-def, assignment"
"""The event-driven kernel: the flips of `specification`, step by step, without evaluating every neuron.

Three facts make it exact and fast:

* a draw depends on (seed, step, neuron) alone, so a neuron that cannot pass its test needs no draw;
* the test ``dE <= bound[clz]`` has only k + 1 different bounds at one temperature, and the draws are laid out so that
  one 64-bit word holds the same bit of 64 neurons: all tests of a block are a few comparisons and ANDs, and the loop
  over bits ends as soon as no neuron is left that more leading zeros could help;
* flip energies change only where something flipped.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from substrates.loihi2.annealing.simd import (
    LANES,
    add_twice,
    add_where,
    count_ones,
    mask_at_most,
    prefetch,
    trailing_zeros,
)
from substrates.loihi2.random import step_key, word

__all__ = ["COST", "COUNTERS", "advance"]

#: positions in the counters array
COST, BEST_COST, BEST_STEP, STEP, FOUND, ONES, SUGGESTIONS, FLIPS, SUGGESTED_SYNAPSES, FLIPPED_SYNAPSES, SHARES = range(
    11
)
COUNTERS = 11

#: Without numba's reference counts (nothing is allocated here) a step takes a third to a sixth of the time.
PLAIN = {"_nrt": False}

ZERO, ONE, SIX, LOW = np.uint64(0), np.uint64(1), np.uint64(6), np.uint64(63)
FAR, AHEAD = 1024, 12  #: beyond this many blocks, rows and energies are fetched so many neurons ahead
SHALLOW = 8  #: bits of the random numbers that are drawn for every block at once
BYTES = np.uint64(2**40)  #: number of the word that holds neuron 0's random bits for its second decision


@njit(cache=True, inline="always", **PLAIN)
def _set_bounds(bounds, temperature, exponent, strict, limit):
    """bounds[m]: the largest flip energy that m leading zeros accept, dE 2^exponent <= T m (< when strict)."""
    for m in range(bounds.shape[0]):
        scaled = temperature * m - strict
        bounds[m] = min(scaled >> exponent if exponent >= 0 else scaled << -exponent, limit)


@njit(cache=True, inline="always", **PLAIN)
def _draw(planes, shared, blocks):
    """planes[m, b]: which of block b's 64 neurons drew more than m leading zeros, for the first `SHALLOW` bits."""
    for b in range(blocks):
        planes[0, b] = ~word(shared, np.uint64(b) << SIX)
    for m in range(1, SHALLOW):
        for b in range(blocks):
            planes[m, b] = planes[m - 1, b] & ~word(shared, (np.uint64(b) << SIX) + np.uint64(m))


@njit(cache=True, inline="always", **PLAIN)
def _passing(energy, b, bounds, planes, shared):
    """The neurons of block ``b`` that pass their test, as a mask.

    Most blocks are settled by three comparisons: with no leading zero, with `SHALLOW`, with all k.
    """
    base = b * LANES
    last = bounds.shape[0] - 1
    candidates = mask_at_most(energy, base, bounds[last])
    if candidates == ZERO:
        return ZERO
    passed = mask_at_most(energy, base, bounds[0])
    shallow = mask_at_most(energy, base, bounds[SHALLOW]) if last > SHALLOW else candidates
    deep = candidates & ~shallow & planes[SHALLOW - 1, b]
    if shallow != passed:
        for m in range(1, min(SHALLOW, last) + 1):
            passed |= planes[m - 1, b] & mask_at_most(energy, base, bounds[m])
    m = SHALLOW
    while deep != ZERO:
        deep &= ~word(shared, (np.uint64(b) << SIX) + np.uint64(m))
        m += 1
        hit = deep & mask_at_most(energy, base, bounds[m])
        passed |= hit
        deep &= ~hit
        if m == last:
            break
    return passed


@njit(cache=True, inline="always", **PLAIN)
def _rivals(i, mask, chosen, number, indptr, indices, adjacency):
    """How many of the suggesting neurons are neighbours of i."""
    total = 0
    if adjacency.shape[0] > 0:
        row = adjacency[i]
        if number < row.shape[0]:
            for s in range(number):
                j = np.uint64(chosen[s])
                total += np.int64((row[j >> SIX] >> (j & LOW)) & ONE)
        else:
            for b in range(row.shape[0]):
                total += count_ones(row[b] & mask[b])
    else:
        for k in range(np.uint64(indptr[i]), np.uint64(indptr[i + ONE])):
            j = np.uint64(indices[k])
            total += np.int64((mask[j >> SIX] >> (j & LOW)) & ONE)
    return total


@njit(cache=True, inline="always", **PLAIN)
def _flip(i, state, sign, energy, indptr, indices, weights, dense, adjacency, opposed, unit):
    """Flip neuron i: dE_i changes its sign, a neighbour's dE_j grows by 2 Q_ij (1 - 2 x_i)(1 - 2 x_j)."""
    own = energy[i]
    on = ZERO - ((state[i >> SIX] >> (i & LOW)) & ONE)
    if unit != 0:
        linked = adjacency[i]
        if opposed.shape[0] > 0:
            negative = opposed[i]
            for b in range(state.shape[0]):
                minus = state[b] ^ on ^ negative[b]
                add_where(energy, b * LANES, 2 * unit, linked[b] & ~minus, linked[b] & minus)
        else:
            for b in range(state.shape[0]):
                minus = state[b] ^ on
                add_where(energy, b * LANES, 2 * unit, linked[b] & ~minus, linked[b] & minus)
    elif dense.shape[0] > 0:
        row = dense[i]
        for b in range(state.shape[0]):
            add_twice(energy, row, b * LANES, state[b] ^ on)
    elif state.shape[0] > FAR:
        # Signs from the state's bits: an eighth or a sixteenth of the memory, which does not fit the cache here.
        for k in range(np.uint64(indptr[i]), np.uint64(indptr[i + ONE])):
            j = np.uint64(indices[k])
            minus = np.int64((state[j >> SIX] >> (j & LOW)) ^ on) & 1
            energy[j] += (2 - 4 * minus) * np.int64(weights[k])
    else:
        factor = np.int64(sign[i]) >> 1
        for k in range(np.uint64(indptr[i]), np.uint64(indptr[i + ONE])):
            j = np.uint64(indices[k])
            energy[j] += factor * sign[j] * weights[k]
    # As a vector: the next flip's loads would have to wait for a narrow store to leave the store buffer.
    add_where(energy, (i >> SIX) << SIX, -2 * np.int64(own), ONE << (i & LOW), ZERO)
    sign[i] = -sign[i]
    state[i >> SIX] ^= ONE << (i & LOW)


@njit(cache=True, nogil=True, **PLAIN)
def advance(
    counters, state, best, sign, energy, mask, chosen, ready, indptr, indices, weights, dense, adjacency, opposed, unit,
    temperatures, key, bounds, planes, exponent, strict, limit, second_bits, scaling, target, improvements,
):  # fmt: skip
    """Do one step per temperature; stop early at ``target`` or when ``improvements`` is full. Everything in place.

    Args:
        counters: (COUNTERS,) int64, see the constants above.
        state, best: (blocks,) uint64, the bits of x now and of the best x.
        sign: (64 blocks,) 2 (1 - 2 x), in the type of ``energy``.
        energy: (64 blocks,) flip energies; the largest number of the type beyond the last neuron.
        mask: (blocks,) scratch. chosen: (2 n,) int32 scratch.
        ready: (257, blocks) uint64: row t mod 256 holds who ends its rest at step t, row 256 who rests now. Only the
            latter row for the two-phase scheme.
        dense: (n, 64 blocks) weights, without rows when another form is faster.
        adjacency, opposed: (n, blocks) bits: who is a neighbour, whose weight is minus ``unit``; without rows when
            sparse, or no weight is.
        unit: the weight that all have, but for the sign, where bits stand for them; else 0.
        bounds: (k + 1,) scratch. planes: (SHALLOW, blocks) uint64 scratch.
        limit: bounds are cut here, below the padding's energy.
        second_bits: width of the random number of the second decision.
        scaling: the refractory rest is ``rand8 >> scaling``; -1 for the two-phase scheme.
    """
    n = indptr.shape[0] - 1
    blocks = state.shape[0]
    second = np.uint64(second_bits)
    low = (ONE << second) - ONE
    present = np.int64(-1)
    two_phase = scaling < 0
    resting = ready[ready.shape[0] - 1]
    for t in range(temperatures.shape[0]):
        if counters[BEST_COST] <= target or counters[FOUND] == improvements.shape[0]:
            break
        if temperatures[t] != present:
            present = np.int64(temperatures[t])
            _set_bounds(bounds, present, exponent, strict, limit)
        step = counters[STEP]
        shared = step_key(key, np.uint64(step))
        number = 0
        if not two_phase:
            ends = ready[step & 255]
            for b in range(blocks):
                resting[b] &= ~ends[b]
                ends[b] = ZERO
        _draw(planes, shared, blocks)
        for b in range(blocks):
            passed = _passing(energy, b, bounds, planes, shared)
            if not two_phase:
                passed &= ~resting[b]
            mask[b] = passed
            while passed != ZERO:
                chosen[number] = (b << 6) + trailing_zeros(passed)
                number += 1
                passed &= passed - ONE
        if number > 0:
            flipping = 0
            fan_out = 0
            for s in range(number):
                i = np.uint64(chosen[s])
                if blocks > FAR:
                    if s + 2 * AHEAD < number:
                        prefetch(indptr, chosen[s + 2 * AHEAD])
                    if s + AHEAD < number:
                        far = np.uint64(chosen[s + AHEAD])
                        prefetch(indices, indptr[far])
                        prefetch(indices, indptr[far + ONE] - 1)
                        prefetch(weights, indptr[far])
                fan_out += indptr[i + ONE] - indptr[i]
                draw = word(shared, BYTES + i)
                chosen[n + flipping] = chosen[s]
                if two_phase:
                    rivals = 0
                    if number > 1:
                        rivals = _rivals(i, mask, chosen, number, indptr, indices, adjacency)
                    # Without a branch: whether it flips cannot be predicted.
                    flipping += np.int64(((draw & low) * np.uint64(rivals + 1)) >> second == ZERO)
                else:
                    flipping += 1
                    rest = np.int64((draw & np.uint64(255)) >> np.uint64(scaling))
                    if rest > 0:
                        bit = ONE << (i & LOW)
                        resting[i >> SIX] |= bit
                        ready[(step + rest + 1) & 255, i >> SIX] |= bit
            counters[SUGGESTIONS] += number
            counters[SUGGESTED_SYNAPSES] += fan_out
            fan_out = 0
            cost = counters[COST]
            ones = counters[ONES]
            for s in range(flipping):
                i = np.uint64(chosen[n + s])
                cost += energy[i]
                ones += np.int64(sign[i]) >> 1
                fan_out += indptr[i + ONE] - indptr[i]
                if dense.shape[0] > 0 and s + 1 < flipping:
                    row = dense[np.uint64(chosen[n + s + 1])]
                    for base in range(0, energy.shape[0], LANES):
                        prefetch(row, base)
                if blocks > FAR and s + AHEAD < flipping:
                    far = np.uint64(chosen[n + s + AHEAD])
                    for k in range(np.uint64(indptr[far]), np.uint64(indptr[far + ONE])):
                        prefetch(energy, indices[k])
                _flip(i, state, sign, energy, indptr, indices, weights, dense, adjacency, opposed, unit)
            counters[COST] = cost
            counters[ONES] = ones
            counters[FLIPS] += flipping
            counters[FLIPPED_SYNAPSES] += fan_out
        counters[STEP] += 1
        counters[SHARES] += counters[ONES]
        if counters[COST] < counters[BEST_COST]:
            counters[BEST_COST] = counters[COST]
            counters[BEST_STEP] = counters[STEP]
            for b in range(blocks):
                best[b] = state[b]
            improvements[counters[FOUND], 0] = counters[STEP]
            improvements[counters[FOUND], 1] = counters[COST]
            counters[FOUND] += 1
