"""The one place that imports Lava.

Lava-nc 0.10.0 (archived upstream) declares Python 3.10 only. On 3.11 one thing breaks: dataclass defaults must be
hashable there, and ``lava.magma.compiler.var_model`` uses instances of plain dataclasses as defaults. So, just while
that module is first imported, ``dataclasses.dataclass`` is wrapped to make the classes it defines hashable. Nothing
else of Lava or of the standard library is changed, and the wrap is taken back at once.

Two more traps are met here: Lava calls ``multiprocessing.set_start_method("fork")`` when imported, which raises if
the program chose a method before; and NumPy from 2.1 on makes some Lava processes hang.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.util
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from hw_profiles.errors import TargetUnavailableError

__all__ = ["INSTALL_HINT", "lava_module", "load_lava", "why_unavailable", "wide_convolutions"]

INSTALL_HINT = "install it on Python 3.10 or 3.11 as docs/lava.md says"
_PYTHONS = ((3, 10), (3, 11))
_FIRST_BAD_NUMPY = (2, 1)


def why_unavailable() -> str:
    """The reason why Lava cannot be used here, or an empty string. Imports nothing heavy and never raises."""
    python = sys.version_info[:2]
    if python not in _PYTHONS:
        return f"Lava runs on Python 3.10 and 3.11, this is {python[0]}.{python[1]}"
    try:
        found = importlib.util.find_spec("lava.magma") is not None
    except Exception:  # a half-installed package may raise anything
        found = False
    if not found:
        hiding = _hiding()
        if hiding:
            return f"{hiding} is called lava and is found instead of the package lava-nc; rename it, or run elsewhere"
        return f"the package lava-nc is not installed ({INSTALL_HINT})"
    import numpy as np

    version = tuple(int(part) for part in np.__version__.split(".")[:2])
    if version >= _FIRST_BAD_NUMPY:
        return f"Lava's processes hang with NumPy 2.1 and later, this is {np.__version__} (pip install 'numpy<2.1')"
    return ""


def _hiding() -> str:
    """A file of the user's that Python takes for the package; empty without one. Lava itself has no file there."""
    try:
        found = importlib.util.find_spec("lava")
    except Exception:
        return ""
    return "" if found is None or found.origin in (None, "namespace") else str(found.origin)


def load_lava() -> None:
    """Make ``lava`` importable in this process; cheap when done before.

    Lava needs the ``fork`` start method for its workers and sets it for the whole process.

    Raises:
        TargetUnavailableError: why not, and how to mend it.
    """
    if "lava.magma.compiler.var_model" in sys.modules:
        return
    reason = why_unavailable()
    if reason:
        raise TargetUnavailableError(f"Lava cannot be used: {reason}")
    method = multiprocessing.get_start_method(allow_none=True)
    if method not in (None, "fork"):
        raise TargetUnavailableError(
            f"Lava needs multiprocessing's start method 'fork' and this program has chosen {method!r}; "
            "use substrates.loihi2.lava.watchdog.call, which runs Lava in a process of its own"
        )
    try:
        with _hashable_dataclasses():
            importlib.import_module("lava.magma.compiler.var_model")
        with _start_method_kept():
            importlib.import_module("lava.magma.core.process.process")
    except Exception as error:
        raise TargetUnavailableError(f"Lava is installed but cannot be imported: {error!r} ({INSTALL_HINT})") from error


def lava_module(name: str) -> ModuleType:
    """Import and return the Lava module ``name``, for instance ``lava.proc.lif.process``.

    Raises:
        TargetUnavailableError: Lava is not usable here.
    """
    load_lava()
    return importlib.import_module(name)


def wide_convolutions() -> None:
    """Let Lava's ``Conv`` take images with a side of 128 and more, in this process.

    Its CPU models keep kernel size, stride, padding and dilation in eight bits and add them to the image's side, which
    NumPy 2 refuses (`OverflowError`) and NumPy 1 did in wider integers. They get 32 bits; no result changes.
    """
    import numpy as np

    model = lava_module("lava.proc.conv.models").AbstractPyConvModel
    for name in ("kernel_size", "stride", "padding", "dilation"):
        getattr(model, name).d_type = np.int32


@contextmanager
def _hashable_dataclasses() -> Iterator[None]:
    """While active, ``@dataclass`` gives a hash by value to what it decorates, unless told about hashing itself."""
    if sys.version_info < (3, 11):
        yield
        return
    original = dataclasses.dataclass

    @functools.wraps(original)
    def hashable(cls: type | None = None, /, **options: Any) -> Any:
        if not options.get("frozen"):
            options.setdefault("unsafe_hash", True)
        decorate: Callable[[type], type] = original(**options)
        return decorate if cls is None else decorate(cls)

    dataclasses.dataclass = hashable
    try:
        yield
    finally:
        dataclasses.dataclass = original


@contextmanager
def _start_method_kept() -> Iterator[None]:
    """While active, setting the start method that is already set is not an error."""
    original = multiprocessing.set_start_method

    def set_start_method(method: str | None, force: bool = False) -> None:
        if force or multiprocessing.get_start_method(allow_none=True) != method:
            original(method, force)

    multiprocessing.set_start_method = set_start_method
    try:
        yield
    finally:
        multiprocessing.set_start_method = original
