"""Analog relaxation machines: the ideal one, and chip instances with the faults of real devices. Framework: torch."""

from substrates.analog.ideal import IdealMachine

__all__ = ["IdealMachine"]
