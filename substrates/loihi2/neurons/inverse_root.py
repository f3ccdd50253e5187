"""Inverse square root with 12 bits behind the point, by five rounds of Goldschmidt. Source: Lava's ``InvSqrtModelFP``.

    Y = first guess by the number of leading zeros of s,  y = Y / 2,  B = s
    five times:  B = ((B Y >> 13) Y) >> 13,  Y = 3 2^12 - B,  y = y Y >> 13
    message = y;  0 where s = 0

Lava's model takes a single neuron (an array of several fails there) and 12 bits whatever base is asked for; a negative
input has no root, and gives silence here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.base import IN_CLOSED_EXTENSION, ChipModel, Int32, LavaName, LavaProcess, Neuron
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.widths import STATE_BITS, outside

__all__ = ["InverseRoot", "advance", "first_guesses"]

PLACES = 12
ROUNDS = 5


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many inputs are negative or beyond 24 bits."""
    overflows = 0
    for i in range(out.shape[0]):
        out[i] = 0
        s = np.int64(a_in[i])
        if s <= 0 or s >= 1 << table.shape[0]:
            overflows += int(s != 0)
            continue
        length = 0
        while s >> length:
            length += 1
        guess, b = np.int64(table[table.shape[0] - length]), s
        root = guess >> 1
        for _ in range(ROUNDS):
            b = ((b * guess >> (PLACES + 1)) * guess) >> (PLACES + 1)
            guess = (3 << PLACES) - b
            root = root * guess >> (PLACES + 1)
        out[i] = np.int32(root)
        overflows += outside(out[i])
    return overflows


def first_guesses() -> Int32:
    """By leading zeros of a 24-bit number. Source: ``lava.proc.graded.models.make_fpinv_table``."""
    guesses = np.zeros(STATE_BITS, np.int32)
    for m in range(STATE_BITS):
        guesses[STATE_BITS - m - 1] = 2 * int(2**PLACES / (2 ** ((m - PLACES) / 2) * 1.238982962))
    return guesses


@dataclass(frozen=True, eq=False)
class InverseRoot(Neuron):
    """Sends 2^12 / sqrt(input / 2^12), within the accuracy of twelve bits (Lava: InvSqrt)."""

    name: ClassVar[str] = "inverse-root"
    variables: ClassVar[tuple[str, ...]] = ()
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("lava.proc.graded.process.InvSqrt", IN_CLOSED_EXTENSION)
    process: ClassVar[LavaName] = LavaName("lava.proc.graded.process", "InvSqrt")

    @classmethod
    def from_lava(cls, given: Given) -> InverseRoot:
        return cls()

    def parameters(self) -> tuple[int, ...]:
        return ()

    def table(self) -> Int32:
        return first_guesses()

    def lava(self, n: int) -> LavaProcess | None:
        return LavaProcess(self.process, {"shape": (n,)}) if n == 1 else None
