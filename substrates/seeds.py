"""Seeded random streams: every source of randomness has its own, named after what it is for.

A stream is a NumPy generator over Philox, keyed by a hash of (seed, name, index). Two streams with
different names never share numbers, and drawing from one never moves another.
"""

from __future__ import annotations

import hashlib

import numpy as np

from hw_profiles.errors import InputError

__all__ = ["derive_seed", "stream"]


def derive_seed(seed: int, name: str, *index: int) -> int:
    """Return a 128-bit key for the stream ``name`` (and ``index``) of ``seed``.

    Raises:
        InputError: the seed is negative or not an integer.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed must be an integer of zero or more, got {seed!r}")
    text = "\x1f".join([str(int(seed)), name, *(str(int(i)) for i in index)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def stream(seed: int, name: str, *index: int) -> np.random.Generator:
    """Return the generator of the stream ``name``; the same arguments give the same numbers anywhere."""
    return np.random.Generator(np.random.Philox(key=derive_seed(seed, name, *index)))
