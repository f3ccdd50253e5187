"""Ising machines as they are built: one file each, all behind the annealing interface. See README.md in this folder."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from substrates.analog.ising.bifurcation import BallisticBifurcation, DiscreteBifurcation
    from substrates.analog.ising.coherent import CoherentIsingMachine
    from substrates.analog.ising.hopfield import MemristorHopfield
    from substrates.analog.ising.machine import IsingMachine
    from substrates.analog.ising.oscillators import OscillatorIsingMachine
    from substrates.analog.ising.pbits import ProbabilisticBits

__all__ = [
    "ISING_MACHINES",
    "BallisticBifurcation",
    "CoherentIsingMachine",
    "DiscreteBifurcation",
    "IsingMachine",
    "MemristorHopfield",
    "OscillatorIsingMachine",
    "ProbabilisticBits",
    "ising_machine",
]

#: what users call a machine -> where it is
ISING_MACHINES = {
    "p-bits": "pbits:ProbabilisticBits",
    "memristor-hopfield": "hopfield:MemristorHopfield",
    "ballistic-bifurcation": "bifurcation:BallisticBifurcation",
    "discrete-bifurcation": "bifurcation:DiscreteBifurcation",
    "coherent-ising": "coherent:CoherentIsingMachine",
    "oscillators": "oscillators:OscillatorIsingMachine",
}
_HOMES = {place.split(":")[1]: place.split(":")[0] for place in ISING_MACHINES.values()} | {"IsingMachine": "machine"}


def ising_machine(name: str) -> type[IsingMachine]:
    """The class of the machine called ``name``, imported now."""
    module, attribute = ISING_MACHINES[name].split(":")
    found: type[IsingMachine] = getattr(importlib.import_module(f"substrates.analog.ising.{module}"), attribute)
    return found


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"substrates.analog.ising.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'substrates.analog.ising' has no attribute {name!r}")
