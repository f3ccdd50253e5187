"""The compiled time loop: it runs any laid-out program, with no Python between steps.

One step, in Lava's order: connections deliver what they summed in the step before; sources send; every population
advances; its messages go into the connections that leave it. Synapses are touched only where a message arrives, so
the cost is neurons per step plus synaptic operations.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.engine.layout import (
    C_DELAYS,
    C_EXPONENT,
    C_GEOMETRY,
    C_GRADED,
    C_KIND,
    C_POPULATION,
    C_RING,
    C_ROWS,
    C_SCALE,
    C_SCRATCH,
    C_SIZE,
    C_SLOTS,
    C_SOURCE,
    C_TARGET,
    C_WEIGHTS,
    C_WIDE,
    C_ZERO,
    CONV,
    DENSE,
    DIRECT,
    LEARNING,
    O_EVENT_STEPS,
    O_EVENTS,
    O_REPEAT,
    O_REPORTS,
    O_SIZE,
    O_START,
    P_BIAS,
    P_IN,
    P_INPUTS,
    P_LARGEST,
    P_OUTLET,
    P_OUTPUTS,
    P_SIZE,
    P_STATE,
    P_STEP,
    P_TABLE,
    P_TABLE_END,
    P_VARIABLES,
    R_INTERVAL,
    R_OFFSET,
    R_SIZE,
    R_START,
    R_VALUE,
    SPARSE,
)  # fmt: skip
from substrates.loihi2.engine.learning_kernel import learn
from substrates.loihi2.engine.overflow import sums_outside
from substrates.loihi2.engine.synapse_kernels import (
    deliver,
    deliver_checked,
    spread_conv,
    spread_delayed,
    spread_dense,
    spread_learning,
    spread_sparse,
)
from substrates.loihi2.neurons.base import ZERO_MESSAGE
from substrates.loihi2.neurons.registry import call_step

__all__ = ["Work", "finish_step", "run_steps", "send_all", "spread_part"]

GEOMETRY = 15  #: integers in a convolution's geometry
BLOCK = 16  #: neurons looked at together where few send
FEW = 32  #: fewer than one in so many
SILENT_ZERO = np.int32(ZERO_MESSAGE)
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]


class Work(NamedTuple):
    """Everything that changes while a program runs."""

    state: Int32
    a_in: Int32  #: what arrives at every input port in this step
    out: Int32  #: messages of every outlet in the last step
    fired: Int32  #: per outlet, who sent, in the first ``n_fired`` of its slots
    n_fired: Int64
    counts: Int64  #: messages per neuron and outlet since the call began
    overflows: Int64  #: per population
    ring: Int32  #: sums under way, per connection n * slots
    scratch: Int64  #: sums of one step, where each is rounded by itself
    exact: Int64  #: room for checking a sum (strict runs)
    part: npt.NDArray[np.int16]
    pending: Int64  #: per connection, the last step at which something can arrive
    sums: Int64  #: per connection, the sum of the last step's messages: a zero point's factor
    plastic: Int32  #: weights, learnt delays and tags of all learning synapses
    traces: Int32  #: per learning connection x1, x2, time of spike; y1, y2, y3, time of spike
    history: Int32  #: traces at every step of the epoch that ends
    updates: Int64  #: per learning connection and target neuron, synapses changed since the call began
    room: Int64


@njit(cache=True, error_model="numpy", _nrt=False)
def _source_events(o: Any, time: int, events: Any, out: Any, fired: Any, before: int) -> int:
    """Put this step's events of a source into ``out`` and ``fired``, after clearing the ``before`` last ones."""
    for k in range(before):
        out[fired[k]] = 0
    step = time - 1
    if o[O_EVENT_STEPS] == 0 or (step >= o[O_EVENT_STEPS] and o[O_REPEAT] == 0):
        return 0
    row = o[O_EVENTS] + step % o[O_EVENT_STEPS]
    start = events.starts[row]
    count = events.starts[row + 1] - start
    for k in range(count):
        i = events.indices[start + k]
        fired[k] = i
        out[i] = events.values[start + k]
    return count


