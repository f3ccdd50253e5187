"""Every input that once broke a reader, in tests/corpus/READER/: a value or one clean `InputError`, never more.

To add one, put the minimised file there. What does its damage outside Python is read in a process of its own.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from equipoise.testing.readers import READERS, read_with

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
#: crash, hang or flood the process at the versions they were found with
APART = ("_crash", "chip_hang", "_mem", "cifar_")
SECONDS, MEMORY = 30, 2 << 30


def test_the_corpus_speaks_of_known_readers_only() -> None:
    assert {path.parent.name for path in FILES} <= READERS.keys()
    assert len(FILES) >= 50


@pytest.mark.parametrize("path", [f for f in FILES if not any(m in f.name for m in APART)], ids=lambda p: p.name)
def test_an_input_that_once_broke_a_reader(path: Path) -> None:
    text = read_with(path.parent.name, path)
    assert "\n" not in text
    assert len(text) <= 4000


@pytest.mark.parametrize("path", [f for f in FILES if any(m in f.name for m in APART)], ids=lambda p: p.name)
def test_an_input_that_once_took_the_process_down(path: Path) -> None:
    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    done = subprocess.run(
        [sys.executable, "-m", "equipoise.testing.readers", path.parent.name, str(path)],
        preexec_fn=limits, capture_output=True, text=True, timeout=4 * SECONDS, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "EQUIPOISE_READ_LIMIT": "1G"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("\n") == 1
