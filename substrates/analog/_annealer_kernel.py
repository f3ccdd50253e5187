"""The analog annealer's inner loop: Euler-Maruyama on the box, synchronous, only the spins that can move."""

# Compiled functions: numba infers their types.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
from numba import njit

from substrates.loihi2.random import step_key, word

__all__ = ["langevin"]

#: four 16-bit uniforms minus their mean, times this, have unit variance; their largest sum is then 2 sqrt(3)
_UNIFORM = np.sqrt(3.0) / 65536.0
_BOUND = 2.0 * np.sqrt(3.0)


@njit(cache=True, inline="always")
def _normal(bits):
    """A bounded, nearly Gaussian number of unit variance from 64 random bits."""
    low = np.uint64(0xFFFF)
    total = (bits & low) + ((bits >> np.uint64(16)) & low) + ((bits >> np.uint64(32)) & low) + (bits >> np.uint64(48))
    return (np.float64(total) - 131070.0) * _UNIFORM


@njit(cache=True, nogil=True)
def langevin(
    v, membrane, force, x, true, indptr, indices, cells, pairs, gain, offset, rate, temperatures, first, key,
    read_every, headroom, soft, costs, best, best_step, target, delta, moved, improvements,
):  # fmt: skip
    """One Euler-Maruyama step per temperature; every ``read_every`` steps the comparators look.

    force: b_i + sum_j W_ij v_j with the realised conductances; true: a_i + sum_j J_ij x_j of the read-out bits.
    costs: [cost of x, best cost]. Returns (best step, improvements written).
    """
    n = v.shape[0]
    low, high = -headroom, 1.0 + headroom
    found = 0
    for t in range(temperatures.shape[0]):
        step = first + t
        shared = step_key(key, np.uint64(step))
        heat = 2.0 * temperatures[t]
        number = 0
        for i in range(n):
            drift = -rate[i] * gain[i] * (force[i] + offset[i])
            spread = np.sqrt(heat * rate[i])
            m = membrane[i]
            reach = spread * _BOUND
            if (m == low and drift + reach <= 0.0) or (m == high and drift - reach >= 0.0):
                continue
            m += drift
            if spread > 0.0:
                m += spread * _normal(word(shared, np.uint64(i)))
            m = min(max(m, low), high)
            membrane[i] = m
            new = 1.0 / (1.0 + np.exp(-8.0 * (m - 0.5))) if soft else min(max(m, 0.0), 1.0)
            if new != v[i]:
                delta[i] = new - v[i]
                v[i] = new
                moved[number] = i
                number += 1
        for k in range(number):
            i = moved[k]
            change = delta[i]
            for p in range(indptr[i], indptr[i + 1]):
                force[indices[p]] += cells[p] * change
        if (step + 1) % read_every == 0:
            for i in range(n):
                bit = np.uint8(1) if v[i] > 0.5 else np.uint8(0)
                if bit != x[i]:
                    sign = 1.0 if bit else -1.0
                    costs[0] += sign * true[i]
                    x[i] = bit
                    for p in range(indptr[i], indptr[i + 1]):
                        true[indices[p]] += sign * pairs[p]
            if costs[0] < costs[1] - 1e-9 * (1.0 + abs(costs[1])):
                costs[1] = costs[0]
                best[:] = x
                best_step = step + 1
                if found < improvements.shape[0]:
                    improvements[found, 0] = best_step
                    improvements[found, 1] = costs[0]
                    found += 1
                if costs[1] <= target:
                    break
    return best_step, found
