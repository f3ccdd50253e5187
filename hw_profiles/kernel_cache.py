"""Compiled kernels where nothing can be kept: a read-only installation without a home, a full disk.

Numba keeps compiled code in a cache beside the source, or else in the user's cache folder, and refuses to work where it
can write neither. For our kernels that is no reason to stop: they are compiled again in every process, and one warning
says so. The change is made when numba is imported, so that nothing is imported for it.
"""

from __future__ import annotations

import importlib.util
import sys
import warnings
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["tolerate_no_cache"]

_PACKAGES = ("substrates", "learning_rules", "mappers", "hw_profiles", "equipoise")
_DISPATCHER = "numba.core.dispatcher"
_CACHING = "numba.core.caching"
_warned = False


def tolerate_no_cache() -> None:
    """Let our kernels do without a cache where none can be written; call it once, before or after numba is imported."""
    if _DISPATCHER in sys.modules:
        _change(sys.modules[_DISPATCHER])
    elif not any(isinstance(finder, _WhenNumbaComes) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WhenNumbaComes())


class _WhenNumbaComes:
    """Waits for the import of numba's dispatcher, and is gone after it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != _DISPATCHER:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_change(module: ModuleType) -> None:
                execute(module)
                _change(module)

            spec.loader.exec_module = execute_and_change  # type: ignore[method-assign]
        return spec


def _change(dispatcher: Any) -> None:
    enable = dispatcher.Dispatcher.enable_caching
    save = sys.modules[_CACHING].FunctionCache.save_overload

    def enable_caching(self: Any) -> None:
        ours = str(self.py_func.__module__).partition(".")[0] in _PACKAGES
        try:
            enable(self)
            self._cache.may_fail = ours
        except RuntimeError as error:
            if not ours:
                raise
            _warn(str(error))

    def save_overload(self: Any, signature: Any, data: Any) -> None:
        try:
            save(self, signature, data)
        except OSError as error:
            if not getattr(self, "may_fail", False):
                raise
            _warn(str(error))

    dispatcher.Dispatcher.enable_caching = enable_caching
    sys.modules[_CACHING].FunctionCache.save_overload = save_overload


def _warn(reason: str) -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"compiled kernels cannot be kept, so that every process compiles them again; set NUMBA_CACHE_DIR to a "
            f"folder that can be written ({reason})",
            stacklevel=3,
        )
