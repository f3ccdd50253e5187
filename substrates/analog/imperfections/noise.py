"""Temporal noise: Gaussian numbers that depend only on (sample key, step, neuron), never on order or batch."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["bits_of_float", "fill_normals", "float_from_bits", "normal", "sample_keys", "step_key"]

_U64 = np.uint64


@numba.njit(inline="always")
def _mix32(x: Any) -> Any:
    """A bijection of 32-bit integers with good avalanche (C. Wellons, hash prospector, constants 'lowbias32')."""
    # numba widens 32-bit products to 64: cut back each time
    x = np.uint32(x ^ (x >> np.uint32(16)))
    x = np.uint32(x * np.uint32(0x7FEB352D))
    x = np.uint32(x ^ (x >> np.uint32(15)))
    x = np.uint32(x * np.uint32(0x846CA68B))
    return np.uint32(x ^ (x >> np.uint32(16)))


@numba.njit(inline="always")
def _splitmix(x: Any) -> Any:
    x += np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@numba.njit(inline="always")
def step_key(sample: Any, step: Any) -> Any:
    """64-bit key of one step of one sample."""
    return _splitmix(sample ^ _splitmix(np.uint64(step)))


@intrinsic
def bits_of_float(typing_context: Any, value: Any) -> Any:
    """The bits of a float32 as int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def float_from_bits(typing_context: Any, value: Any) -> Any:
    """The float32 with these int32 bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@numba.njit(inline="always")
def _split(x: Any) -> Any:
    """(e, m) with x = m 2^e, m in [1/sqrt(2), sqrt(2)) roughly, for positive normal x."""
    bits = bits_of_float(x)
    shifted = np.int32(bits - np.int32(0x3F3504F3))
    e = np.int32(shifted >> np.int32(23))
    return np.float32(e), float_from_bits(np.int32(bits - np.int32(e << np.int32(23))))


@numba.njit(inline="always", fastmath={"contract"})
def normal(low: Any, high: Any, neuron: Any) -> Any:
    """One standard normal number in float32 (Box-Muller with polynomial logarithm and cosine, error below 1e-4).

    Written without branches, library calls or tables so that a loop over neurons vectorises.
    """
    a = _mix32(np.uint32(np.uint32(np.uint32(neuron) * np.uint32(0x9E3779B9)) ^ low))
    b = _mix32(np.uint32(a ^ high))
    # -2 log(u), u = (a + 1/2) / 2^32 in (0, 1): exponent by conversion to float and its bits
    x = np.float32(a >> np.uint32(8)) + np.float32(0.5)
    # x = m 2^e by its bits: exact, and no branch
    e, m = _split(x)
    t = (m - np.float32(1.0)) / (m + np.float32(1.0))
    t2 = t * t
    log_x = (
        np.float32(2.0)
        * t
        * (
            np.float32(1.0)
            + t2
            * (np.float32(0.33333333) + t2 * (np.float32(0.2) + t2 * (np.float32(0.14285714) + t2 * np.float32(0.111))))
        )
    )
    log_u = log_x + (e - np.float32(24.0)) * np.float32(0.69314718)
    r = np.sqrt(np.maximum(np.float32(-2.0) * log_u, np.float32(0.0)))
    # cos(2 pi w) for w in [-1/2, 1/2): with y = 1/4 - |w| it is sin(2 pi y), |y| <= 1/4
    w = np.float32(np.int32(b >> np.uint32(8)) - np.int32(8388608)) * np.float32(2.0**-24)
    y = (np.float32(0.25) - np.abs(w)) * np.float32(6.2831853)
    y2 = y * y
    sine = y * (
        np.float32(1.0)
        + y2
        * (
            np.float32(-0.16666667)
            + y2 * (np.float32(0.0083333310) + y2 * (np.float32(-0.00019840874) + y2 * np.float32(2.7525562e-6)))
        )
    )
    return r * sine


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy")
def fill_normals(keys: Any, step: int, out: Any) -> None:
    """out[b, i] = standard normal of (keys[b], step, i); ``out`` is float32 (batch, neurons)."""
    for b in range(out.shape[0]):
        key = step_key(keys[b], step)
        low, high = np.uint32(key & np.uint64(0xFFFFFFFF)), np.uint32(key >> np.uint64(32))
        row = out[b]
        for i in range(row.shape[0]):
            row[i] = normal(low, high, i)


@numba.njit(cache=True)
def _keys(seed: Any, samples: Any, phase: Any) -> Any:
    out = np.empty(samples.shape[0], dtype=np.uint64)
    for b in range(samples.shape[0]):
        out[b] = _splitmix(_splitmix(seed ^ _splitmix(samples[b])) ^ np.uint64(phase))
    return out


def sample_keys(seed: int, samples: npt.NDArray[np.uint64], phase: int) -> npt.NDArray[np.uint64]:
    """Noise keys of a phase, one per sample, from the chip seed, the samples' numbers and the phase's number."""
    keys: npt.NDArray[np.uint64] = _keys(_U64(seed % 2**64), samples, _U64(phase))
    return keys
