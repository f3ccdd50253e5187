"""Equilibrium propagation on the chip: relaxation neurons, int8 couplings, graded delta messages. See README.md."""

from substrates.loihi2.relaxation.chip_network import ChipNetwork, StoredCoupling
from substrates.loihi2.relaxation.machine import ChipDrive, ChipState, Loihi2Machine
from substrates.loihi2.relaxation.settings import Loihi2Settings

__all__ = ["ChipDrive", "ChipNetwork", "ChipState", "Loihi2Machine", "Loihi2Settings", "StoredCoupling"]
