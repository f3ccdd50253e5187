"""Analog relaxation machines: the ideal one, and chip instances with the faults of real devices. Framework: torch.

The annealer beside them needs no torch, so the machines load on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from substrates.analog.ideal import IdealMachine
    from substrates.analog.imperfections import ChipInstance, ChipParameters, list_presets, load_preset
    from substrates.analog.machine import AnalogMachine

__all__ = ["AnalogMachine", "ChipInstance", "ChipParameters", "IdealMachine", "list_presets", "load_preset"]

_HOMES = {"AnalogMachine": "machine", "IdealMachine": "ideal"}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module(f"substrates.analog.{_HOMES.get(name, 'imperfections')}"), name)
    raise AttributeError(f"module 'substrates.analog' has no attribute {name!r}")
