"""Compiled loops of the partitioner: growing cores, moving neurons, counting axons. All linear in the synapses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["axons", "by_first", "grow", "refine"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@njit(cache=True)
def by_first(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], n: int) -> tuple[I64, I32]:
    """(pointers (n + 1,), ``second`` sorted by ``first``): pairs as compressed rows, those of one row in their order.

    A counting sort: two passes where a comparison sort of a million synapses takes twenty.
    """
    pointers = np.zeros(n + 1, np.int64)
    for k in range(first.shape[0]):
        pointers[first[k] + 1] += 1
    for i in range(n):
        pointers[i + 1] += pointers[i]
    free = pointers[:n].copy()
    sorted_second = np.empty(second.shape[0], np.int32)
    for k in range(first.shape[0]):
        i = first[k]
        sorted_second[free[i]] = second[k]
        free[i] += 1
    return pointers, sorted_second


@njit(cache=True)
def grow(
    first: int,
    last: int,
    next_core: int,
    core: I32,
    in_ptr: I64,
    in_idx: I32,
    out_ptr: I64,
    out_idx: I32,
    max_neurons: int,
    max_bytes: int,
    max_axons: int,
    synapse_bits: int,
    axon_bits: int,
    mark: I64,
    queue: I32,
    queued: I32,
) -> int:
    """Fill cores ``next_core``, ... with neurons ``first`` to ``last - 1``, breadth first from a neuron left over.

    A core takes neurons until the next one would break ``max_neurons``, ``max_bytes`` (synapses and axon headers) or
    ``max_axons`` (different senders). ``mark`` (n,), ``queue`` (n,) and ``queued`` (n,) are scratch. Returns the
    number after the last core used.
    """
    scan = first
    while True:
        while scan < last and core[scan] >= 0:
            scan += 1
        if scan >= last:
            return next_core
        me = next_core
        next_core += 1
        count, bits, senders = 0, 0, 0
        head, tail = 0, 0
        seed = scan
        full = False
        while not full:
            if head == tail:  # nothing connected is left: go on with the lowest neuron not placed
                while seed < last and (core[seed] >= 0 or queued[seed] == me + 1):
                    seed += 1
                if seed >= last:
                    break
                queue[tail] = seed
                queued[seed] = me + 1
                tail += 1
            i = queue[head]
            head += 1
            new = 0
            for k in range(in_ptr[i], in_ptr[i + 1]):
                s = in_idx[k]
                if mark[s] != me:
                    mark[s] = me
                    new += 1
            need = (in_ptr[i + 1] - in_ptr[i]) * synapse_bits + new * axon_bits
            if count > 0 and (count + 1 > max_neurons or bits + need > max_bytes * 8 or senders + new > max_axons):
                full = True
                break
            core[i] = me
            count += 1
            bits += need
            senders += new
            for k in range(in_ptr[i], in_ptr[i + 1]):
                j = in_idx[k]
                if first <= j < last and core[j] < 0 and queued[j] != me + 1:
                    queued[j] = me + 1
                    queue[tail] = j
                    tail += 1
            for k in range(out_ptr[i], out_ptr[i + 1]):
                j = out_idx[k]
                if first <= j < last and core[j] < 0 and queued[j] != me + 1:
                    queued[j] = me + 1
                    queue[tail] = j
                    tail += 1


@njit(cache=True)
def refine(
    first: int,
    last: int,
    first_core: int,
    last_core: int,
    core: I32,
    in_ptr: I64,
    in_idx: I32,
    out_ptr: I64,
    out_idx: I32,
    max_neurons: int,
    max_bits: int,
    max_axons: int,
    synapse_bits: int,
    axon_bits: int,
    count: I64,
    bits: I64,
    senders: I64,
    weight: I64,
) -> int:
    """One pass over neurons ``first`` to ``last - 1``: move each to the core of its group that most of its synapses
    (in and out) touch, if it has room. ``bits`` and ``senders`` stay upper bounds. Returns the number of moves.
    """
    touched = np.empty(last_core - first_core, np.int64)
    moves = 0
    for i in range(first, last):
        here = core[i]
        n_touched = 0
        for side in range(2):
            ptr = in_ptr if side == 0 else out_ptr
            idx = in_idx if side == 0 else out_idx
            for k in range(ptr[i], ptr[i + 1]):
                c = core[idx[k]]
                if idx[k] != i and first_core <= c < last_core:
                    if weight[c] == 0:
                        touched[n_touched] = c
                        n_touched += 1
                    weight[c] += 1
        best, best_weight = here, weight[here]
        degree = in_ptr[i + 1] - in_ptr[i]
        need = degree * (synapse_bits + axon_bits)
        for t in range(n_touched):
            c = touched[t]
            if (
                weight[c] > best_weight
                and count[c] < max_neurons
                and bits[c] + need <= max_bits
                and senders[c] + degree <= max_axons
            ):
                best, best_weight = c, weight[c]
        for t in range(n_touched):
            weight[touched[t]] = 0
        if best != here and count[here] > 1:
            core[i] = best
            count[here] -= 1
            count[best] += 1
            bits[here] -= degree * synapse_bits
            bits[best] += need
            senders[best] += degree
            moves += 1
    return moves


@njit(cache=True)
def axons(n: int, cores: int, core: I32, out_ptr: I64, out_idx: I32) -> tuple[I64, I64, I64, I64, I32, I32, I64]:
    """Count axons: one for every (sending neuron, receiving core).

    Returns:
        per core (cores,): synapses stored, axons in, axons out to other cores, axons that stay; then every pair of
        different cores with traffic: sender (p,), receiver (p,) and its axons (p,).
    """
    synapses = np.zeros(cores, np.int64)
    fan_in = np.zeros(cores, np.int64)
    fan_out = np.zeros(cores, np.int64)
    stays = np.zeros(cores, np.int64)
    order = np.argsort(core[:n], kind="mergesort")  # neurons by core: links of one core are met together
    seen = np.full(cores, -1, np.int64)
    link = np.zeros(cores, np.int64)
    used = np.empty(cores, np.int64)
    capacity = max(16, cores)
    a = np.empty(capacity, np.int32)
    b = np.empty(capacity, np.int32)
    w = np.empty(capacity, np.int64)
    pairs = 0
    n_used = 0
    for position in range(n):
        i = order[position]
        me = core[i]
        for k in range(out_ptr[i], out_ptr[i + 1]):
            c = core[out_idx[k]]
            synapses[c] += 1
            if seen[c] != i:
                seen[c] = i
                fan_in[c] += 1
                if c == me:
                    stays[me] += 1
                else:
                    fan_out[me] += 1
                    if link[c] == 0:
                        used[n_used] = c
                        n_used += 1
                    link[c] += 1
        if position == n - 1 or core[order[position + 1]] != me:
            for t in range(n_used):
                if pairs == capacity:
                    capacity *= 2
                    a2 = np.empty(capacity, np.int32)
                    b2 = np.empty(capacity, np.int32)
                    w2 = np.empty(capacity, np.int64)
                    a2[:pairs], b2[:pairs], w2[:pairs] = a[:pairs], b[:pairs], w[:pairs]
                    a, b, w = a2, b2, w2
                a[pairs], b[pairs], w[pairs] = me, used[t], link[used[t]]
                pairs += 1
                link[used[t]] = 0
            n_used = 0
    return synapses, fan_in, fan_out, stays, a[:pairs], b[:pairs], w[:pairs]


@njit(cache=True)
def add_outside(core: I32, ptr: I64, idx: I32, synapses: I64, fan_in: I64) -> None:
    """Add to ``synapses`` and ``fan_in`` (cores,) those of senders outside the cores, in rows by sender."""
    seen = np.full(synapses.size, -1, np.int64)
    for s in range(ptr.size - 1):
        for k in range(ptr[s], ptr[s + 1]):
            c = core[idx[k]]
            synapses[c] += 1
            if seen[c] != s:
                seen[c] = s
                fan_in[c] += 1
