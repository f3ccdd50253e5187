"""The compiled time loop: it runs any laid-out program, with no Python between steps.

One step, in Lava's order: connections deliver what they summed in the step before; sources send; every population
advances; its messages go into the connections that leave it. Synapses are touched only where a message arrives, so
the cost is neurons per step plus synaptic operations.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from substrates.loihi2.engine import layout as at
from substrates.loihi2.engine.synapse_kernels import deliver, spread_conv, spread_delayed, spread_dense, spread_sparse
from substrates.loihi2.neurons import delta, graded_relu, lif, lif_refractory, phased, relaxation, sigma, sigma_delta

__all__ = ["run_steps"]

P_CODE, P_START, P_SIZE, P_STATE, P_VARIABLES = at.P_CODE, at.P_START, at.P_SIZE, at.P_STATE, at.P_VARIABLES
P_TABLE, P_TABLE_END, P_EVENTS, P_EVENT_STEPS, P_REPEAT = (
    at.P_TABLE, at.P_TABLE_END, at.P_EVENTS, at.P_EVENT_STEPS, at.P_REPEAT,
)  # fmt: skip
C_KIND, C_SOURCE, C_TARGET, C_GRADED, C_EXPONENT = at.C_KIND, at.C_SOURCE, at.C_TARGET, at.C_GRADED, at.C_EXPONENT
C_SLOTS, C_RING, C_SCRATCH, C_WEIGHTS, C_ROWS = at.C_SLOTS, at.C_RING, at.C_SCRATCH, at.C_WEIGHTS, at.C_ROWS
C_SCALE, C_ZERO, C_GEOMETRY, C_DELAYS = at.C_SCALE, at.C_ZERO, at.C_GEOMETRY, at.C_DELAYS
DENSE, SPARSE, CONV, DIRECT, SOURCE = at.DENSE, at.SPARSE, at.CONV, at.DIRECT, at.SOURCE
GEOMETRY = 15  #: integers in a convolution's geometry


@njit(cache=True, error_model="numpy", _nrt=False)
def _advance(code: int, state: Any, a_in: Any, bias: Any, out: Any, parameters: Any, table: Any, time: int) -> int:
    """One step of a population; the one place that knows all models."""
    if code == 1:
        return lif.advance(state, a_in, bias, out, parameters, table, time)
    if code == 2:
        return lif_refractory.advance(state, a_in, bias, out, parameters, table, time)
    if code == 3:
        return sigma.advance(state, a_in, bias, out, parameters, table, time)
    if code == 4:
        return delta.advance(state, a_in, bias, out, parameters, table, time)
    if code == 5:
        return sigma_delta.advance(state, a_in, bias, out, parameters, table, time)
    if code == 6:
        return graded_relu.advance(state, a_in, bias, out, parameters, table, time)
    if code == 8:
        return phased.advance(state, a_in, bias, out, parameters, table, time)
    return relaxation.advance(state, a_in, bias, out, parameters, table, time)


@njit(cache=True, error_model="numpy", _nrt=False)
def _source_events(p: Any, time: int, starts: Any, who: Any, what: Any, out: Any, fired: Any, before: int) -> int:
    """Put this step's events of a source into ``out`` and ``fired``, after clearing the ``before`` last ones."""
    for k in range(before):
        out[fired[k]] = 0
    step = time - 1
    if p[P_EVENT_STEPS] == 0 or (step >= p[P_EVENT_STEPS] and p[P_REPEAT] == 0):
        return 0
    row = p[P_EVENTS] + step % p[P_EVENT_STEPS]
    count = starts[row + 1] - starts[row]
    for k in range(count):
        i = who[starts[row] + k]
        fired[k] = i
        out[i] = what[starts[row] + k]
    return count


@njit(cache=True, error_model="numpy", _nrt=False)
def _collect(out: Any, fired: Any, counts: Any) -> int:
    """List the neurons with a message, without a branch per neuron; count them."""
    k = 0
    for i in range(out.shape[0]):
        fired[k] = i
        k += out[i] != 0
    for j in range(k):
        counts[fired[j]] += 1
    return k


@njit(cache=True, error_model="numpy", _nrt=False)
def _propagate(
    c: Any, time: int, dense: Any, rows: Any, indices: Any, sparse: Any, delays: Any, conv: Any, geometry: Any,
    ring: Any, scratch: Any, part: Any, fired: Any, values: Any, n_source: int, n: int,
) -> int:  # fmt: skip
    """Send the messages ``fired`` of one step into connection ``c``; return the sum for its zero point."""
    kind, start, slots, graded = c[C_KIND], c[C_RING], c[C_SLOTS], c[C_GRADED] != 0
    if kind == DENSE:
        return spread_dense(ring[start : start + n], dense, c[C_WEIGHTS], fired, values, graded, part[:n])
    if kind == CONV:
        shape = geometry[c[C_GEOMETRY] : c[C_GEOMETRY] + GEOMETRY]
        spread_conv(ring[start : start + n], conv, c[C_WEIGHTS], shape, fired, values, graded)
        return 0
    pointers = rows[c[C_ROWS] : c[C_ROWS] + n_source + 1]
    if slots == 1:
        spread_sparse(ring[start : start + n], pointers, indices, sparse, fired, values, graded)
        return 0
    whole = ring[start : start + n * slots]
    if c[C_SCRATCH] < 0:
        spread_delayed(
            whole, n, slots, (time + 1) % slots, pointers, indices, sparse, delays, c[C_DELAYS], fired, values, graded
        )
        return 0
    part = scratch[c[C_SCRATCH] : c[C_SCRATCH] + n * slots]
    spread_delayed(
        part, n, slots, (time + 1) % slots, pointers, indices, sparse, delays, c[C_DELAYS], fired, values, graded
    )
    down = -c[C_EXPONENT]
    for j in range(n * slots):
        whole[j] += part[j] >> down
        part[j] = 0
    return 0


