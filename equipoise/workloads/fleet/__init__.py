"""A fleet of chips as an ensemble: `ChipFleet`; `alignment` renumbers the units of one network like another's."""

from equipoise.workloads.fleet.alignment import align, barrier, renumbered
from equipoise.workloads.fleet.workload import ChipFleet

__all__ = ["ChipFleet", "align", "barrier", "renumbered"]
