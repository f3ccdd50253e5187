"""Learning rules as text: a sum of products, and the table of integers that the engine reads.

    dw = "2^-2 * x1 * y0 - 3 * (y1 - 4) * x0 + u2 * sgn(w) * 2^-4"

A product has one condition: ``x0`` (the source neuron spiked in this epoch), ``y0`` (the target neuron did), or ``u0``
to ``u9`` (every epoch, every second, every fourth, ...). It has any number of factors: traces ``x1 x2 y1 y2 y3``,
synaptic variables ``w d t``, a second condition ``x0`` or ``y0`` as a number 0 or 1, ``(variable + number)``,
``sgn(w + number)``, and numbers ``m``, ``2^e``, ``m * 2^e``. All numbers outside brackets make one scale, mantissa
from -8 to 7 and an exponent from -7 to 8.

The grammar is that of lava-nc's ``SymbolicEquation``. What that accepts and then computes differently from what is
written is refused here: a minus in front of a lone variable in brackets (its sign is dropped), numbers in brackets that
are no integers, factors without a ``*`` between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError

__all__ = [
    "ALWAYS", "CONDITION_X", "CONDITION_Y", "F_CONSTANT", "F_KIND", "F_SIGN", "MAX_FACTORS", "P_CONDITION", "P_DOWN",
    "P_FACTORS", "P_MANTISSA", "P_NUMBER", "P_TARGET", "P_UP", "VARIABLES", "Factor", "Product", "parse", "table_of",
]  # fmt: skip

#: what a factor can be: conditions, traces of the source and of the target neuron, synaptic variables
VARIABLES = ("x0", "y0", "x1", "x2", "y1", "y2", "y3", "w", "d", "t")
WIDTHS = {"x0": 1, "y0": 1, "x1": 7, "x2": 7, "y1": 7, "y2": 7, "y3": 7, "w": 9, "d": 9, "t": 9}
MANTISSA_WIDTH, ACCUMULATOR_WIDTH = 4, 15
CONDITION_X, CONDITION_Y, ALWAYS = range(3)
MAX_FACTORS = 6

# Columns of the table of products, then three per factor
P_TARGET, P_CONDITION, P_MANTISSA, P_UP, P_DOWN, P_NUMBER, P_FACTORS = range(7)
F_KIND, F_CONSTANT, F_SIGN = range(3)

_TOKEN = re.compile(r"\s*(?:(u\d+|x[0-2]|y[0-3]|sgn|[wdt])|(\d+(?:\.\d+)?)|([-+*^()/]))")


@dataclass(frozen=True)
class Factor:
    """``variable + constant``, or the sign of it."""

    variable: str
    constant: int = 0
    sign: bool = False


@dataclass(frozen=True)
class Product:
    """``condition * mantissa * 2^exponent * factors``; ``every``: 2^k epochs of a condition u*k*."""

    condition: int
    mantissa: int
    exponent: int
    factors: tuple[Factor, ...]
    every: int = 0


def parse(text: str) -> tuple[Product, ...]:
    """The products of a rule.

    Raises:
        InputError: says what cannot be read, and where.
    """
    return _Reader(text).products()


def table_of(rules: tuple[tuple[Product, ...], ...]) -> npt.NDArray[np.int64]:
    """One row per product of the rules for w, d and t, in this order; see the column names."""
    rows = [(target, product) for target, products in enumerate(rules) for product in products]
    table = np.zeros((len(rows), P_FACTORS + 3 * MAX_FACTORS), np.int64)
    for row, (target, product) in zip(table, rows, strict=True):
        widths = sum(WIDTHS[factor.variable] for factor in product.factors) + MANTISSA_WIDTH
        row[[P_TARGET, P_CONDITION, P_MANTISSA]] = target, product.condition, product.mantissa
        row[[P_UP, P_DOWN, P_NUMBER]] = product.exponent + 7, max(0, widths - ACCUMULATOR_WIDTH), len(product.factors)
        for k, factor in enumerate(product.factors):
            at = P_FACTORS + 3 * k
            row[at : at + 3] = VARIABLES.index(factor.variable), factor.constant, factor.sign
    return table


class _Reader:
    """Reads one rule, token by token."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, at = text, list[str](), 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise InputError(f"the learning rule {text!r} cannot be read from {text[at:].strip()!r} on")
            self.tokens.append(match[1] or match[2] or match[3])
            at = match.end()
        self.at = 0

    def products(self) -> tuple[Product, ...]:
        found = [self._product(self._sign())]
        while self.at < len(self.tokens):
            if self._peek() not in ("+", "-"):
                raise self._wrong(f"a +, - or * is missing before {self._peek()!r}; rules have no division")
            found.append(self._product(self._sign()))
        return tuple(found)

    def _product(self, sign: int) -> Product:
        condition, every = -1, 0
        mantissa, exponent, factors = sign, 0, list[Factor]()
        while True:
            token = self._next("a product goes on")
            if token[0] == "u":
                if condition >= 0 or len(token) != 2:
                    raise self._wrong(f"{token} is no factor: a product has one condition, and u has one digit")
                condition, every = ALWAYS, 2 ** int(token[1])
            elif token in ("x0", "y0") and condition < 0:
                condition = CONDITION_X if token == "x0" else CONDITION_Y
            elif token in VARIABLES:
                factors.append(Factor(token))
            elif token[0].isdigit():
                value, power = self._number(token)
                mantissa, exponent = mantissa * value, exponent + power
            elif token in ("(", "sgn"):
                factor, scale, power = self._bracket(token == "sgn")
                mantissa, exponent = mantissa * scale, exponent + power
                factors.extend(factor)
            else:
                raise self._wrong(f"{token!r} cannot stand here; rules are sums of products, without division")
            if self._peek() != "*":
                break
            self.at += 1
        if condition < 0:
            raise self._wrong("a product needs a condition: x0, y0 or u0 to u9")
        if len(factors) > MAX_FACTORS:
            raise self._wrong(f"a product has {len(factors)} factors, at most {MAX_FACTORS} fit")
        while abs(mantissa) > 7 and mantissa % 2 == 0 and exponent < 8:
            mantissa, exponent = mantissa // 2, exponent + 1
        if not (-8 <= mantissa <= 7 and -7 <= exponent <= 8):
            raise self._wrong(
                f"the scale {mantissa} * 2^{exponent} does not fit: mantissas go from -8 to 7, exponents from -7 to 8"
            )
        return Product(condition, mantissa, exponent, tuple(factors), every)

    def _bracket(self, sign_of: bool) -> tuple[list[Factor], int, int]:
        """(factor, scale, exponent) of ``(variable + number)``, ``(number)`` or ``sgn(...)``."""
        if sign_of and self._next("sgn( begins") != "(":
            raise self._wrong("sgn needs brackets")
        sign, variable, minus, constant, power = self._sign(), "", 1, 0, 0
        numbers = 0
        while True:
            token = self._next("a bracket is closed")
            if token in VARIABLES and not variable:
                variable, minus = token, sign
            elif token[0].isdigit() and not numbers:
                constant, power = self._number(token)
                while self._peek() == "*":
                    self.at += 1
                    more, times = self._number(self._next("a number goes on"))
                    constant, power = constant * more, power + times
                constant, numbers = sign * constant, 1
            else:
                raise self._wrong("in brackets stands a variable and a number, as in (y1 - 4)")
            if self._peek() == ")":
                self.at += 1
                break
            if self._peek() not in ("+", "-"):
                raise self._wrong("in brackets stands a variable and a number, as in (y1 - 4)")
            sign = self._sign()
        if not variable:
            if sign_of:
                raise self._wrong("sgn is taken of w, d or t")
            return [], constant, power
        if numbers and power < 0:
            raise self._wrong("numbers in brackets are integers")
        if minus < 0 and (sign_of or not numbers):
            raise self._wrong("a minus stands in front of the product, not of a variable in brackets")
        if sign_of and variable not in ("w", "d", "t"):
            raise self._wrong("sgn is taken of w, d or t")
        factor = Factor(variable, constant * 2**power if numbers else 0, sign_of)
        if minus < 0:  # (3 - y1) is -(y1 - 3)
            factor = replace(factor, constant=-factor.constant)
        return [factor], minus, 0

    def _number(self, token: str) -> tuple[int, int]:
        """(mantissa, exponent of two)"""
        if not token[0].isdigit() or "." in token:
            raise self._wrong(f"{token!r} is no whole number; write 0.75 as 3 * 2^-2")
        if self._peek() != "^":
            return int(token), 0
        self.at += 1
        sign, power = self._sign(), self._next("an exponent follows")
        if token != "2" or not power.isdigit():
            raise self._wrong("powers are of two, as in 2^-3")
        return 1, sign * int(power)

    def _sign(self) -> int:
        if self._peek() in ("+", "-"):
            self.at += 1
            return -1 if self.tokens[self.at - 1] == "-" else 1
        return 1

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _next(self, expected: str) -> str:
        if self.at >= len(self.tokens):
            raise self._wrong(f"it ends where {expected}")
        self.at += 1
        return self.tokens[self.at - 1]

    def _wrong(self, why: str) -> InputError:
        return InputError(f"the learning rule {self.text!r}: {why}")
