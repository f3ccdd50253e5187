"""One linear constraint over binary variables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError

__all__ = ["Constraint", "Relation"]

Relation = Literal["==", "<=", ">="]
#: real coefficients become whole after a common denominator of at most this
FINEST = 10**6


@dataclass(frozen=True, eq=False)
class Constraint:
    """sum_k coefficients_k x[variables_k]  relation  bound, in whole numbers.

    Attributes:
        label: what reports call it.
        variables: (k,) indices, each once. coefficients: (k,) int64, none zero.
        unit: what 1 stands for in the source's own terms (1 unless real coefficients were scaled).
    """

    label: str
    variables: npt.NDArray[np.int64]
    coefficients: npt.NDArray[np.int64]
    relation: Relation
    bound: int
    unit: Fraction = Fraction(1)

    @classmethod
    def of(
        cls,
        label: str,
        variables: Sequence[int],
        coefficients: Sequence[int | float],
        relation: str,
        bound: int | float,
    ) -> Constraint:
        """Scale to whole numbers, add up what names a variable twice, leave out zeros.

        Raises:
            InputError: nothing to constrain, a relation that is none, coefficients that no common denominator of at
                most a million makes whole, or a constraint that no assignment can meet.
        """
        if relation not in ("==", "<=", ">="):
            raise InputError(f"constraint {label!r}: the relation {relation!r} is none of ==, <=, >=")
        if len(variables) != len(coefficients):
            raise InputError(f"constraint {label!r}: {len(variables)} variables, {len(coefficients)} coefficients")
        exact = [_fraction(v, label) for v in (*coefficients, bound)]
        factor = math.lcm(*(v.denominator for v in exact))
        total: dict[int, int] = {}
        for i, value in zip(variables, exact):
            total[int(i)] = total.get(int(i), 0) + int(value * factor)
        kept = {i: c for i, c in total.items() if c}
        limit = int(exact[-1] * factor)
        if any(abs(c) >= 2**31 for c in (*kept.values(), limit)):
            raise InputError(
                f"constraint {label!r}: coefficients beyond 2^31 (after scaling by {factor}); scale it down"
            )
        made = cls(
            label,
            np.array(list(kept), np.int64),
            np.array(list(kept.values()), np.int64),
            relation,  # type: ignore[arg-type]
            limit,
            Fraction(1, factor),
        )
        low, high = made.range
        if (relation in ("==", "<=") and low > limit) or (relation in ("==", ">=") and high < limit):
            raise InputError(
                f"constraint {label!r} cannot be met: its sum lies between {_say(low, made)} and {_say(high, made)}, "
                f"wanted {relation} {_say(limit, made)}"
            )
        return made

    @cached_property
    def range(self) -> tuple[int, int]:
        """Least and largest value that the sum can take."""
        return int(self.coefficients[self.coefficients < 0].sum()), int(self.coefficients[self.coefficients > 0].sum())

    @property
    def counts(self) -> int | None:
        """k where it says "exactly k of these are on", else None."""
        if self.relation != "==" or not len(self.variables) or len(set(self.coefficients.tolist())) != 1:
            return None
        k, left = divmod(self.bound, int(self.coefficients[0]))
        return k if left == 0 else None

    @property
    def exclusive(self) -> bool:
        """Whether it says "at most one of these"."""
        return self.relation == "<=" and bool((self.coefficients == self.bound).all()) and self.bound > 0

    def left(self, x: npt.NDArray[np.uint8]) -> int:
        """The sum."""
        return int(self.coefficients @ x[self.variables].astype(np.int64))

    def violation(self, x: npt.NDArray[np.uint8]) -> int:
        """By how much it is missed, zero when it holds."""
        difference = self.left(x) - self.bound
        if self.relation == "==":
            return abs(difference)
        return max(difference if self.relation == "<=" else -difference, 0)

    def __str__(self) -> str:
        return f"{self.label}: {len(self.variables)} variables {self.relation} {_say(self.bound, self)}"


def _fraction(value: int | float, label: str) -> Fraction:
    try:
        exact = Fraction(value)
    except (ValueError, OverflowError, TypeError):
        raise InputError(f"constraint {label!r}: {value!r} is no finite number") from None
    near = exact.limit_denominator(FINEST)
    if abs(near - exact) > abs(exact) * Fraction(1, 10**12):
        raise InputError(
            f"constraint {label!r}: {value!r} is no multiple of a unit of at least 1/{FINEST}; round the coefficients"
        )
    return near


def _say(value: int, constraint: Constraint) -> str:
    return f"{float(value * constraint.unit):g}"
