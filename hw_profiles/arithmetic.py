"""Settings of the numerical libraries that decide whether the same run gives the same bits. See docs/determinism.md.

They are environment variables, read when a library starts, so they are set when the first package of ours is imported.
With ``EQUIPOISE_PORTABLE=1`` every library is held to the instructions that all x86-64 processors have (SSE2 to
SSE4.2, no fused multiply-add), so that training and annealing give the same bits on processors with and without AVX2.
Nothing is set otherwise.
"""

from __future__ import annotations

import os
import sys

__all__ = ["PORTABLE", "portable", "settle", "start_again"]

PORTABLE = {
    "MKL_CBWR": "COMPATIBLE",
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "NEHALEM",
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
}
#: the C library's exp, sin, pow: chosen before Python runs, so only a fresh start can change it
LIBRARY = ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F,-AVX512VL")
_STARTED = ("numpy", "numba", "torch")


def portable() -> bool:
    """Whether ``EQUIPOISE_PORTABLE`` asks for the same bits on every x86-64 processor."""
    return os.environ.get("EQUIPOISE_PORTABLE", "").strip().lower() in ("1", "true", "yes", "on")


def settle() -> None:
    """In the portable mode, set what has to be set before the libraries start."""
    if not portable():
        return
    late = [name for name in _STARTED if name in sys.modules]
    if late and any(os.environ.get(name) != value for name, value in PORTABLE.items()):
        import warnings

        warnings.warn(
            f"EQUIPOISE_PORTABLE=1 comes too late for {', '.join(late)}, imported before Equipoise: results may depend "
            "on this processor; import equipoise first",
            stacklevel=3,
        )
    os.environ.update(PORTABLE)


def start_again() -> None:
    """In the portable mode, start this program once more with the C library held to the same instructions.

    Does nothing outside the portable mode, on systems other than Linux, or when it has been done.
    """
    name, value = LIBRARY
    if not portable() or not sys.platform.startswith("linux") or value in os.environ.get(name, ""):
        return
    others = os.environ.get(name, "")
    os.environ[name] = f"{others}:{value}" if others else value
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
