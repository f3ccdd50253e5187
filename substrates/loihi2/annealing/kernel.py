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

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.annealing.counters import (
    BEST_COST,
    BEST_STEP,
    CHANGES,
    COST,
    FOUND,
    HEAT,
    LATCHES,
    SHARED,
    STEP,
)  # fmt: skip
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

__all__ = [
    "FLIPS",
    "ON",
    "OWN",
    "SHALLOW",
    "SINCE",
    "SUGGESTIONS",
    "Progress",
    "Rows",
    "Rules",
    "Scratch",
    "advance",
    "draw_planes",
    "passing",
    "set_bounds",
]

SINCE = SHARED  #: place in the counters of the step from which the tally counts
OWN = 1  #: counters besides those that all schemes share
#: rows of the tally; suggestions, the many, by themselves
SUGGESTIONS, FLIPS, ON = range(3)
TALLY_ROWS = 3

#: Without numba's reference counts (nothing is allocated here) a step takes a third to a sixth of the time.
PLAIN = {"_nrt": False}

ZERO, ONE, SIX, LOW = np.uint64(0), np.uint64(1), np.uint64(6), np.uint64(63)
FAR, AHEAD = 1024, 12  #: beyond this many blocks, rows and energies are fetched so many neurons ahead
SHALLOW = 8  #: bits of the random numbers that are drawn for every block at once
BYTES = np.uint64(2**40)  #: number of the word that holds neuron 0's random bits for its second decision


class Rows(NamedTuple):
    """A problem in the forms that `layout.Layout` chose."""

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    weights: npt.NDArray[Any]
    dense: npt.NDArray[Any]  #: (n, 64 blocks) weights, without rows when another form is faster
    #: (n, blocks) bits: who is a neighbour, whose weight is minus ``unit``; without rows when sparse, or no weight is
    adjacency: npt.NDArray[np.uint64]
    opposed: npt.NDArray[np.uint64]
    unit: int  #: the weight that all have, but for the sign, where bits stand for them; else 0


class Progress(NamedTuple):
    """Where an anneal is."""

    counters: npt.NDArray[np.int64]  #: see `substrates.loihi2.annealing.counters`, and ``SINCE``
    #: (3, n) since step ``SINCE``: suggestions, flips, and steps after which x was 1, those still 1 not yet added
    tally: npt.NDArray[np.int32]
    state: npt.NDArray[np.uint64]  #: (blocks,) the bits of x now
    best: npt.NDArray[np.uint64]  #: (blocks,) of the best x
    sign: npt.NDArray[Any]  #: (64 blocks,) 2 (1 - 2 x), in the type of ``energy``
    energy: npt.NDArray[Any]  #: (64 blocks,) flip energies; the largest number of the type beyond the last neuron
    #: (257, blocks): row t mod 256 holds who ends its rest at step t, row 256 who rests now; two phases: that row alone
    ready: npt.NDArray[np.uint64]
    improvements: npt.NDArray[np.int64]  #: (k, 2) step and cost, the first ``FOUND`` of them


class Scratch(NamedTuple):
    """Room to work in."""

    mask: npt.NDArray[np.uint64]  #: (blocks,)
    chosen: npt.NDArray[np.int32]  #: (2 n,)
    bounds: npt.NDArray[np.int64]  #: (k + 1,)
    planes: npt.NDArray[np.uint64]  #: (SHALLOW, blocks)


class Rules(NamedTuple):
    """The open choices of the specification, as numbers."""

    key: np.uint64
    exponent: int
    strict: int
    limit: int  #: bounds are cut here, below the padding's energy
    second_bits: int  #: width of the random number of the second decision
    scaling: int  #: the refractory rest is ``rand8 >> scaling``; -1 for the two-phase scheme


@njit(cache=True, inline="always", **PLAIN)
def set_bounds(bounds, temperature, exponent, strict, limit):
    """bounds[m]: the largest flip energy that m leading zeros accept, dE 2^exponent <= T m (< when strict)."""
    for m in range(bounds.shape[0]):
        scaled = temperature * m - strict
        bounds[m] = min(scaled >> exponent if exponent >= 0 else scaled << -exponent, limit)


@njit(cache=True, inline="always", **PLAIN)
def draw_planes(planes, shared, blocks):
    """planes[m, b]: which of block b's 64 neurons drew more than m leading zeros, for the first `SHALLOW` bits."""
    for b in range(blocks):
        planes[0, b] = ~word(shared, np.uint64(b) << SIX)
    for m in range(1, SHALLOW):
        for b in range(blocks):
            planes[m, b] = planes[m - 1, b] & ~word(shared, (np.uint64(b) << SIX) + np.uint64(m))


@njit(cache=True, inline="always", **PLAIN)
def passing(energy, b, bounds, planes, shared):
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


@njit(cache=True, inline="always", **PLAIN)
def _suggest(rows, at, scratch, rules, step, shared, blocks):
    """Test every neuron; list those that pass in ``scratch.chosen`` and return how many."""
    mask, chosen, planes, bounds = scratch.mask, scratch.chosen, scratch.planes, scratch.bounds
    two_phase = rules.scaling < 0
    resting = at.ready[at.ready.shape[0] - 1]
    number = 0
    if not two_phase:
        ends = at.ready[step & 255]
        for b in range(blocks):
            resting[b] &= ~ends[b]
            ends[b] = ZERO
    draw_planes(planes, shared, blocks)
    for b in range(blocks):
        passed = passing(at.energy, b, bounds, planes, shared)
        if not two_phase:
            passed &= ~resting[b]
        mask[b] = passed
        while passed != ZERO:
            chosen[number] = (b << 6) + trailing_zeros(passed)
            number += 1
            passed &= passed - ONE
    return number


