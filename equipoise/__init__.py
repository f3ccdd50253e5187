"""Equipoise: algorithms that relax, on neuromorphic and analog hardware.

    from equipoise import solve, train, TrainConfig
    solve({("a", "a"): -1, ("a", "b"): 2}).sample                  # the best solution, and what it cost
    train(TrainConfig(dataset="digits", epochs=2)).test_accuracy   # a network that learned by equilibrium propagation

The five packages are real, importable by their own names; this one is the front door. Everything here loads on
first use, so that ``import equipoise`` and the command line start fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from equipoise._version import __version__
from hw_profiles.errors import InputError, Interrupted, TargetUnavailableError
from hw_profiles.extras import needed

if TYPE_CHECKING:
    import hw_profiles as hw_profiles
    import learning_rules as learning_rules
    import mappers as mappers
    import substrates as substrates
    from equipoise import qubo as qubo
    from equipoise import targets as targets
    from equipoise import training as training
    from equipoise.comparison.running import compare
    from equipoise.qubo.formats import read
    from equipoise.qubo.problem import Problem
    from equipoise.qubo.sampler import AnalogAnnealerSampler, EquipoiseSampler, anneal
    from equipoise.qubo.solving import Solution, solve
    from equipoise.training.classifier import EquilibriumClassifier
    from equipoise.training.config import TrainConfig
    from equipoise.training.result import TrainResult
    from equipoise.training.trainer import train
    from hw_profiles.record import Record

__all__ = [
    "AnalogAnnealerSampler",
    "EquilibriumClassifier",
    "EquipoiseSampler",
    "InputError",
    "Interrupted",
    "Problem",
    "Record",
    "Solution",
    "TargetUnavailableError",
    "TrainConfig",
    "TrainResult",
    "__version__",
    "anneal",
    "compare",
    "hw_profiles",
    "learning_rules",
    "mappers",
    "qubo",
    "read",
    "solve",
    "substrates",
    "targets",
    "train",
    "training",
]

_HOMES = {
    "equipoise.comparison.running": ("compare",),
    "equipoise.qubo.formats": ("read",),
    "equipoise.qubo.problem": ("Problem",),
    "equipoise.qubo.sampler": ("AnalogAnnealerSampler", "EquipoiseSampler", "anneal"),
    "equipoise.qubo.solving": ("Solution", "solve"),
    "equipoise.training.classifier": ("EquilibriumClassifier",),
    "equipoise.training.config": ("TrainConfig",),
    "equipoise.training.result": ("TrainResult",),
    "equipoise.training.trainer": ("train",),
    "hw_profiles.record": ("Record",),
}
_PACKAGES = ("hw_profiles", "learning_rules", "mappers", "substrates")
_SUBPACKAGES = ("qubo", "report", "targets", "testing", "training")
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    try:
        if name in _PACKAGES:
            return importlib.import_module(name)
        if name in _SUBPACKAGES:
            return importlib.import_module(f"equipoise.{name}")
        if name in _HOME:
            return getattr(importlib.import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        if not needed(error):
            raise
        raise ModuleNotFoundError(f"equipoise.{name}: {needed(error)}", name=error.name) from error
    raise AttributeError(f"module 'equipoise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBPACKAGES})
