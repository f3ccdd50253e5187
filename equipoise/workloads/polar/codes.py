"""Polar codes and polarisation-adjusted convolutional (PAC) codes of length N = 2^m.

A code word is x = u F^(m) over GF(2), F = [[1, 0], [1, 1]], in natural order: each stage takes (a, b) to (a + b, b). A
polar code puts its K message bits on the positions ``information`` and zeros elsewhere. A PAC code sends v, with the
message on those positions, through a convolution first: u_i = sum_j v_(i - j) over the taps j.

Sources: Arıkan, IEEE Trans. Inf. Theory 55 (2009) and arXiv:1908.09594; the sets of (32,16) and (64,22) are those of
CRISP (Hebbar et al., ICML 2023), others go by polarisation weight (He et al., GLOBECOM 2017).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.texts import shown

__all__ = ["Code", "Words", "find_code"]

Words = npt.NDArray[np.uint8]  #: (..., N) zeros and ones

#: generator 1011011 of the paper's PAC code, as delays
TAPS = (0, 2, 3, 5, 6)
_CRISP = {
    (32, 16): (7, 11, 13, 14, 15, 19, 21, 22, 23, *range(25, 32)),
    (64, 22): (27, 29, 30, 31, 39, 43, 45, 46, 47, *range(51, 64)),
}
LONGEST = 1024


@dataclass(frozen=True)
class Code:
    """One code.

    Attributes:
        name: as users write it.
        length: N.
        information: the positions of the message bits, rising.
        taps: delays of the convolution; (0,) for a polar code.
    """

    name: str
    length: int
    information: tuple[int, ...]
    taps: tuple[int, ...] = (0,)

    @property
    def bits(self) -> int:
        """K, the message bits of a word."""
        return len(self.information)

    @cached_property
    def inner(self) -> Words:
        """(K, N) generator of u: message bits to what enters the polar transform."""
        rows = np.zeros((self.bits, self.length), np.uint8)
        for row, position in zip(rows, self.information):
            places = [position + delay for delay in self.taps if position + delay < self.length]
            row[places] = 1
        return rows

    @cached_property
    def generator(self) -> Words:
        """(K, N) generator of code words."""
        return transform(self.inner)

    def encode(self, messages: Words) -> Words:
        """(..., K) message bits to (..., N) code words."""
        return (messages.astype(np.int64) @ self.generator.astype(np.int64) % 2).astype(np.uint8)

    @cached_property
    def frozen_parities(self) -> Words:
        """(N, K) u_i as a sum of the u at the information positions: one row of the identity there."""
        from_message = self.inner.astype(np.int64).T  # u = from_message @ v
        square = from_message[list(self.information)]
        return (from_message @ _inverse(square) % 2).astype(np.uint8)


def transform(u: Words) -> Words:
    """x = u F^(m), along the last axis.

    >>> transform(np.array([0, 0, 0, 1], np.uint8)).tolist()
    [1, 1, 1, 1]
    """
    x = u.copy()
    half = 1
    while half < x.shape[-1]:
        pairs = x.reshape(*x.shape[:-1], -1, 2, half)
        pairs[..., 0, :] ^= pairs[..., 1, :]
        half *= 2
    return x


def _inverse(square: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Of a lower triangular matrix with ones on its diagonal, over GF(2)."""
    found = np.eye(len(square), dtype=np.int64)
    for i in range(len(square)):
        found[i] = (found[i] + square[i, :i] @ found[:i]) % 2
    return found


@lru_cache(maxsize=32)
def find_code(name: str) -> Code:
    """The code called ``polar-N-K`` or ``pac-N-K``.

    Raises:
        InputError: no such family, a length that is no power of two, or a rate that is impossible.
    """
    parts = re.fullmatch(r"(polar|pac)-(\d{1,9})-(\d{1,9})", name)
    if parts is None:
        raise InputError(f"no code {shown(name)}; expected polar-N-K or pac-N-K, such as polar-32-16")
    family, length, bits = parts[1], int(parts[2]), int(parts[3])
    if length < 4 or length > LONGEST or length & (length - 1):
        raise InputError(f"a code of length {length}; expected a power of two from 4 to {LONGEST}")
    if not 1 <= bits <= length:
        raise InputError(
            f"{bits} message bits in a code of length {length}: the rate K/N must be above 0 and at most 1"
        )
    information = _CRISP.get((length, bits)) or _by_weight(length, bits)
    return Code(name, length, information, TAPS if family == "pac" else (0,))


def _by_weight(length: int, bits: int) -> tuple[int, ...]:
    """The K positions of largest polarisation weight sum_j b_j 2^(j/4), b the bits of the position."""
    places = np.arange(length)
    weight = sum(((places >> j) & 1) * 2 ** (j / 4) for j in range(length.bit_length() - 1))
    best = np.argsort(weight, kind="stable")[length - bits :]
    return tuple(int(i) for i in np.sort(best))
