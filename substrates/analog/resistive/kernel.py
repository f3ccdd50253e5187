"""The layered circuit's compiled solver: exact block coordinate descent, sample by sample, any batch, the same bits."""

# Compiled functions: numba infers their types.
# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["first_currents", "gradient", "relax", "wright_omega"]


@njit(cache=True)
def wright_omega(z):
    """w + ln w = z for real z: three of Halley-like steps (Fritsch, Shafer and Crowley 1973), good to rounding."""
    if z < -40.0:
        return np.exp(z)
    if z < -2.0:
        w = np.exp(z)
    elif z < 1.5:
        w = np.exp(2.0 * (z - 1.0) / 3.0)
    else:
        w = z - np.log(z) + np.log(z) / z
    for _ in range(3):
        r = z - w - np.log(w)
        t = (1.0 + w) * (1.0 + w + 2.0 * r / 3.0)
        w *= 1.0 + r / (1.0 + w) * (t - 0.5 * r) / (t - r)
    return w


@njit(cache=True, inline="always")
def _node(total, conductance, sign, saturation, thermal):
    """The voltage of one node with all its neighbours held: total current at 0 V, total conductance, its diode.

    sign: 1 a diode that keeps the voltage from falling below zero, -1 from rising above, 0 none.
    """
    v = total / conductance
    if sign == 0:
        return v
    if saturation == 0.0:
        return max(v, 0.0) if sign > 0 else min(v, 0.0)
    # Is (exp(u / Vt) - 1) + G u = I with u the diode's forward voltage: u = -sign v, I = -sign total
    scale = conductance * thermal
    current = -sign * total
    c = saturation / scale
    q = (current + saturation) / scale
    u = thermal * (q - wright_omega(q + np.log(c)))
    return -sign * u


@njit(cache=True, nogil=True)
def first_currents(inputs, conductances, gain, out):
    """out[b, j] = gain sum_i inputs[b, i] g[i, j], summed in one order whatever the batch."""
    for b in range(inputs.shape[0]):
        out[b, :] = 0.0
        for i in range(inputs.shape[1]):
            x = gain * inputs[b, i]
            if x != 0.0:
                for j in range(conductances.shape[1]):
                    out[b, j] += x * conductances[i, j]


@njit(cache=True, nogil=True)
def relax(  # noqa: C901
    drive, starts, flat, flat_t, places, forward, backward, bias, total_g, signs, saturation, thermal,
    pull, target, force, v, scratch, sweeps, tolerance, check, done, moved,
):  # fmt: skip
    """Sweep over the layers, each exactly minimised given its neighbours, until a sweep moves no node by ``tolerance``.

    drive: (batch, n1) currents from the clamped inputs. starts: offsets of the layers in v (layers + 1).
    flat, flat_t, places: conductances between layers, both ways round, one after the other. forward, backward: gains.
    pull: conductance to ``target`` (batch, n_out) at the outputs, may be negative; force: (batch, n_out) current.
    v: (batch, nodes) from where to start; replaced. done, moved: (batch,) sweeps made and the last largest change.
    """
    layers = starts.shape[0] - 1
    for b in range(drive.shape[0]):
        change = np.inf
        count = 0
        for sweep in range(sweeps):
            change = 0.0
            for l in range(layers):
                first, end = starts[l], starts[l + 1]
                width = end - first
                if l == 0:
                    for j in range(width):
                        scratch[j] = drive[b, j] + bias[first + j]
                else:
                    for j in range(width):
                        scratch[j] = bias[first + j]
                    below = starts[l - 1]
                    place = places[l - 1]
                    for i in range(first - below):
                        x = forward[l] * v[b, below + i]
                        if x != 0.0:
                            row = place + i * width
                            for j in range(width):
                                scratch[j] += x * flat[row + j]
                if l + 1 < layers:
                    place = places[l]
                    for k in range(starts[l + 2] - end):
                        x = backward[l + 1] * v[b, end + k]
                        if x != 0.0:
                            row = place + k * width
                            for j in range(width):
                                scratch[j] += x * flat_t[row + j]
                last = l + 1 == layers
                for j in range(width):
                    n = first + j
                    current, conductance = scratch[j], total_g[n]
                    if last:
                        current += pull * target[b, j] + force[b, j]
                        conductance += pull
                    new = _node(current, conductance, signs[n], saturation, thermal)
                    change = max(change, abs(new - v[b, n]))
                    v[b, n] = new
            count = sweep + 1
            if count % check == 0 and change <= tolerance:
                break
        done[b] = count
        moved[b] = change


@njit(cache=True, nogil=True)
def gradient(inputs, gain, n_inputs, plus, minus, starts, forward, scale, factor, out_first, out_flat, places):
    """Add factor scale_l / 2 sum_b [(a v_i - v_j)^2 at ``plus`` - at ``minus``] for every conductance.

    inputs: (batch, n0) clamped voltages. plus, minus: (batch, nodes). scale: (layers,) energy scale of each coupling.
    """
    width = starts[1]
    for b in range(inputs.shape[0]):
        for i in range(n_inputs):
            x = gain * inputs[b, i]
            f = 0.5 * factor * scale[0]
            for j in range(width):
                # (x - p)^2 - (x - m)^2 = (m - p)(2 x - p - m): no cancellation of large squares
                p, m = plus[b, j], minus[b, j]
                out_first[i, j] += f * (m - p) * (2.0 * x - p - m)
        for l in range(1, starts.shape[0] - 1):
            below, first, end = starts[l - 1], starts[l], starts[l + 1]
            f = 0.5 * factor * scale[l]
            for i in range(first - below):
                row = places[l - 1] + i * (end - first)
                xp, xm = forward[l] * plus[b, below + i], forward[l] * minus[b, below + i]
                for j in range(end - first):
                    p = xp - plus[b, first + j]
                    m = xm - minus[b, first + j]
                    out_flat[row + j] += f * (p - m) * (p + m)
