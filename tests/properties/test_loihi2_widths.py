"""Widths, weight format and random numbers against exact Python integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw_profiles.errors import InputError
from substrates.loihi2.random import mix, step_key, stream_key, word, word_array
from substrates.loihi2.weights import SignMode, WeightFormat
from substrates.loihi2.widths import STATE_MAX, decay, integer_array, outside, saturate, shift, wrap24, wrap_once

states = st.integers(-(2**24), 2**24)


@settings(deadline=None, max_examples=200)
@given(states, st.integers(0, 4096))
def test_decay_is_exact_and_rounds_towards_zero(x: int, keep: int) -> None:
    exact = (abs(x) * keep) >> 12
    assert int(decay(np.int32(x), np.int32(keep))) == (exact if x >= 0 else -exact)


@settings(deadline=None, max_examples=200)
@given(st.integers(-(2**40), 2**40), st.integers(-8, 8))
def test_edges(x: int, e: int) -> None:
    assert saturate(x) == max(-STATE_MAX, min(STATE_MAX, x))
    wrapped = wrap24(x)
    assert -(2**23) <= wrapped < 2**23
    assert (wrapped - x) % 2**24 == 0
    assert shift(x, e) == (x * 2**e if e > 0 else x // 2**-e)


@settings(deadline=None, max_examples=200)
@given(states)
def test_wrap_once_and_outside(x: int) -> None:
    y = int(wrap_once(np.int32(x)))
    assert -(2**23) < y <= 2**23
    assert (y - x) % 2**24 == 0
    assert bool(outside(np.int32(x))) == (not -(2**23) <= x < 2**23)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(-256, 255), min_size=1, max_size=20), st.integers(1, 8))
def test_stored_weights_lie_on_the_format_grid(weights: list[int], bits: int) -> None:
    w = np.array(weights)
    if w.max() <= 0:
        w = np.maximum(w, -255)
    stored, mode = WeightFormat(bits).store(w)
    step = 2 ** (8 - bits + (mode == SignMode.MIXED))
    assert (stored % step == 0).all()
    assert (np.abs(stored - w) < step).all()
    assert ((stored * np.sign(w)) >= 0).all()
    again, _ = WeightFormat(bits, sign_mode=mode).store(stored)
    assert (again == stored).all()


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40), st.integers(0, 2**30))
def test_random_words_are_the_same_compiled_and_plain(seed: int, step: int, index: int) -> None:
    key = stream_key(seed, "test")
    compiled = int(word(step_key(key, np.uint64(step)), np.uint64(index)))
    mask = 2**64 - 1

    def plain(x: int) -> int:
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
        return x ^ (x >> 31)

    start = plain((int(key) + step * 0x9E3779B97F4A7C15) & mask)
    assert compiled == plain((start + index * 0xD1342543DE82EF95) & mask)
    assert compiled == int(word_array(key, step, [index])[0])
    assert int(mix(np.uint64(seed))) == plain(seed)


def test_random_words_look_uniform_and_independent() -> None:
    words = np.stack([word_array(stream_key(1, "a"), t, np.arange(2000)) for t in range(50)])
    ones = ((words[..., None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)).mean(axis=(0, 1))
    assert np.abs(ones - 0.5).max() < 5 * 0.5 / np.sqrt(words.size)
    u = words.astype(np.float64) / 2**64 - 0.5
    for a, b in ((u[1:], u[:-1]), (u[:, 1:], u[:, :-1])):
        assert abs((a * b).mean() * 12) < 5 / np.sqrt(a.size)


@given(
    st.lists(st.integers(-300, 300), max_size=6),
    st.sampled_from([np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, np.float32, np.float64]),
    st.integers(-260, 0),
    st.integers(0, 260),
)
def test_integers_are_taken_or_refused_whatever_their_type(values: list[int], kind: type, low: int, high: int) -> None:
    array = np.array(values, np.int64).astype(kind)
    if ((array >= low) & (array <= high)).all():
        found = integer_array("x", array, low, high)
        assert found.dtype == np.int64
        assert found.tolist() == [int(v) for v in array]
        assert found is not array
    else:
        with pytest.raises(InputError, match="x must hold integers"):
            integer_array("x", array, low, high)