@njit(cache=True, error_model="numpy", _nrt=False)
def _collect(out: Any, fired: Any, counts: Any, reports: bool, before: int) -> int:
    """List the neurons with a message, without a branch per neuron; count them. ``before`` sent in the last step."""
    n = out.shape[0]
    k = first = 0
    if before * FEW < n:  # most blocks are silent: one branch per block
        pairs = out[: n // BLOCK * BLOCK].view(np.int64)
        half = BLOCK // 2
        for b in range(pairs.shape[0] // half):
            any_message = np.int64(0)
            for i in range(b * half, b * half + half):
                any_message |= pairs[i]
            if any_message != 0:
                for i in range(b * BLOCK, b * BLOCK + BLOCK):
                    fired[k] = i
                    k += out[i] != 0
        first = pairs.shape[0] * 2
    for i in range(first, n):
        fired[k] = i
        k += out[i] != 0
    for j in range(k):
        counts[fired[j]] += 1
    if reports:  # a report of zero is a message, but it carries nothing
        for j in range(k):
            if out[fired[j]] == SILENT_ZERO:
                out[fired[j]] = 0
    return k


@njit(cache=True, error_model="numpy", _nrt=False)
def _propagate(c: Any, time: int, stored: Any, work: Any, fired: Any, values: Any) -> int:
    """Send the messages ``fired`` of one step into connection ``c``; return the sum for its zero point."""
    kind, start, slots, graded, n = c[C_KIND], c[C_RING], c[C_SLOTS], c[C_GRADED] != 0, c[C_SIZE]
    ring = work.ring
    if kind == DENSE:
        into = ring[start : start + n]
        return spread_dense(into, stored.dense, c[C_WEIGHTS], n, fired, values, graded, work.part[:n])
    if kind == CONV:
        shape = stored.geometry[c[C_GEOMETRY] : c[C_GEOMETRY] + GEOMETRY]
        spread_conv(ring[start : start + n], stored.conv, c[C_WEIGHTS], shape, fired, values, graded)
        return 0
    pointers = stored.rows[c[C_ROWS] : c[C_ROWS] + values.shape[0] + 1]
    if kind == LEARNING:
        targets = stored.learnt_targets[c[C_GEOMETRY] :]
        into, weights = ring[start : start + n], work.plastic[c[C_WEIGHTS] :]
        spread_learning(into, pointers, targets, c[C_WIDE] != 0, weights, fired, values, graded)
        return 0
    if slots == 1:
        starts, ends = pointers[:-1], pointers[1:]
        spread_sparse(ring[start : start + n], starts, ends, stored.indices, stored.sparse, fired, values, graded)
        return 0
    whole, first = ring[start : start + n * slots], (time + 1) % slots
    if c[C_SCRATCH] < 0:
        spread_delayed(
            whole, n, slots, first, pointers, stored.indices, stored.sparse, stored.delays, c[C_DELAYS], fired,
            values, graded,
        )  # fmt: skip
        return 0
    part = work.scratch[c[C_SCRATCH] : c[C_SCRATCH] + n * slots]
    spread_delayed(
        part, n, slots, first, pointers, stored.indices, stored.sparse, stored.delays, c[C_DELAYS], fired, values,
        graded,
    )  # fmt: skip
    down = -c[C_EXPONENT]
    for j in range(n * slots):
        # What each step adds is rounded before it joins what other steps sent to the same arrival, as in Lava.
        total = part[j] if c[C_WIDE] != 0 else np.int64(np.int32(part[j]))
        whole[j] = np.int32(whole[j] + (total >> down))
        part[j] = 0
    return 0


@njit(cache=True, error_model="numpy", _nrt=False)
def _deliver_all(tables: Any, time: int, work: Any, strict: bool) -> bool:
    """Add what the connections summed for this step to their targets' inputs; whether an input left 32 bits."""
    broken = False
    for g in range(tables.connections.shape[0]):
        c = tables.connections[g]
        n = c[C_SIZE]
        into = work.a_in[c[C_TARGET] : c[C_TARGET] + n]
        if c[C_KIND] == DIRECT:
            source = tables.outlets[c[C_SOURCE]][O_START]
            for k in range(work.n_fired[c[C_SOURCE]]):
                i = work.fired[source + k]
                into[i] += work.out[source + i]
            continue
        if time > work.pending[g]:
            continue
        slot = c[C_RING] + (time % c[C_SLOTS]) * n
        sums = work.ring[slot : slot + n]
        exponent = 0 if c[C_SCRATCH] >= 0 else c[C_EXPONENT]
        constant = work.sums[g] * c[C_ZERO]
        if strict:
            over = deliver_checked(into, sums, constant, c[C_SCALE], exponent, c[C_KIND] == CONV)
            work.overflows[c[C_POPULATION]] += over
            broken |= over > 0
        else:
            deliver(into, sums, constant, c[C_SCALE], exponent, c[C_KIND] == CONV)
    return broken


@njit(cache=True, error_model="numpy", _nrt=False)
def _advance_all(tables: Any, cells: Any, time: int, work: Any, strict: bool) -> bool:
    """Step every population and collect its messages; whether a value left its register."""
    broken = False
    for i in range(tables.populations.shape[0]):
        p = tables.populations[i]
        n, s = p[P_SIZE], p[P_STATE]
        own = work.state[s : s + p[P_VARIABLES] * n].reshape((p[P_VARIABLES], n))
        a_in = work.a_in[p[P_IN] : p[P_IN] + p[P_INPUTS] * n]
        if strict:
            for j in range(a_in.shape[0]):
                if abs(np.int64(a_in[j])) > p[P_LARGEST]:
                    work.overflows[i] += 1
                    broken = True
        begin = tables.outlets[p[P_OUTLET]][O_START]
        out = work.out[begin : begin + p[P_OUTPUTS] * n]
        over = call_step(
            p[P_STEP], own, a_in, cells.bias[p[P_BIAS] : p[P_BIAS] + n], out, cells.parameters[i],
            cells.tables[p[P_TABLE] : p[P_TABLE_END]], time,
        )  # fmt: skip
        work.overflows[i] += over
        broken |= over > 0
        a_in[:] = 0
        for j in range(p[P_OUTLET], p[P_OUTLET] + p[P_OUTPUTS]):
            a, b = tables.outlets[j][O_START], tables.outlets[j][O_START] + n
            work.n_fired[j] = _collect(
                work.out[a:b], work.fired[a:b], work.counts[a:b], tables.outlets[j][O_REPORTS], work.n_fired[j]
            )
    return broken


@njit(cache=True, error_model="numpy", _nrt=False)
def _reset(resets: Any, time: int, state: Any) -> None:
    """Set what is to be set after step ``time``."""
    for k in range(resets.shape[0]):
        r = resets[k]
        if (time - 1) % r[R_INTERVAL] == r[R_OFFSET]:
            state[r[R_START] : r[R_START] + r[R_SIZE]] = r[R_VALUE]


@njit(cache=True, error_model="numpy", _nrt=False)
def _record(probes: Any, recorded: Any, done: int, work: Any) -> None:
    """Copy what is probed. A row: start; in ``state``, ``out``, ``plastic`` or ``traces``; n; every; where to."""
    for q in range(probes.shape[0]):
        start, where_from, n, every, into = probes[q, 0], probes[q, 1], probes[q, 2], probes[q, 3], probes[q, 4]
        if done % every == 0:
            where = into + (done // every - 1) * n
            values = work.state
            if where_from == 1:
                values = work.out
            elif where_from == 2:
                values = work.plastic
            elif where_from == 3:
                values = work.traces
            for k in range(n):
                recorded[where + k] = values[start + k]


@njit(cache=True, error_model="numpy", _nrt=False, nogil=True)
def send_all(time: int, strict: bool, sources: int, tables: Any, cells: Any, events: Any, work: Any) -> bool:
    """The first half of a step, up to the messages of all outlets; whether a value left its register."""
    for i in range(sources):
        o = tables.outlets[i]
        a, b = o[O_START], o[O_START] + o[O_SIZE]
        work.n_fired[i] = _source_events(o, time, events, work.out[a:b], work.fired[a:b], work.n_fired[i])
        for k in range(work.n_fired[i]):
            work.counts[a + work.fired[a + k]] += 1
    broken = _deliver_all(tables, time, work, strict)
    return broken | _advance_all(tables, cells, time, work, strict)


@njit(cache=True, error_model="numpy", _nrt=False, nogil=True)
def finish_step(
    time: int, tables: Any, stored: Any, work: Any, probes: Any, recorded: Any, done: int, drawn: Any, at: int
) -> None:
    """The last part of a step, after its messages were sent on: learning, resets, probes."""
    for g in range(tables.learning.shape[0]):
        learn(
            tables.learning[g], stored.kept[g], time, tables.outlets, stored, work, drawn.shares[g, at],
            drawn.whole[g, at],
        )  # fmt: skip
    if tables.resets.shape[0] > 0:
        _reset(tables.resets, time, work.state)
    _record(probes, recorded, done, work)


@njit(cache=True, error_model="numpy", _nrt=False)
def run_steps(
    first: int, steps: int, strict: bool, sources: int, tables: Any, cells: Any, stored: Any, events: Any, work: Any,
    probes: Any, recorded: Any, before: int, drawn: Any,
) -> int:  # fmt: skip
    """Run ``steps`` steps, the first with number ``first``; return how many were run (fewer if strict and overflowing).

    The first ``sources`` outlets are sources. See `_record` for ``probes``; ``before`` steps are already recorded.
    ``drawn`` are the random numbers of learning connections, see `Drawn`.
    """
    outlets, connections = tables.outlets, tables.connections
    for done in range(steps):
        time = first + done
        broken = send_all(time, strict, sources, tables, cells, events, work)
        for g in range(connections.shape[0]):
            c = connections[g]
            o = outlets[c[C_SOURCE]]
            count = work.n_fired[c[C_SOURCE]]
            work.sums[g] = 0
            if count == 0 or c[C_KIND] == DIRECT:
                continue
            a = o[O_START]
            fired, values = work.fired[a : a + count], work.out[a : a + o[O_SIZE]]
            work.pending[g] = time + c[C_SLOTS]
            if strict:
                over = sums_outside(c, time, stored, work, fired, values)
                work.overflows[c[C_POPULATION]] += over
                broken |= over > 0
            work.sums[g] = _propagate(c, time, stored, work, fired, values)
        finish_step(time, tables, stored, work, probes, recorded, before + done + 1, drawn, done)
        if strict and broken:
            return done + 1
    return steps


@njit(cache=True, error_model="numpy", _nrt=False, nogil=True)
def spread_part(time: int, tables: Any, stored: Any, work: Any, cuts: Any, part: int) -> None:
    """Part number ``part`` of sending one step's messages on: a slice of the targets of dense and sparse synapses.

    Other connections are whole, each in one of the parts. Sums are of integers, so who adds them up changes no bit.
    ``cuts`` (parts + 1, rows) says where in each sparse row a part begins.
    """
    parts = cuts.shape[0] - 1
    room = work.part.shape[0] // parts
    for g in range(tables.connections.shape[0]):
        c = tables.connections[g]
        o = tables.outlets[c[C_SOURCE]]
        count, n, start = work.n_fired[c[C_SOURCE]], c[C_SIZE], c[C_RING]
        if count == 0 or c[C_KIND] == DIRECT:
            if part == 0:
                work.sums[g] = 0
            continue
        fired = work.fired[o[O_START] : o[O_START] + count]
        values, graded = work.out[o[O_START] : o[O_START] + o[O_SIZE]], c[C_GRADED] != 0
        if part == 0:
            work.pending[g] = time + c[C_SLOTS]
        low, high = n * part // parts, n * (part + 1) // parts
        if c[C_KIND] == DENSE:
            into, scratch = work.ring[start + low : start + high], work.part[room * part : room * part + high - low]
            total = spread_dense(into, stored.dense, c[C_WEIGHTS] + low, n, fired, values, graded, scratch)
            if part == 0:
                work.sums[g] = total
        elif c[C_KIND] == SPARSE and c[C_SLOTS] == 1:
            rows = slice(c[C_ROWS], c[C_ROWS] + o[O_SIZE])
            into, starts, ends = work.ring[start : start + n], cuts[part, rows], cuts[part + 1, rows]
            spread_sparse(into, starts, ends, stored.indices, stored.sparse, fired, values, graded)
            if part == 0:
                work.sums[g] = 0
        elif g % parts == part:
            work.sums[g] = _propagate(c, time, stored, work, fired, values)