@njit(cache=True, error_model="numpy", _nrt=False)
def _deliver_all(
    connections: Any, populations: Any, time: int, pending: Any, sums: Any, ring: Any, a_in: Any, out: Any,
    n_fired: Any, fired: Any,
) -> None:  # fmt: skip
    """Add what the connections summed for this step to their targets' inputs."""
    for g in range(connections.shape[0]):
        c = connections[g]
        target = populations[c[C_TARGET]]
        n = target[P_SIZE]
        into = a_in[target[P_START] : target[P_START] + n]
        if c[C_KIND] == DIRECT:
            source = populations[c[C_SOURCE]][P_START]
            for k in range(n_fired[c[C_SOURCE]]):
                i = fired[source + k]
                into[i] += out[source + i]
            continue
        if time > pending[g]:
            continue
        slot = c[C_RING] + (time % c[C_SLOTS]) * n
        exponent = 0 if c[C_SCRATCH] >= 0 else c[C_EXPONENT]
        deliver(into, ring[slot : slot + n], sums[g] * c[C_ZERO], c[C_SCALE], exponent, c[C_KIND] == CONV)


@njit(cache=True, error_model="numpy", _nrt=False)
def run_steps(
    first: int, steps: int, strict: bool,
    populations: Any, parameters: Any, bias: Any, tables: Any, state: Any, a_in: Any, out: Any,
    fired: Any, n_fired: Any, counts: Any, overflows: Any,
    connections: Any, dense: Any, rows: Any, indices: Any, sparse: Any, delays: Any, conv: Any, geometry: Any,
    ring: Any, scratch: Any, part: Any, pending: Any, sums: Any,
    event_starts: Any, event_indices: Any, event_values: Any,
    probes: Any, recorded: Any,
) -> int:  # fmt: skip
    """Run ``steps`` steps, the first with number ``first``; return how many were run (fewer if strict and overflowing).

    ``probes`` has a row (start in ``state``, or in ``out`` when its second column is 1; n; every; start in
    ``recorded``) per probe.
    """
    for done in range(steps):
        time = first + done
        for i in range(populations.shape[0]):
            p = populations[i]
            if p[P_CODE] == SOURCE:
                a, b = p[P_START], p[P_START] + p[P_SIZE]
                n_fired[i] = _source_events(
                    p, time, event_starts, event_indices, event_values, out[a:b], fired[a:b], n_fired[i]
                )
                for k in range(n_fired[i]):
                    counts[a + fired[a + k]] += 1
        _deliver_all(connections, populations, time, pending, sums, ring, a_in, out, n_fired, fired)
        broken = False
        for i in range(populations.shape[0]):
            p = populations[i]
            if p[P_CODE] == SOURCE:
                continue
            n = p[P_SIZE]
            a, b, s = p[P_START], p[P_START] + n, p[P_STATE]
            own = state[s : s + p[P_VARIABLES] * n].reshape((p[P_VARIABLES], n))
            table = tables[p[P_TABLE] : p[P_TABLE_END]]
            over = _advance(p[P_CODE], own, a_in[a:b], bias[a:b], out[a:b], parameters[i], table, time)
            overflows[i] += over
            broken |= over > 0
            a_in[a:b] = 0
            n_fired[i] = _collect(out[a:b], fired[a:b], counts[a:b])
        for g in range(connections.shape[0]):
            c = connections[g]
            source, target = populations[c[C_SOURCE]], populations[c[C_TARGET]]
            count = n_fired[c[C_SOURCE]]
            sums[g] = 0
            if count == 0 or c[C_KIND] == DIRECT:
                continue
            a = source[P_START]
            pending[g] = time + c[C_SLOTS]
            sums[g] = _propagate(
                c, time, dense, rows, indices, sparse, delays, conv, geometry, ring, scratch, part,
                fired[a : a + count], out[a : a + source[P_SIZE]], source[P_SIZE], target[P_SIZE],
            )  # fmt: skip
        for q in range(probes.shape[0]):
            start, messages, n, every, into = probes[q, 0], probes[q, 1], probes[q, 2], probes[q, 3], probes[q, 4]
            if (done + 1) % every == 0:
                where = into + ((done + 1) // every - 1) * n
                values = out if messages else state
                for k in range(n):
                    recorded[where + k] = values[start + k]
        if strict and broken:
            return done + 1
    return steps
