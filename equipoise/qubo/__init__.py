"""QUBO problems: read, generate, quantise, solve, sample. See README.md."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equipoise.qubo.constraints import ConstrainedProblem, ConstrainedSolution, solve_constrained
    from equipoise.qubo.formats import FORMATS, read, read_model, write
    from equipoise.qubo.problem import Problem
    from equipoise.qubo.quantisation import Quantised, quantise
    from equipoise.qubo.sampler import AnalogAnnealerSampler, EquipoiseSampler, anneal
    from equipoise.qubo.solving import Solution, solve

__all__ = [
    "FORMATS",
    "AnalogAnnealerSampler",
    "ConstrainedProblem",
    "ConstrainedSolution",
    "EquipoiseSampler",
    "Problem",
    "Quantised",
    "Solution",
    "anneal",
    "generators",
    "quantise",
    "read",
    "read_model",
    "solve",
    "solve_constrained",
    "write",
]

_HOMES = {
    "FORMATS": "formats",
    "read": "formats",
    "write": "formats",
    "read_model": "formats",
    "ConstrainedProblem": "constraints",
    "ConstrainedSolution": "constraints",
    "solve_constrained": "constraints",
    "Problem": "problem",
    "Quantised": "quantisation",
    "quantise": "quantisation",
    "AnalogAnnealerSampler": "sampler",
    "EquipoiseSampler": "sampler",
    "anneal": "sampler",
    "Solution": "solving",
    "solve": "solving",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"equipoise.qubo.{_HOMES[name]}"), name)
    if name == "generators":
        return importlib.import_module("equipoise.qubo.generators")
    raise AttributeError(f"module 'equipoise.qubo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
