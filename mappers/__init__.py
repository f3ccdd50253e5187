"""Mappers: from a network or a problem to a program on a target. See README.md in this folder."""

from __future__ import annotations

from mappers._loihi_probe import Loihi2Probe, probe_loihi2
from mappers.chip_limits import check_chip
from mappers.connectivity import Connectivity, Group
from mappers.limits import ChipLimits, System, list_systems, load_system
from mappers.placement import DoesNotFitError, Misfit, Placement, place
from mappers.program import SYSTEMS, connectivity_of, place_on_smallest, place_program
from mappers.utilisation import Link, Utilisation

__all__ = [
    "SYSTEMS",
    "ChipLimits",
    "Connectivity",
    "DoesNotFitError",
    "Group",
    "Link",
    "Loihi2Probe",
    "Misfit",
    "Placement",
    "System",
    "Utilisation",
    "check_chip",
    "connectivity_of",
    "list_systems",
    "load_system",
    "place",
    "place_on_smallest",
    "place_program",
    "probe_loihi2",
]
