"""EQUIPOISE_PORTABLE=1: every library is held to what all x86-64 processors have."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hw_profiles.arithmetic import LIBRARY, PORTABLE

X86 = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the settings are those of Linux on x86-64")


def python(script: str, **settings: str) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in (*PORTABLE, "EQUIPOISE_PORTABLE", LIBRARY[0])}
    paths = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        env={**clean, "PYTHONPATH": paths, **settings},
    )  # fmt: skip
    return done.stdout.strip()


NUMBERS = """
import hashlib, equipoise
import hw_profiles, numpy as np, torch
from numba import njit
@njit
def fused(a, b, c):
    total = 0.0
    for k in range(a.shape[0]):
        total += a[k] * b[k] + c[k]
    return total
r = np.random.default_rng(0)
a, b, c = r.standard_normal((3, 4099))
m = torch.from_numpy(r.standard_normal((37, 61))).float()
found = [fused(a, b, c), np.exp(a).sum(), float((m @ m.T).sum()), float(torch.sigmoid(m).sum())]
print(hashlib.sha256(repr(found).encode()).hexdigest())
"""


@X86
def test_without_it_nothing_is_set() -> None:
    assert python("import hw_profiles, os; print(os.environ.get('MKL_CBWR'), os.environ.get('NUMBA_CPU_NAME'))") == (
        "None None"
    )


@X86
def test_the_same_bits_with_and_without_newer_instructions() -> None:
    """What a processor has is hidden from the libraries that look at it themselves; the results stay."""
    hidden = {"NPY_DISABLE_CPU_FEATURES": "AVX512F", "ATEN_CPU_CAPABILITY": "avx2", "NUMBA_CPU_NAME": "haswell"}
    plain = python(NUMBERS, EQUIPOISE_PORTABLE="1")
    assert python(NUMBERS, EQUIPOISE_PORTABLE="1", **hidden) == plain
    assert len(plain) == 64


@X86
def test_it_says_when_it_comes_too_late() -> None:
    script = "import numpy, warnings\nwith warnings.catch_warnings(record=True) as w:\n"
    script += "    warnings.simplefilter('always')\n    import hw_profiles\nprint([str(x.message) for x in w][0][:60])"
    assert "comes too late for numpy" in python(script, EQUIPOISE_PORTABLE="1")


@X86
def test_the_command_line_starts_again_with_the_c_library_held(tmp_path: object) -> None:
    script = (
        "import sys, os\nfrom hw_profiles.arithmetic import start_again\n"
        "os.execv = lambda path, command: print(os.environ['GLIBC_TUNABLES'], len(command))\nstart_again()"
    )
    assert "-AVX2" in python(script, EQUIPOISE_PORTABLE="1")
    assert python(script) == ""
    assert python(script, EQUIPOISE_PORTABLE="1", GLIBC_TUNABLES=LIBRARY[1]) == ""
