"""Resistive networks: memristive conductances, diodes, sources and amplifiers. See README.md in this folder.

Circuits and solvers need NumPy only; what learns through torch loads on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from substrates.analog.resistive.circuit import Circuit, Diode, Resistor
    from substrates.analog.resistive.coupling import Conductance, resistive_network
    from substrates.analog.resistive.grid import ResistorGrid
    from substrates.analog.resistive.layers import LayeredCircuit, Solution
    from substrates.analog.resistive.machine import ResistiveMachine
    from substrates.analog.resistive.newton import sensitivity, solve

_HOMES = {
    "Circuit": "circuit", "Diode": "circuit", "Resistor": "circuit", "Conductance": "coupling",
    "ResistorGrid": "grid", "resistive_network": "coupling", "LayeredCircuit": "layers", "Solution": "layers",
    "ResistiveMachine": "machine", "solve": "newton", "sensitivity": "newton",
}  # fmt: skip

__all__ = [
    "Circuit",
    "Conductance",
    "Diode",
    "LayeredCircuit",
    "ResistiveMachine",
    "Resistor",
    "ResistorGrid",
    "Solution",
    "resistive_network",
    "sensitivity",
    "solve",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"substrates.analog.resistive.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'substrates.analog.resistive' has no attribute {name!r}")