@njit(cache=True, inline="always", **PLAIN)
def _choose(rows, at, scratch, rules, step, shared, number, blocks):
    """Of the ``number`` neurons that passed, list those that flip after them and return how many."""
    chosen, suggestions = scratch.chosen, at.tally[SUGGESTIONS]
    n = rows.indptr.shape[0] - 1
    second = np.uint64(rules.second_bits)
    low = (ONE << second) - ONE
    two_phase = rules.scaling < 0
    resting = at.ready[at.ready.shape[0] - 1]
    flipping = 0
    for s in range(number):
        i = np.uint64(chosen[s])
        if blocks > FAR:
            # Such a problem does not fit the cache: what the next neurons need is on its way before it is used.
            if s + 2 * AHEAD < number:
                prefetch(rows.indptr, chosen[s + 2 * AHEAD])
            if s + AHEAD < number:
                far = np.uint64(chosen[s + AHEAD])
                prefetch(rows.indices, rows.indptr[far])
                prefetch(rows.indices, rows.indptr[far + ONE] - 1)
                prefetch(rows.weights, rows.indptr[far])
        draw = word(shared, BYTES + i)
        chosen[n + flipping] = chosen[s]
        if two_phase:
            suggestions[i] += 1
            rivals = 0
            if number > 1:
                rivals = _rivals(i, scratch.mask, chosen, number, rows.indptr, rows.indices, rows.adjacency)
            # Without a branch: whether it flips cannot be predicted.
            flipping += np.int64(((draw & low) * np.uint64(rivals + 1)) >> second == ZERO)
        else:
            flipping += 1
            rest = np.int64((draw & np.uint64(255)) >> np.uint64(rules.scaling))
            if rest > 0:
                bit = ONE << (i & LOW)
                resting[i >> SIX] |= bit
                at.ready[(step + rest + 1) & 255, i >> SIX] |= bit
    return flipping


@njit(cache=True, inline="always", **PLAIN)
def _flip_all(rows, at, chosen, flipping, since, blocks):
    """Flip the neurons listed after the first n; return what that costs. ``since``: steps counted in the tally."""
    n = rows.indptr.shape[0] - 1
    cost = np.int64(0)
    for s in range(flipping):
        i = np.uint64(chosen[n + s])
        cost += at.energy[i]
        at.tally[FLIPS, i] += 1
        # A neuron that switches on now and off later has been on for the difference of the two steps.
        at.tally[ON, i] -= (np.int64(at.sign[i]) >> 1) * since
        if rows.dense.shape[0] > 0 and s + 1 < flipping:
            row = rows.dense[np.uint64(chosen[n + s + 1])]
            for base in range(0, at.energy.shape[0], LANES):
                prefetch(row, base)
        if blocks > FAR and s + AHEAD < flipping:
            far = np.uint64(chosen[n + s + AHEAD])
            for k in range(np.uint64(rows.indptr[far]), np.uint64(rows.indptr[far + ONE])):
                prefetch(at.energy, rows.indices[k])
        _flip(
            i, at.state, at.sign, at.energy, rows.indptr, rows.indices, rows.weights, rows.dense, rows.adjacency,
            rows.opposed, rows.unit,
        )  # fmt: skip
    return cost


@njit(cache=True, nogil=True, **PLAIN)
def advance(rows, at, scratch, rules, temperatures, target):
    """Do one step per temperature; stop early at ``target`` or when ``improvements`` is full. Everything in place.

    Args:
        rows, at, scratch, rules: `Rows`, `Progress`, `Scratch`, `Rules`.
        temperatures: (steps,) int32.
        target: a cost at or below which nothing more is done.
    """
    counters = at.counters
    blocks = at.state.shape[0]
    present = np.int64(-1)
    for t in range(temperatures.shape[0]):
        if counters[BEST_COST] <= target or counters[FOUND] == at.improvements.shape[0]:
            break
        if temperatures[t] != present:
            present = np.int64(temperatures[t])
            set_bounds(scratch.bounds, present, rules.exponent, rules.strict, rules.limit)
            # The temperature neuron sends nothing else, and nothing for the first step.
            counters[CHANGES] += counters[HEAT] >= 0 and counters[HEAT] != present
            counters[HEAT] = present
        step = counters[STEP]
        shared = step_key(rules.key, np.uint64(step))
        number = _suggest(rows, at, scratch, rules, step, shared, blocks)
        if number > 0:
            flipping = _choose(rows, at, scratch, rules, step, shared, number, blocks)
            counters[COST] += _flip_all(rows, at, scratch.chosen, flipping, step - counters[SINCE], blocks)
        counters[STEP] += 1
        if counters[COST] < counters[BEST_COST]:
            counters[BEST_COST] = counters[COST]
            counters[BEST_STEP] = counters[STEP]
            counters[LATCHES] += counters[COST] < 0  # the integrator knows nothing worse than all zeros
            for b in range(blocks):
                at.best[b] = at.state[b]
            at.improvements[counters[FOUND], 0] = counters[STEP]
            at.improvements[counters[FOUND], 1] = counters[COST]
            counters[FOUND] += 1
