"""The event-driven kernel: relax samples one after another, each at a cost proportional to its messages.

A step of one sample: deliver the messages of the step before (one weight row each), update the neurons of every
population that received something or still moves, collect the new messages. All populations step in parallel: one hop
per time step, as a synapse on the chip delivers a message one step after it was sent.

The rules of arithmetic are those of ``substrates.loihi2.neurons.relaxation``; nothing is decided here but the order of
loops, and integer sums do not depend on that. Samples are independent: any split over threads gives the same bits.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from substrates.loihi2.neurons.relaxation import RELU, TABLE, activate, descend, encode, integrate
from substrates.loihi2.relaxation.layout import Int32, Int64, Rules, States, Tally, Wiring
from substrates.loihi2.widths import saturate

__all__ = ["relax_samples"]


@njit(cache=True, nogil=True)
def _scatter(weights, start, stride, index, value, count, total):  # type: ignore[no-untyped-def]
    """total[:stride] = sum over messages of value times the weight row of index; four rows per pass."""
    total[:stride] = 0
    m = 0
    while m + 4 <= count:
        w0 = weights[start + index[m] * stride : start + index[m] * stride + stride]
        w1 = weights[start + index[m + 1] * stride : start + index[m + 1] * stride + stride]
        w2 = weights[start + index[m + 2] * stride : start + index[m + 2] * stride + stride]
        w3 = weights[start + index[m + 3] * stride : start + index[m + 3] * stride + stride]
        d0, d1, d2, d3 = value[m], value[m + 1], value[m + 2], value[m + 3]
        for j in range(stride):
            total[j] += d0 * w0[j] + d1 * w1[j] + d2 * w2[j] + d3 * w3[j]
        m += 4
    while m < count:
        w = weights[start + index[m] * stride : start + index[m] * stride + stride]
        d = value[m]
        for j in range(stride):
            total[j] += d * w[j]
        m += 1


@njit(cache=True, nogil=True)
def _collect(pending, index, value):  # type: ignore[no-untyped-def]
    """List the non-zero messages of one population; return how many."""
    count = 0
    for i in range(pending.shape[0]):
        index[count] = i
        value[count] = pending[i]
        count += pending[i] != 0
    return count


@njit(cache=True, nogil=True)
def _update(a_in, bias, current, remainder, u, sent, pending, rules, p):  # type: ignore[no-untyped-def]
    """Step the neurons of population p; return (largest gap before, any gap after, states clipped)."""
    guard, damping, bits = rules.guard_bits, rules.damping, rules.fraction_bits
    kind, table, low, width = rules.kind[p], rules.table[p], rules.low[p], rules.width[p]
    threshold, message_shift = rules.threshold[p], rules.message_shift[p]
    gap, left, clipped = 0, 0, 0
    for i in range(a_in.shape[0]):
        heard = saturate(a_in[i])
        total, rest = integrate(current[i], remainder[i], heard, guard)
        target = saturate(total + bias[i])
        whole = current[i] + ((remainder[i] + heard) >> guard)
        clipped += (heard != a_in[i]) + (total != whole) + (target != total + bias[i])
        gap = max(gap, abs(target - u[i]))
        moved = descend(u[i], target, damping)
        left |= target - moved
        current[i] = total
        remainder[i] = rest
        u[i] = moved
    # Apart from the loop above, which vectorises; the rule is chosen once for the population.
    if kind == TABLE:
        for i in range(a_in.shape[0]):
            pending[i] = encode(activate(u[i], TABLE, table, low, width, bits), sent[i], threshold, message_shift)
    elif kind == RELU:
        for i in range(a_in.shape[0]):
            pending[i] = encode(activate(u[i], RELU, table, low, width, bits), sent[i], threshold, message_shift)
    else:
        for i in range(a_in.shape[0]):
            pending[i] = encode(activate(u[i], kind, table, low, width, bits), sent[i], threshold, message_shift)
    for i in range(a_in.shape[0]):
        sent[i] += pending[i]
    return gap, left != 0, clipped


@njit(cache=True, nogil=True)
def _same(a, b):  # type: ignore[no-untyped-def]
    """Whether two states (5, neurons) are equal; unequal ones nearly always differ at once."""
    for k in range(a.shape[1]):
        for f in range(a.shape[0]):
            if a[f, k] != b[f, k]:
                return False
    return True


@njit(cache=True, nogil=True)
def _relax(first, last, states, bias, rules, wiring, total, max_steps, tolerance, check_every, tally):  # type: ignore[no-untyped-def]  # noqa: C901
    populations = rules.kind.shape[0]
    neurons = rules.offset[populations]
    index = np.empty((populations, neurons + 1), np.int64)
    value = np.empty((populations, neurons + 1), np.int32)
    count = np.zeros(populations, np.int64)
    a_in = np.zeros(neurons, np.int64)
    moving = np.ones(populations, np.bool_)
    state = np.empty((5, neurons), np.int32)
    snapshot = np.empty((5, neurons), np.int32)
    summed = tally.activity_sum.shape[1] > 0
    for b in range(first, last):
        state[0], state[1], state[2] = states.current[b], states.remainder[b], states.u[b]
        state[3], state[4] = states.sent[b], states.pending[b]
        current, remainder, u, sent, pending = state[0], state[1], state[2], state[3], state[4]
        moving[:] = True
        residual, quiescent, cycling, step, landmark = 0, False, False, 0, 1
        for p in range(populations):
            lo, hi = rules.offset[p], rules.offset[p + 1]
            count[p] = _collect(pending[lo:hi], index[p], value[p])
        while step < max_steps:
            step += 1
            for c in range(wiring.source.shape[0]):
                source, target, shift = wiring.source[c], wiring.target[c], wiring.shift[c]
                if count[source] == 0:
                    continue
                stride, lo, hi = wiring.stride[c], rules.offset[target], rules.offset[target + 1]
                _scatter(wiring.weights, wiring.start[c], stride, index[source], value[source], count[source], total)
                if shift >= 0:
                    for i in range(hi - lo):
                        a_in[lo + i] += total[i] >> shift
                else:
                    for i in range(hi - lo):
                        a_in[lo + i] += np.int64(total[i]) << -shift
                moving[target] = True
            residual, sending = 0, False
            for p in range(populations):
                lo, hi = rules.offset[p], rules.offset[p + 1]
                if not moving[p]:
                    pending[lo:hi] = 0
                    count[p] = 0
                    continue
                gap, moving[p], clipped = _update(
                    a_in[lo:hi], bias[b, lo:hi], current[lo:hi], remainder[lo:hi], u[lo:hi], sent[lo:hi],
                    pending[lo:hi], rules, p,
                )  # fmt: skip
                a_in[lo:hi] = 0
                residual = max(residual, gap)
                count[p] = _collect(pending[lo:hi], index[p], value[p])
                tallied, sending_now = tally.sent[b, lo:hi], pending[lo:hi]
                for i in range(hi - lo):  # all of them: vector code is faster than looking for the few that send
                    tallied[i] += np.int32(sending_now[i] != 0)
                tally.saturations[b, p] += clipped
                sending = sending or count[p] > 0 or moving[p]
            if summed:
                for p in range(populations):
                    for i in range(rules.offset[p], rules.offset[p + 1]):
                        tally.activity_sum[b, i] += activate(
                            u[i], rules.kind[p], rules.table[p], rules.low[p], rules.width[p], rules.fraction_bits
                        )
            if not sending:
                residual, quiescent = 0, True
                break
            if tolerance > 0 and step % check_every == 0 and residual < tolerance:
                break
            # Brent's search for a state that comes back: compare with the one kept at the last power of two.
            if step == landmark:
                snapshot[:] = state
                landmark *= 2
            elif not cycling and _same(state, snapshot):
                cycling = True
        states.current[b], states.remainder[b], states.u[b] = current, remainder, u
        states.sent[b], states.pending[b] = sent, pending
        tally.steps[b], tally.residual[b], tally.quiescent[b] = step, residual, quiescent
        tally.cycling[b] = cycling


def relax_samples(
    rows: tuple[int, int],
    states: States,
    bias: Int32,
    rules: Rules,
    wiring: Wiring,
    total: Int32 | Int64,
    max_steps: int,
    tolerance: int,
    check_every: int,
    tally: Tally,
) -> None:
    """Relax samples in place, until quiescent, below ``tolerance``, or ``max_steps`` are done.

    Args:
        rows: first sample, and the one after the last.
        states: all samples' states; those of the range are advanced.
        bias: (batch, neurons) constant part of every target: bias and nudge.
        total: scratch for one coupling's sums, at least the longest row; its type (int32 or int64) must hold the
            largest possible sum, see ``chip_network.accumulator``.
        tolerance: in units of the last binary place of u; 0 looks only for quiescence.
        tally: rows of the range are written.
    """
    first, last = rows
    _relax(first, last, states, bias, rules, wiring, total, max_steps, tolerance, check_every, tally)
