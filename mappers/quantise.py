"""From real weights to the chip's format: integer mantissas, one exponent per coupling, and what was lost.

    W  ~  step * 2^exponent * mantissa

``step`` is the real value of one unit of the accumulated sum (chosen by the caller, shared by all couplings that add
up in the same neurons); ``exponent`` (-8 to 7) is the chip's shift of the sum; ``mantissa`` follows the chip's sign
modes: mixed signs are the even numbers from -256 to 254, one sign alone 0 to 255.

The exponent is the one with the smallest squared error: a large one keeps big weights, a small one keeps fine steps
and clips a few outliers, and which is better depends on the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.weights import SignMode, truncate

__all__ = ["EXPONENTS", "QuantisationReport", "Quantised", "quantise"]

EXPONENTS = range(-8, 8)


@dataclass(frozen=True)
class QuantisationReport:
    """What a coupling lost. Errors are in the units of the original weights.

    Attributes:
        max_error, rms_error: over all weights.
        relative_error: Frobenius norm of the error over that of the weights; 0 for an all-zero matrix.
        clipped: weights beyond the largest mantissa.
        zeroed: weights that became zero.
        levels: different mantissas used.
        exact: nothing was lost.
    """

    max_error: float
    rms_error: float
    relative_error: float
    clipped: int
    zeroed: int
    levels: int
    exact: bool

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Quantised:
    """A coupling in the chip's format. ``mantissa`` has the shape of the weights; `values` gives them back."""

    mantissa: npt.NDArray[np.int16]
    exponent: int
    sign_mode: SignMode
    bits: int
    step: float
    report: QuantisationReport

    def values(self) -> npt.NDArray[np.float64]:
        """The weights the chip really has, in the units of the original."""
        return self.mantissa.astype(np.float64) * (self.step * 2.0**self.exponent)


def quantise(
    weights: npt.ArrayLike,
    *,
    step: float | None = None,
    exponent: int | None = None,
    bits: int = 8,
    sign_mode: SignMode | None = None,
) -> Quantised:
    """Put ``weights`` into the chip's format, rounding to the nearest stored value.

    Args:
        weights: real matrix, any shape.
        step: real value of one unit of the sum; None picks the power of two that uses the mantissa's whole range.
        exponent: -8 to 7; None picks the one with the smallest squared error (the larger one on a tie).
        bits: bits of a stored weight, 1 to 8 (the sign is one of them when signs are mixed).
        sign_mode: None picks the narrowest that holds the weights.

    Raises:
        InputError: weights that are not finite numbers, or a sign, step, exponent or bits that cannot be.
    """
    real = _checked(weights, step, exponent, bits)
    mode = _sign_mode(real, sign_mode)
    if mode == SignMode.MIXED and bits == 1:
        raise InputError("a mixed-sign weight needs at least 2 bits: one of them is the sign")
    largest = float(np.abs(real).max(initial=0.0))
    if step is None:
        base = exponent if exponent is not None else 0
        top = _highest(mode, bits)
        # not below the smallest normal number, where steps would no longer be powers of two
        step = 2.0 ** max(np.ceil(np.log2(largest) - np.log2(top)) - base, -1000.0) if largest > 0 else 1.0
        candidates: list[int] = [base]
    else:
        candidates = [exponent] if exponent is not None else _sensible_exponents(largest, step, mode, bits)
    best: tuple[float, npt.NDArray[np.int32], int] | None = None
    for candidate in candidates:
        mantissa = _nearest(real / (step * 2.0**candidate), mode, bits)
        error = float(np.square((mantissa * (step * 2.0**candidate) - real) / (largest or 1.0)).sum())
        if best is None or error < best[0]:
            best = (error, mantissa, candidate)
    assert best is not None
    _, mantissa, chosen = best
    return Quantised(
        mantissa.astype(np.int16),
        chosen,
        mode,
        bits,
        float(step),
        _report(real, mantissa, step * 2.0**chosen, mode, bits),
    )


