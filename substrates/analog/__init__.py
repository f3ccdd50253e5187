"""Analog relaxation machines: the ideal one, and chip instances with the faults of real devices. Framework: torch."""

from substrates.analog.ideal import IdealMachine
from substrates.analog.imperfections import ChipInstance, ChipParameters, list_presets, load_preset
from substrates.analog.machine import AnalogMachine

__all__ = ["AnalogMachine", "ChipInstance", "ChipParameters", "IdealMachine", "list_presets", "load_preset"]
