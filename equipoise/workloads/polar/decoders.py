"""Classical decoders of polar and PAC codes, many frames at a time. They know nothing of annealing.

- `exhaustive`: maximum likelihood over all 2^K words, the truth.
- `list_decode`: successive cancellation with a list of paths; a list of one is successive cancellation itself.
- `ordered_statistics`: re-encode the most reliable bits, with every flip of up to ``order`` of them.

A frame is a real vector y = (1 - 2 x) + noise of standard deviation sigma; the most likely word has the largest
correlation sum_i y_i (1 - 2 x_i). Sources: Tal and Vardy, IEEE Trans. Inf. Theory 61 (2015); Balatsoukas-Stimming et
al., IEEE Trans. Signal Process. 63 (2015) for the path metric; Fossorier and Lin, IEEE Trans. Inf. Theory 41 (1995).
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.workloads.polar.codes import Code, Words
from hw_profiles.errors import InputError

__all__ = ["LARGEST_EXHAUSTIVE", "Frames", "best_words", "exhaustive", "list_decode", "ordered_statistics", "reliable"]

Frames = npt.NDArray[np.float64]  #: (B, N) what was received
LARGEST_EXHAUSTIVE = 22  #: message bits; four million words a frame


def exhaustive(code: Code, y: Frames) -> Words:
    """(B, N) the most likely word of each frame, by comparing all 2^K.

    Signs of a sum of two words multiply, so the halves of the message give two tables and one matrix product.

    Raises:
        InputError: more than `LARGEST_EXHAUSTIVE` message bits.
    """
    if code.bits > LARGEST_EXHAUSTIVE:
        raise InputError(
            f"exhaustive decoding compares 2^{code.bits} words a frame; at most 2^{LARGEST_EXHAUSTIVE} are tried"
        )
    half = code.bits // 2
    first, second = _all_words(code.generator[:half]), _all_words(code.generator[half:])
    a, b = 1.0 - 2.0 * first, (1.0 - 2.0 * second).T
    best = np.array([int(((a * frame) @ b).argmax()) for frame in y], np.int64)
    return np.asarray(first[best // len(second)] ^ second[best % len(second)], np.uint8)


def _all_words(rows: Words) -> Words:
    """(2^k, N) every sum of the k rows."""
    words = np.zeros((1, rows.shape[1]), np.uint8)
    for row in rows:
        words = np.concatenate([words, words ^ row])
    return words


def list_decode(code: Code, y: Frames, sigma: float, paths: int = 1) -> Words:
    """(B, N) words by successive cancellation with ``paths`` paths, exact check-node rule."""
    return _List(code, len(y), paths).decode(2 * y / sigma**2)


class _List:
    """The paths of every frame: metric (B, L) and, for the convolution, the message v (B, L, N) so far."""

    def __init__(self, code: Code, frames: int, paths: int) -> None:
        self.code, self.paths = code, paths
        self.metric = np.zeros((frames, 1))
        self.v = np.zeros((frames, 1, code.length), np.uint8)
        self.information = set(code.information)

    def decode(self, llr: Frames) -> Words:
        words, _ = self._node(llr[:, None, :], 0)
        best = self.metric.argmin(axis=1)
        return np.asarray(words[np.arange(len(words)), best])

    def _node(self, llr: npt.NDArray[np.float64], first: int) -> tuple[Words, npt.NDArray[np.int64]]:
        """Code bits (B, L, M) of the subtree, and the path (B, L) each one went on from."""
        size = llr.shape[-1]
        if size == 1:
            return self._leaf(llr[..., 0], first)
        a, b = llr[..., : size // 2], llr[..., size // 2 :]
        left, order = self._node(np.logaddexp(0.0, a + b) - np.logaddexp(a, b), first)
        a, b = _follow(a, order), _follow(b, order)
        right, then = self._node(b + (1.0 - 2.0 * left) * a, first + size // 2)
        left = _follow(left, then)
        return np.concatenate([left ^ right, right], axis=-1), np.take_along_axis(order, then, 1)

    def _leaf(self, llr: npt.NDArray[np.float64], place: int) -> tuple[Words, npt.NDArray[np.int64]]:
        frames, paths = llr.shape
        past = np.zeros((frames, paths), np.uint8)
        for delay in self.code.taps:
            if 0 < delay <= place:
                past ^= self.v[..., place - delay]
        if place not in self.information:
            self.metric = self.metric + _penalty(past, llr)
            return past[..., None], np.broadcast_to(np.arange(paths), (frames, paths))
        both = np.concatenate([self.metric + _penalty(past ^ bit, llr) for bit in (0, 1)], axis=1)
        keep = np.argsort(both, axis=1, kind="stable")[:, : self.paths]
        order, bit = keep % paths, (keep // paths).astype(np.uint8)
        self.metric = np.take_along_axis(both, keep, 1)
        self.v = _follow(self.v, order)
        self.v[..., place] = bit
        return (np.take_along_axis(past, order, 1) ^ bit)[..., None], order


def _penalty(bits: npt.NDArray[Any], llr: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """log(1 + exp(-(1 - 2 u) L))"""
    return np.logaddexp(0.0, -(1.0 - 2.0 * bits) * llr)


def _follow(values: npt.NDArray[Any], order: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    return np.take_along_axis(values, order[..., None], 1)


def reliable(code: Code, y: Frames) -> tuple[npt.NDArray[np.int64], Words]:
    """The K most reliable independent positions of every frame, and the generator that is the identity on them.

    Returns:
        (B, K) positions by falling |y|, and (B, K, N) generators.
    """
    frames, n, k = len(y), code.length, code.bits
    order = np.argsort(-np.abs(y), axis=1, kind="stable")
    rows = np.take_along_axis(np.repeat(code.generator[None], frames, 0), order[:, None, :], 2)
    rank = np.zeros(frames, np.int64)
    chosen = np.zeros((frames, k), np.int64)
    everyone = np.arange(frames)
    for column in range(n):
        open_rows = (np.arange(k) >= rank[:, None]) & (rows[:, :, column] == 1)
        found = open_rows.any(axis=1)
        pivot = open_rows.argmax(axis=1)
        here, to, source = everyone[found], rank[found], pivot[found]
        swapped = rows[here, source].copy()
        rows[here, source] = rows[here, to]
        rows[here, to] = swapped
        others = rows[here, :, column].copy()
        others[np.arange(len(here)), to] = 0
        rows[here] ^= others[:, :, None] & swapped[:, None, :]
        chosen[here, to] = order[here, column]
        rank += found
        if (rank == k).all():
            break
    back = np.argsort(order, axis=1, kind="stable")
    return chosen, np.take_along_axis(rows, back[:, None, :], 2)


def best_words(code: Code, y: Frames, reads: Words, order: int = 1) -> Words:
    """(B, N) the most likely of all words near the reads (B, R, N): re-encoded, with up to ``order`` bits flipped.

    Each read gives its bits on the frame's `reliable` positions, and every flip of at most ``order`` (0 to 2) of them.
    """
    positions, generators = reliable(code, y)
    bits = np.take_along_axis(reads, positions[:, None, :], 2)
    patterns = _patterns(code.bits, order)
    found = np.empty((len(y), code.length), np.uint8)
    for b, generator in enumerate(generators.astype(np.int64)):
        words = np.unique(bits[b], axis=0).astype(np.int64) @ generator % 2
        flips = patterns @ generator % 2
        # The sign of a sum of two words is the product of theirs.
        gain = ((1.0 - 2.0 * words) * y[b]) @ (1.0 - 2.0 * flips).T
        word, flip = divmod(int(gain.argmax()), len(flips))
        found[b] = words[word] ^ flips[flip]
    return found


def _patterns(bits: int, order: int) -> npt.NDArray[np.int64]:
    """Every pattern of at most ``order`` ones; none first."""
    found = np.zeros((1, bits), np.int64)
    for weight in range(1, order + 1):
        places = np.array(list(combinations(range(bits), weight)))
        more = np.zeros((len(places), bits), np.int64)
        np.put_along_axis(more, places, 1, 1)
        found = np.concatenate([found, more])
    return found


def ordered_statistics(code: Code, y: Frames, order: int) -> Words:
    """(B, N) the most likely word that differs from the received signs in at most ``order`` reliable bits."""
    return best_words(code, y, (y < 0).astype(np.uint8)[:, None, :], order)
