"""Texts of strangers are shown safely: no control, no change of direction, no flood."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw_profiles.errors import InputError
from hw_profiles.texts import one_line, safe_text, shown, visible

HIDDEN = "\x00\x1b\x7f\x9b\u061c\u200b\u200e\u200f\u202a\u202e\u2066\u2069\ufeff\ud800"


@pytest.mark.parametrize("character", HIDDEN)
def test_hidden_characters_become_escapes(character: str) -> None:
    text = visible(f"a{character}b")
    assert character not in text
    assert text.startswith("a\\")
    assert character not in str(InputError(f"a{character}b"))
    assert character not in shown(f"a{character}b")


def test_words_of_people_stay() -> None:
    for text in ("Größe ≤ 3 µs, 漢字, עברית", "line\nline\ttab"):
        assert visible(text) == text


@given(st.text(max_size=3000), st.integers(8, 400))
def test_a_line_is_one_line_and_short(text: str, most: int) -> None:
    line = one_line(text, most)
    assert len(line) <= most
    assert len(line.splitlines()) <= 1
    assert len(shown(text)) <= 80


def test_a_long_echo_is_cut_in_the_middle() -> None:
    text = str(InputError("no file " + "x" * 5000 + ".toml; give another"))
    assert len(text) < 300
    assert text.startswith("no file xxx")
    assert ".toml; give another" in text
    assert len(safe_text("a b " * 10**6)) <= 4000


def test_the_error_survives_a_process_boundary() -> None:
    assert str(pickle.loads(pickle.dumps(InputError("a\x00b")))) == "a\\x00b"


def test_a_repr_that_fails() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise ValueError

    assert shown(Odd()) == "a Odd"
