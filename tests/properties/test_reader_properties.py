"""For every reader: any bytes, and any damage to sound files, give a value or an `InputError`.

The longer run of the same is ``make fuzz``.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from equipoise.testing.mutation import mutate, seeds
from equipoise.testing.readers import READERS, SUFFIXES, read_with

SECONDS = 5.0
PACE = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(scope="module", params=sorted(READERS))
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Any, Any]:
    folder = tmp_path_factory.mktemp(request.param)
    sound, odd = seeds(request.param, folder)
    return request.param, folder / f"input{SUFFIXES.get(request.param, '')}", sound, odd


def check(name: str, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    began = time.process_time()
    text = read_with(name, path)
    assert time.process_time() - began < SECONDS
    assert "\x00" not in text
    assert len(text) <= 4000


@settings(PACE, max_examples=25)
@given(content=st.binary(max_size=300))
@example(content=b"")
@example(content=b"\x1f\x8b")
@example(content=b"PK\x03\x04")
@example(content=b"\x89HDF\r\n\x1a\n")
@example(content=b"[" * 5000)
def test_any_bytes(reader: tuple[str, Path, Any, Any], content: bytes) -> None:
    name, path, _, _ = reader
    check(name, path, content)


@settings(PACE, max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_any_damage(reader: tuple[str, Path, Any, Any], seed: int) -> None:
    name, path, sound, odd = reader
    rng = random.Random(seed)
    check(name, path, odd(rng) if odd is not None and rng.random() < 0.4 else mutate(rng.choice(sound), rng, sound))


def test_sound_files_are_read(reader: tuple[str, Path, Any, Any]) -> None:
    """The seeds are what they should be: without this, refusing everything would pass."""
    name, path, sound, _ = reader
    refused = []
    for content in sound:
        path.write_bytes(content)
        refused.append(read_with(name, path))
    assert refused.count("") >= max(1, len(sound) // 2), refused
