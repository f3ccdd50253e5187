"""Circuits as SPICE netlists, and ngspice as an independent reference for what our machines compute."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from substrates.analog.spice.ngspice import operating_points, time_course, why_unavailable
    from substrates.analog.spice.relaxation import relaxation_netlist
    from substrates.analog.spice.resistive import circuit_netlist, machine_netlist

_HOMES = {
    "circuit_netlist": "resistive",
    "machine_netlist": "resistive",
    "operating_points": "ngspice",
    "relaxation_netlist": "relaxation",
    "time_course": "ngspice",
    "why_unavailable": "ngspice",
}

__all__ = [
    "circuit_netlist",
    "machine_netlist",
    "operating_points",
    "relaxation_netlist",
    "time_course",
    "why_unavailable",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"substrates.analog.spice.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'substrates.analog.spice' has no attribute {name!r}")
