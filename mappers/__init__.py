"""Mappers: from a network or a problem to a program on a target. See README.md in this folder."""

from __future__ import annotations

from mappers.connectivity import Connectivity, Group
from mappers.limits import ChipLimits, System, list_systems, load_system
from mappers.placement import DoesNotFitError, Misfit, Placement, place
from mappers.program import connectivity_of, connectivity_of_problem, place_program
from mappers.targets import TARGETS, TargetChoice, TargetStatus, choose_target, probe_targets
from mappers.utilisation import Link, Utilisation

__all__ = [
    "TARGETS",
    "ChipLimits",
    "Connectivity",
    "DoesNotFitError",
    "Group",
    "Link",
    "Misfit",
    "Placement",
    "System",
    "TargetChoice",
    "TargetStatus",
    "Utilisation",
    "choose_target",
    "connectivity_of",
    "connectivity_of_problem",
    "list_systems",
    "load_system",
    "place",
    "place_program",
    "probe_targets",
]
