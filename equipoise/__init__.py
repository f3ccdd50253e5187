"""Equipoise: algorithms that relax, on neuromorphic and analog hardware.

The five packages are real, importable by their own names; this one is the front door. Everything here loads on
first use, so that ``import equipoise`` and the command line start fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from equipoise._version import __version__
from hw_profiles.errors import InputError, Interrupted, TargetUnavailableError

if TYPE_CHECKING:
    import hw_profiles as hw_profiles
    import learning_rules as learning_rules
    import mappers as mappers
    import substrates as substrates

__all__ = [
    "InputError",
    "Interrupted",
    "TargetUnavailableError",
    "__version__",
    "hw_profiles",
    "learning_rules",
    "mappers",
    "substrates",
]

_PACKAGES = ("hw_profiles", "learning_rules", "mappers", "substrates")
_SUBPACKAGES = ("qubo", "report", "testing", "training")


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(name)
    if name in _SUBPACKAGES:
        return importlib.import_module(f"equipoise.{name}")
    raise AttributeError(f"module 'equipoise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBPACKAGES})
