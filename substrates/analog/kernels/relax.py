"""The fused loop: products, activation, nudge, noise, residual and cycles of a dense logistic network, in float32.

Rows are samples, columns neurons; each population starts at a multiple of PANEL and its padding stays zero. Samples
that have settled leave: the last active row takes their place, so the work shrinks with the batch.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from substrates.analog.imperfections.noise import bits_of_float, float_from_bits, normal, step_key
from substrates.analog.kernels.logistic import exp32, logistic32
from substrates.analog.kernels.product import PANEL, accumulate, accumulate_from

__all__ = ["gather", "relax_rows"]

_F = np.float32


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy")
def _forces(f: Any, v: Any, drive: Any, rows: int, population: int, first: Any, size: Any, blocks: Any, w: Any) -> None:
    """f of one population: drive plus all its couplings. ``blocks`` rows are (target, source, first float of w)."""
    a, n = first[population], size[population]
    begun = False
    for b in range(blocks.shape[0]):
        if blocks[b, 0] == population:
            source = blocks[b, 1]
            if begun:
                accumulate(f, a, n, v, first[source], size[source], w, blocks[b, 2], rows)
            else:
                accumulate_from(f, a, n, drive, v, first[source], size[source], w, blocks[b, 2], rows)
            begun = True
    if not begun:
        for r in range(rows):
            _copy(f[r, a : a + n], drive[r, a : a + n])


@numba.njit(cache=True)
def _copy(to: Any, source: Any) -> None:
    for i in range(source.shape[0]):
        to[i] = source[i]


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy")
def _nudge(
    f: Any, v: Any, rows: int, a: int, n: int, kind: int, beta: Any, target: Any, readout: Any, bias: Any, logits: Any
) -> None:
    """f of the output += beta dL/dv, beta per row. ``kind`` 1: softmax read-out, target one-hot; 2: squared error.

    ``readout`` holds the read-out's weights packed, and behind them the same transposed; ``logits`` is room for both.
    """
    if kind == 2:
        for r in range(rows):
            for i in range(n):
                f[r, a + i] += beta[r] * (v[r, a + i] - target[r, i])
        return
    classes = bias.shape[0]
    for r in range(rows):
        for c in range(classes):
            logits[r, c] = bias[c]
    accumulate(logits, 0, classes, v, a, n, readout, 0, rows)
    for r in range(rows):
        error = logits[r, :classes]
        top, total = _F(-np.inf), _F(0.0)
        for c in range(classes):
            top = max(top, error[c])
        for c in range(classes):
            error[c] = exp32(error[c] - top)
            total += error[c]
        for c in range(classes):
            error[c] = beta[r] * (error[c] / total - target[r, c])
    accumulate(f, a, n, logits, 0, classes, readout, logits.shape[1] * n, rows)


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy")
def _clamp(f: Any, rows: int, a: int, n: int, rail: Any) -> None:
    for r in range(rows):
        fr = f[r, a : a + n]
        for i in range(n):
            fr[i] = min(max(fr[i], -rail), rail)


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy")
def _move(u: Any, f: Any, rows: int, a: int, n: int, h: Any) -> None:
    """u <- u + h (f - u)."""
    ha = h[a : a + n]
    for r in range(rows):
        ur, fr = u[r, a : a + n], f[r, a : a + n]
        for i in range(n):
            ur[i] += ha[i] * (fr[i] - ur[i])


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy")
def _logistic(v: Any, u: Any) -> None:
    for i in range(u.shape[0]):
        v[i] = logistic32(u[i])


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy")
def _logistic_of(v: Any, u: Any, gain: Any, offset: Any) -> None:
    for i in range(u.shape[0]):
        v[i] = logistic32(gain[i] * u[i] + offset[i])


@numba.njit(cache=True)
def _activate(u: Any, v: Any, rows: int, a: int, n: int, plain: bool, gain: Any, offset: Any) -> None:
    """v = sigma(g u + o); ``plain``: gain one and offset zero, the same bits sooner."""
    for r in range(rows):
        if plain:
            _logistic(v[r, a : a + n], u[r, a : a + n])
        else:
            _logistic_of(v[r, a : a + n], u[r, a : a + n], gain[a : a + n], offset[a : a + n])


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy")
def _fill(z: Any, low: Any, high: Any, number: Any) -> None:
    """z[i] = normal number of neuron ``number + i``."""
    for i in range(z.shape[0]):
        z[i] = normal(low, high, number + i)


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy")
def _shake(
    u: Any,
    v: Any,
    var: Any,
    rows: int,
    first: Any,
    size: Any,
    h: Any,
    gain: Any,
    offset: Any,
    state: Any,
    keys: Any,
    step: int,
) -> None:
    """u += sqrt(h^2 var + state^2 h (2 - h)) z, one normal number per neuron; v follows."""
    z = np.empty(u.shape[1], np.float32)
    for r in range(rows):
        key = step_key(keys[r], step)
        low, high = np.uint32(key & np.uint64(0xFFFFFFFF)), np.uint32(key >> np.uint64(32))
        number = 0  # neurons are counted without the padding
        for p in range(first.shape[0]):
            a, n = first[p], size[p]
            ur, vr, sr, ha = u[r, a : a + n], v[r, a : a + n], var[r, a : a + n], h[a : a + n]
            # three loops: one would touch too many arrays for the vectoriser
            _fill(z[:n], low, high, number)
            for i in range(n):
                hi = ha[i]
                z[i] *= np.sqrt(hi * hi * sr[i] + state * state * hi * (_F(2.0) - hi))
            for i in range(n):
                ur[i] += z[i]
            _logistic_of(vr, ur, gain[a : a + n], offset[a : a + n])
            number += n


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy")
def _variance(
    var: Any,
    fixed: Any,
    v: Any,
    power: Any,
    rows: int,
    first: Any,
    size: Any,
    blocks: Any,
    w2: Any,
    add2: Any,
    prop: bool,
) -> None:
    """Read-noise variance of every current at the present activities: |v|^2 per additive block, (W o W)(v o v)."""
    partial = np.empty(16, np.float32)
    for r in range(rows):
        vr, pr, fr, xr = var[r], power[r], fixed[r], v[r]
        for i in range(v.shape[1]):
            vr[i] = fr[i]
            pr[i] = xr[i] * xr[i]
    for b in range(blocks.shape[0]):
        target, source = blocks[b, 0], blocks[b, 1]
        if prop:
            accumulate(var, first[target], size[target], power, first[source], size[source], w2, blocks[b, 2], rows)
        if add2[b] > 0:
            for r in range(rows):
                pr = power[r, first[source] : first[source] + size[source]]
                vr = var[r, first[target] : first[target] + size[target]]
                # sixteen partial sums: in this order always, and wide
                total = _F(0.0)
                for lane in range(16):
                    partial[lane] = _F(0.0)
                for i in range(0, pr.shape[0] - 15, 16):
                    for lane in range(16):
                        partial[lane] += pr[i + lane]
                for i in range(pr.shape[0] // 16 * 16, pr.shape[0]):
                    total += pr[i]
                for lane in range(16):
                    total += partial[lane]
                total *= add2[b]
                for i in range(vr.shape[0]):
                    vr[i] += total


@numba.njit(cache=True)
def _farthest(x: Any, y: Any) -> Any:
    """Largest |x - y| as int32 bits: they order as the numbers do, infinity and NaN last, and their maximum is wide."""
    worst = np.int32(0)
    for i in range(x.shape[0]):
        bits = np.int32(bits_of_float(x[i] - y[i]) & np.int32(0x7FFFFFFF))
        worst = max(worst, bits)
    return worst


@numba.njit(cache=True)
def _distance(x: Any, y: Any, r: int, first: Any, size: Any, skip: Any) -> Any:
    """Largest |x - y| of one sample over the populations not skipped; infinite where not a number."""
    worst = np.int32(0)
    for p in range(first.shape[0]):
        if not skip[p]:
            worst = max(worst, _farthest(x[r, first[p] : first[p] + size[p]], y[r, first[p] : first[p] + size[p]]))
    return float_from_bits(min(worst, np.int32(0x7F800000)))


@numba.njit(cache=True)
def _settled_by_moving(first: Any, groups: Any, blocks: Any, nudged: bool) -> Any:
    """Populations that a full sweep of whole steps (h = 1) leaves at u = F(u): all they listen to moved before."""
    exact = np.ones(first.shape[0], np.bool_)
    for b in range(blocks.shape[0]):
        if groups[blocks[b, 1]] >= groups[blocks[b, 0]]:
            exact[blocks[b, 0]] = False
    if nudged:  # the nudge depends on the output itself
        exact[first.shape[0] - 1] = False
    return exact


@numba.njit(cache=True)
def gather(rows: Any, order: Any, first: int, width: int) -> Any:
    """rows[order, first : first + width], contiguous."""
    out = np.empty((order.shape[0], width), np.float32)
    for r in range(order.shape[0]):
        _copy(out[r], rows[order[r], first : first + width])
    return out


@numba.njit(cache=True)
def _swap(x: Any, r: int, other: int) -> None:
    xr, xo = x[r], x[other]
    for i in range(x.shape[1]):
        xr[i], xo[i] = xo[i], xr[i]


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy")
def relax_rows(  # noqa: C901
    u: Any,
    v: Any,
    f: Any,
    drive: Any,
    fixed: Any,
    first: Any,
    size: Any,
    groups: Any,
    blocks: Any,
    w: Any,
    w2: Any,
    add2: Any,
    prop: Any,
    state: Any,
    keys: Any,
    h: Any,
    gain: Any,
    offset: Any,
    rail: Any,
    kind: Any,
    beta: Any,
    target: Any,
    readout: Any,
    bias: Any,
    max_steps: Any,
    tolerance: Any,
    check_every: Any,
    window: Any,
    ratio: Any,
    residual: Any,
    steps: Any,
    cycling: Any,
) -> Any:
    """Relax all rows of ``u`` in place; ``v`` becomes their activities.

    ``groups[p]`` is the turn in which population p moves (all 0: synchronous).

    The rules of stopping and of cycles are those of `substrates.analog.solvers.relax_batch`.
    """
    rows, populations = u.shape[0], first.shape[0]
    noisy = state > 0 or prop or add2.max() > 0 or fixed.max() > 0
    order = np.arange(rows)
    snapshot = np.empty_like(u) if max_steps >= 1 else u[:0].copy()
    farthest, found = np.zeros(rows, np.float32), np.zeros(rows, np.bool_)
    var = np.zeros_like(u) if noisy else u[:0].copy()
    power = np.zeros_like(u) if noisy else u[:0].copy()
    last, turns = populations - 1, groups.max() + 1
    whole, plain = True, True  # steps of h = 1 without a rail put the force itself into u
    for p in range(populations):
        for i in range(first[p], first[p] + size[p]):
            whole = whole and h[i] == 1
            plain = plain and gain[i] == 1 and offset[i] == 0
    whole = whole and not rail > 0
    for p in range(populations):
        _activate(u, v, rows, first[p], size[p], plain, gain, offset)
    nowhere, exact = np.zeros(populations, np.bool_), np.zeros(populations, np.bool_)
    logits = np.zeros((rows if kind == 1 else 0, (bias.shape[0] + PANEL - 1) // PANEL * PANEL), np.float32)
    unseen = np.zeros(populations, np.bool_)
    active, looking = rows, False
    for taken in range(max_steps + 1):
        if taken == 1 and whole and not noisy:
            exact = _settled_by_moving(first, groups, blocks, kind > 0)
        checking = taken == max_steps or (tolerance > 0 and taken % check_every == 0)
        if checking:
            # the forces of the first turn are those the step needs anyway; the others only where a sample may settle
            possible = taken == max_steps
            for turn in range(2):
                for p in range(populations):
                    unseen[p] = exact[p] or (turn == 0) != (groups[p] == 0)
                    if not unseen[p] and (turn == 0 or possible):
                        _forces(f, v, drive, active, p, first, size, blocks, w)
                        if p == last and kind:
                            _nudge(f, v, active, first[p], size[p], kind, beta, target, readout, bias, logits)
                        if rail > 0:
                            _clamp(f, active, first[p], size[p], rail)
                for r in range(active):
                    if possible or turn > 0:
                        break
                    possible = _distance(f, u, r, first, size, unseen) <= tolerance
            for r in range(active - 1 if possible else -1, -1, -1):
                worst = _distance(f, u, r, first, size, exact)
                if taken < max_steps and not worst <= tolerance:
                    continue
                active -= 1
                place = order[r]
                residual[place], steps[place], cycling[place] = worst, taken, found[r] and not noisy
                if r != active:  # swap with the last active row
                    order[r], order[active] = order[active], order[r]
                    farthest[r], found[r] = farthest[active], found[active]
                    keys[r], keys[active] = keys[active], keys[r]
                    beta[r] = beta[active]
                    _swap(u, r, active)
                    _swap(v, r, active)
                    _copy(f[r], f[active])
                    _copy(drive[r], drive[active])
                    _copy(target[r], target[active])
                    if noisy:
                        _copy(fixed[r], fixed[active])
                    if looking:
                        _copy(snapshot[r], snapshot[active])
            if active == 0:
                break
        if max_steps - taken <= window and not looking:
            for r in range(active):
                _copy(snapshot[r], u[r])
            looking = True
        if noisy:
            _variance(var, fixed, v, power, active, first, size, blocks, w2, add2, prop)
        for turn in range(turns):
            for p in range(populations):
                if groups[p] == turn and not (checking and turn == 0 and not exact[p]):  # the check has those forces
                    into = u if whole else f
                    _forces(into, v, drive, active, p, first, size, blocks, w)
                    if p == last and kind:
                        _nudge(into, v, active, first[last], size[last], kind, beta, target, readout, bias, logits)
                    if rail > 0:
                        _clamp(f, active, first[p], size[p], rail)
                elif groups[p] == turn and whole:
                    for r in range(active):
                        _copy(u[r, first[p] : first[p] + size[p]], f[r, first[p] : first[p] + size[p]])
            for p in range(populations):
                if groups[p] == turn:
                    if not whole:
                        _move(u, f, active, first[p], size[p], h)
                    if not noisy:
                        _activate(u, v, active, first[p], size[p], plain, gain, offset)
        if noisy:
            _shake(u, v, var, active, first, size, h, gain, offset, state, keys, taken)
        if looking:
            for r in range(active):
                gap = _distance(u, snapshot, r, first, size, nowhere)
                if gap < ratio * farthest[r] and farthest[r] < np.inf:
                    found[r] = True
                farthest[r] = max(farthest[r], gap)
    return order