def _checked(weights: npt.ArrayLike, step: float | None, exponent: int | None, bits: int) -> npt.NDArray[np.float64]:
    try:
        real = np.asarray(weights, np.float64)
    except (TypeError, ValueError):
        raise InputError("the weights must be a matrix of real numbers") from None
    if not np.isfinite(real).all():
        raise InputError(f"{int((~np.isfinite(real)).sum())} weights are not finite; the chip holds integers only")
    if not 1 <= bits <= 8:
        raise InputError(f"a stored weight has 1 to 8 bits, got {bits}")
    if exponent is not None and exponent not in EXPONENTS:
        raise InputError(f"a weight exponent is from {EXPONENTS[0]} to {EXPONENTS[-1]}, got {exponent}")
    if step is not None and not (np.isfinite(step) and step > 0):
        raise InputError(f"the value of one unit must be finite and above zero, got {step}")
    return real


def _sign_mode(real: npt.NDArray[np.float64], wanted: SignMode | None) -> SignMode:
    negative, positive = bool((real < 0).any()), bool((real > 0).any())
    if wanted is None:
        return SignMode.MIXED if negative and positive else SignMode.INHIBITORY if negative else SignMode.EXCITATORY
    if (wanted == SignMode.EXCITATORY and negative) or (wanted == SignMode.INHIBITORY and positive):
        raise InputError(f"the weights have signs that {wanted.name.lower()} synapses cannot hold; use mixed signs")
    return wanted


def _unit(mode: SignMode, bits: int) -> int:
    """Distance between neighbouring stored values."""
    return 1 << (8 - bits + (mode == SignMode.MIXED))


def _highest(mode: SignMode, bits: int) -> int:
    """Largest stored magnitude that both signs reach."""
    return 256 - _unit(mode, bits)


def _nearest(scaled: npt.NDArray[np.float64], mode: SignMode, bits: int) -> npt.NDArray[np.int32]:
    unit, high = _unit(mode, bits), _highest(mode, bits)
    low = {SignMode.MIXED: -256, SignMode.EXCITATORY: 0, SignMode.INHIBITORY: -high}[mode]
    high = 0 if mode == SignMode.INHIBITORY else high
    mantissa = np.clip(np.rint(scaled / unit) * unit, low, high).astype(np.int32)
    return truncate(mantissa, mode, bits)  # changes nothing: says that these are values the chip stores


def _sensible_exponents(largest: float, step: float, mode: SignMode, bits: int) -> list[int]:
    """From the smallest exponent that clips nothing, downwards: three steps of clipping are never worth more."""
    if largest == 0:
        return [0]
    fits = int(np.ceil(np.log2(largest) - np.log2(step * _highest(mode, bits))))
    first = min(max(fits, EXPONENTS[0]), EXPONENTS[-1])
    return [e for e in range(first, first - 4, -1) if e in EXPONENTS]


def _report(
    real: npt.NDArray[np.float64], mantissa: npt.NDArray[np.int32], unit: float, mode: SignMode, bits: int
) -> QuantisationReport:
    if real.size == 0:
        return QuantisationReport(0.0, 0.0, 0.0, 0, 0, 0, True)
    error = mantissa * unit - real
    largest = float(np.abs(real).max()) or 1.0  # sizes are taken relative to it: squares must not overflow
    size, norm = float(np.linalg.norm(error / largest)), float(np.linalg.norm(real / largest))
    edge = (_highest(mode, bits) + _unit(mode, bits) / 2) * unit
    return QuantisationReport(
        max_error=float(np.abs(error).max()),
        rms_error=size * largest / real.size**0.5,
        relative_error=size / norm if norm else 0.0,
        clipped=int((np.abs(real) > edge).sum()),
        zeroed=int(((mantissa == 0) & (real != 0)).sum()),
        levels=int(np.unique(mantissa).size),
        exact=bool((error == 0).all()),
    )
