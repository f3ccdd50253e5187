"""From a problem's coefficients to what the chip stores: 8-bit weights with exponents, 24-bit biases.

A synapse stores w_ij, the change of neuron i's flip energy when x_j switches on, so a pair stores J_ij = 2 Q_ij:

    dE_i = (1 - 2 x_i) (D_i + sum_j w_ij x_j),      w_ij ~ scale J_ij,   D_i ~ scale a_i

Weights of one sign keep all values to 255 in 8 bits. Mixed signs lose their last bit on the chip (range -256 to 254,
even), so the mantissa is stored doubled and keeps all values to 127. Where that is too narrow, a second group of
synapses carries the high digits at a larger exponent. Lossless whenever it fits; else rounded, with the worst-case
error of the cost stated. Costs are always evaluated on the original problem, never on these integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.kernels import halves_both_ways, reaches, sizes
from equipoise.qubo.problem import Problem

__all__ = ["Group", "Quantised", "quantise"]

STATE_MAX = 2**23 - 1  #: largest magnitude of a neuron's 24-bit state
COMFORT = 2**15 - 1  #: flip energies are scaled up to this when nothing is lost by it
CEILING = 2**20  #: or to this: 16 times a temperature of 16 bits, so that every flip can be made likely
RESOLUTION = 32  #: a typical coefficient should be this many temperature units


@dataclass(frozen=True)
class Group:
    """One set of synapses with one exponent; it contributes mantissa << exponent.

    Attributes:
        mantissas: (m,) one per pair, for both directions, within the 8 bits of ``sign_mode``.
        exponent: left shift of the accumulated sum.
        sign_mode: ``excitatory`` (0 to 255), ``inhibitory`` (-255 to 0) or ``mixed`` (-256 to 254, even).
    """

    mantissas: npt.NDArray[np.int16]
    exponent: int
    sign_mode: str


@dataclass(frozen=True, eq=False)
class Quantised:
    """A problem in the chip's integers.

    Attributes:
        base: (m,) int64 stored pair weights w_ij 2^-shift, all even.
        diagonal: (n,) int64 biases D_i.
        sign_mode: of the 8-bit synapses that make up ``weights``, see `Group`.
        bits, largest: the bits set in any magnitude of ``base``, and the largest of them.
        ratio: integer units per unit of cost, exactly.
        exact: an integer cost is ``ratio`` times the problem's (up to float64 rounding of real coefficients).
        max_error: the largest possible |c(x) - offset - integer cost / ratio| over all x, in units of the cost.
    """

    problem: Problem
    base: npt.NDArray[np.int64]
    diagonal: npt.NDArray[np.int64]
    sign_mode: str
    bits: int
    largest: int
    ratio: Fraction
    exact: bool
    max_error: float
    shift: int = 0  #: all integers are multiples of 2^shift (off-diagonal Q_ij too)
    reach: float = math.inf  #: no flip costs more, in units of the cost

    @cached_property
    def weights(self) -> npt.NDArray[np.int64]:
        """(m,) stored pair weights w_ij: the sum of the groups."""
        return self.base << self.shift

    @property
    def scale(self) -> float:
        return float(self.ratio)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The 8-bit synapses whose sum is ``weights``."""
        double, radix = int(self.sign_mode == "mixed"), _radix(self.sign_mode)
        size, sign = np.abs(self.weights) >> (self.exponents[0] + double), np.sign(self.weights)
        return tuple(
            Group(((part * sign) << double).astype(np.int16), exponent, self.sign_mode)
            for part, exponent in zip((size % radix, size // radix), self.exponents)
        )

    @cached_property
    def exponents(self) -> tuple[int, ...]:
        """Of the one or two groups."""
        radix = _radix(self.sign_mode)
        exponent = _low_zeros(self.bits << self.shift)
        powers = (exponent, exponent + radix.bit_length() - 1)
        number = 1 + (self.largest << self.shift >> exponent >= radix)
        return tuple(power - int(self.sign_mode == "mixed") for power in powers[:number])

    def csr(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(indptr, indices, Q_ij, Q_ii) with integer cost x^T Q x: symmetric, Q_ij = w_ij / 2."""
        indptr, indices, entry = self.problem.csr
        return indptr, indices, (self.weights // 2)[entry], self.diagonal

    def compact_csr(
        self,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[Any], npt.NDArray[np.int64]]:
        """`csr` without the common factor 2^shift, weights as narrow as they go (8 or 32 bits)."""
        p = self.problem
        like = np.empty(0, np.int8 if self.largest < 256 else np.int32)
        indptr, indices, halves = halves_both_ways(p.rows, p.cols, self.base, p.num_variables, like)
        return indptr, indices, halves, self.diagonal >> self.shift

    def units(self, cost: int | float) -> int:
        """The integer cost at or below which the problem's own cost is certainly at or below ``cost``."""
        exactly = Fraction(cost) - Fraction(self.problem.offset) - Fraction(self.max_error)
        return math.floor(exactly * self.ratio)

    def as_dict(self) -> dict[str, Any]:
        """For records and JSON."""
        return {
            "scale": self.scale,
            "exact": self.exact,
            "max_error": self.max_error,
            "groups": [{"exponent": e, "sign_mode": self.sign_mode} for e in self.exponents],
        }


def quantise(problem: Problem) -> Quantised:
    """Find the scale, the mantissas and the exponents; lossless wherever 16 bits of weight can be."""
    common = _common_unit(problem)
    if common is not None:
        linear, pairs, per_unit = common
        measured = sizes(pairs)
        mode = _sign_mode(measured)
        found = _lossless_shift(problem, linear, pairs, mode, measured)
        if found is not None:
            shift, spare, reach = found
            least = shift - spare
            base = pairs << least if least else pairs
            bits, largest = int(measured[2]) << least, int(measured[3]) << least
            return Quantised(
                problem, base, linear << shift, mode, bits, largest, per_unit * 2**shift, True, 0.0, spare,
                reach / float(per_unit),
            )  # fmt: skip
    return _rounded(problem)


def _sign_mode(measured: tuple[Any, ...]) -> str:
    negative, positive = measured[:2]
    if not negative:
        return "excitatory"
    return "mixed" if positive else "inhibitory"


def _radix(mode: str) -> int:
    """One group holds magnitudes below this: a sign and 8 bits, or, mixed and doubled, 7 bits."""
    return 128 if mode == "mixed" else 256


def _reach(problem: Problem, linear: npt.NDArray[Any], pairs: npt.NDArray[Any]) -> float:
    """The largest |D_i| + sum_j |w_ij| of any neuron."""
    return float(reaches(linear, problem.rows, problem.cols, pairs))


#: units tried for real coefficients: one, a half, a quarter, ... and a tenth, a hundredth, ...
_UNITS = (*(Fraction(2**k) for k in range(31)), *(Fraction(10**k) for k in range(1, 10)))


def _common_unit(problem: Problem) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Fraction] | None:
    """Coefficients as whole multiples of a common unit, and units per cost of one; None where there is none."""
    per_unit, n = Fraction(1), problem.num_variables
    linear, pairs = problem.linear, problem.pairs
    if linear.dtype.kind == "f":
        both = np.concatenate([linear, pairs])
        size = np.abs(both)
        for per_unit in _UNITS:
            if size.max() * per_unit >= 2**62:
                return None
            scaled = both * float(per_unit)
            whole = np.rint(scaled)
            if (np.abs(scaled - whole) <= 2.0**-52 * size * float(per_unit)).all():
                both = whole.astype(np.int64)
                break
        else:
            return None
        linear, pairs = both[:n], both[n:]
    divisor = math.gcd(int(sizes(linear)[5]), int(sizes(pairs)[5])) or 1
    if divisor == 1:
        return linear, pairs, per_unit
    return linear // divisor, pairs // divisor, per_unit / divisor


def _lossless_shift(
    problem: Problem,
    linear: npt.NDArray[np.int64],
    pairs: npt.NDArray[np.int64],
    mode: str,
    measured: tuple[Any, ...],
) -> tuple[int, int, float] | None:
    """How far coefficients are shifted up so that everything fits exactly, how much of that is for resolution,
    and the reach. None when nothing fits.
    """
    largest = int(measured[3])
    zeros = _low_zeros(int(measured[2]))
    reach = _reach(problem, linear, pairs)
    least = max(0, 1 - zeros) if len(pairs) else 0  # stored weights are even
    if (largest >> zeros) >= _radix(mode) ** 2 or reach * 2**least > STATE_MAX:
        return None
    counted = ((linear, sizes(linear)), (pairs, measured))
    typical = min((_median(values, found) for values, found in counted if found[3]), default=1.0)
    shift = least
    while shift < 20 and (
        reach * 2 ** (shift + 1) <= COMFORT or (typical * 2**shift < RESOLUTION and reach * 2 ** (shift + 1) <= CEILING)
    ):
        shift += 1
    return shift, shift - least, reach


def _median(values: npt.NDArray[np.int64], measured: tuple[Any, ...]) -> float:
    """Of the magnitudes that are not zero."""
    median = float(measured[4])
    return median if median >= 0 else float(np.median(np.abs(values[values != 0])))


def _low_zeros(bits: int) -> int:
    """Zeros below the lowest bit: the power of two in the common divisor of the values with these bits."""
    return (bits & -bits).bit_length() - 1 if bits else 0


def _rounded(problem: Problem) -> Quantised:
    """Scale by a power of two and round to even weights of two groups; state the worst-case error.

    A bias so large that it decides its variable alone is cut to where it still does, so that it does not push the
    other coefficients below one unit.
    """
    linear, pairs = problem.linear.astype(np.float64), problem.pairs.astype(np.float64)
    n, size = problem.num_variables, np.abs(pairs)
    around = np.bincount(problem.rows, size, n) + np.bincount(problem.cols, size, n)
    enough = 2 * around + size.max(initial=0.0)
    kept = np.clip(linear, -enough, enough) if len(pairs) else linear
    reach = _reach(problem, kept, pairs)
    power = math.floor(math.log2(CEILING)) - math.ceil(math.log2(reach))
    mode = "mixed" if (pairs < 0).any() and (pairs > 0).any() else "excitatory"
    step = 2.0
    while np.rint(np.ldexp(size, power) / step).max(initial=0) >= _radix(mode) ** 2:
        step *= 2
    weights = (np.rint(np.ldexp(pairs, power) / step) * step).astype(np.int64)
    diagonal = np.rint(np.ldexp(kept, power)).astype(np.int64)
    gaps = [
        linear - np.ldexp(diagonal.astype(np.float64), -power),
        pairs - np.ldexp(weights.astype(np.float64), -power),
    ]
    above = math.fsum(math.fsum(g[g > 0].tolist()) for g in gaps)
    below = math.fsum(math.fsum(g[g < 0].tolist()) for g in gaps)
    error = max(above, -below)
    measured = sizes(weights)
    return Quantised(
        problem, weights, diagonal, _sign_mode(measured), int(measured[2]), int(measured[3]),
        Fraction(2) ** power, error == 0, error,
    )  # fmt: skip
