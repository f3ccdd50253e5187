"""A polar or PAC code as a QUBO: its factor graph as penalties, the received values as fields.

The polar transform is drawn as a graph of exclusive ors; what is always zero, and what is a copy, is left out. Each
exclusive or z = a + b (mod 2) that remains is the penalty P (a + b + z - 2 w)^2 with one helper bit w, and a parity of
a larger set S is P (sum_S - 2 w)^2 with w a whole number up to |S| / 2 in binary. The received value y_i is the field
round(32 y_i) on code bit i, so the lowest cost without a penalty is the most likely word. Pairs depend on the code
only: a frame changes fields.

Source of the factor graph with frozen bits taken out: JSAC 2024, doi 10.1109/JSAC.2024.3431579.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equipoise.qubo.problem import Problem
from equipoise.workloads.polar.codes import Code, Words

__all__ = ["UNIT", "Factor", "factor_graph"]

UNIT = 32  #: fields are round(32 y), the penalty is 32: one unit of a received value
LARGEST_FIELD = 8 * UNIT  #: a received value beyond 8 decides its bit alone


@dataclass(frozen=True, eq=False)
class Factor:
    """The QUBO of a code.

    Attributes:
        base: penalties only.
        code_bits: (N,) the variable that holds each code bit, -1 where it is always zero.
        message_bits: (K,) the variable of u at each information position.
    """

    base: Problem
    code_bits: npt.NDArray[np.int64]
    message_bits: npt.NDArray[np.int64]

    def fields(self, y: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """(B, N) received values to (B, n) linear coefficients of each frame's problem."""
        strength = np.clip(np.rint(UNIT * y), -LARGEST_FIELD, LARGEST_FIELD).astype(np.int64)
        linear = np.repeat(self.base.linear[None], len(y), 0)
        # Copies share a variable, so their fields add.
        for place in np.flatnonzero(self.code_bits >= 0):
            linear[:, self.code_bits[place]] += strength[:, place]
        return linear

    def words(self, states: Words) -> Words:
        """(..., n) states to (..., N) code bits as read."""
        padded = np.concatenate([states, np.zeros((*states.shape[:-1], 1), np.uint8)], axis=-1)
        return np.asarray(padded[..., self.code_bits])

    def messages(self, states: Words) -> Words:
        """(..., n) states to the (..., K) values of u at the information positions."""
        return np.asarray(states[..., self.message_bits])


class _Builder:
    """Variables and parities so far; -1 is the constant zero."""

    def __init__(self) -> None:
        self.count = 0
        self.parities: list[tuple[tuple[int, ...], tuple[tuple[int, int], ...]]] = []

    def new(self) -> int:
        self.count += 1
        return self.count - 1

    def xor(self, a: int, b: int) -> int:
        """The variable of a + b."""
        if a == b:
            return -1
        if a < 0 or b < 0:
            return max(a, b)
        z = self.new()
        self.even((a, b, z))
        return z

    def even(self, members: tuple[int, ...]) -> None:
        """The sum of ``members`` is even: a helper counts the pairs of ones."""
        left, helpers, weight = len(members) // 2, [], 1
        while left > 0:
            size = min(weight, left)
            helpers.append((self.new(), size))
            left -= size
            weight *= 2
        self.parities.append((members, tuple(helpers)))

    def problem(self, name: str) -> Problem:
        rows, cols, values = [], [], []
        for members, helpers in self.parities:
            terms = [(m, 1) for m in members] + [(h, -2 * size) for h, size in helpers]
            for i, (a, x) in enumerate(terms):
                for b, y in terms[i:]:
                    rows.append(a)
                    cols.append(b)
                    values.append(UNIT * x * y * (1 if a == b else 2))
        linear = np.zeros(self.count, np.int64)
        pairs = np.array(values, np.int64)
        return Problem.build(linear, np.array(rows, np.int64), np.array(cols, np.int64), pairs, name=name)


def factor_graph(code: Code) -> Factor:
    """The QUBO of ``code``."""
    builder = _Builder()
    u = [-1] * code.length
    message = [builder.new() for _ in code.information]
    for place, variable in zip(code.information, message):
        u[place] = variable
    for place, sums in enumerate(code.frozen_parities):
        if u[place] >= 0 or not sums.any():
            continue
        members = tuple(message[k] for k in np.flatnonzero(sums))
        if len(members) == 1:
            u[place] = members[0]
        else:
            u[place] = builder.new()
            builder.even((*members, u[place]))
    half = 1
    while half < code.length:
        for start in range(0, code.length, 2 * half):
            for i in range(start, start + half):
                u[i] = builder.xor(u[i], u[i + half])
        half *= 2
    return Factor(builder.problem(code.name), np.array(u, np.int64), np.array(message, np.int64))
