"""Conformance kits: what a machine, annealer, rule, neuron, sampler or workload must do, checked in one call each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.registry import lazy_package

if TYPE_CHECKING:
    from equipoise.testing.annealers import check_annealing_substrate
    from equipoise.testing.neurons import check_neuron
    from equipoise.testing.rules import check_rule
    from equipoise.testing.samplers import check_sampler
    from equipoise.testing.substrates import check_faults, check_relaxation_substrate
    from equipoise.testing.workloads import check_workload

__all__ = [
    "check_annealing_substrate",
    "check_faults",
    "check_neuron",
    "check_relaxation_substrate",
    "check_rule",
    "check_sampler",
    "check_workload",
]

__getattr__, __dir__ = lazy_package(
    __name__,
    {
        "equipoise.testing.annealers": ("check_annealing_substrate",),
        "equipoise.testing.neurons": ("check_neuron",),
        "equipoise.testing.rules": ("check_rule",),
        "equipoise.testing.samplers": ("check_sampler",),
        "equipoise.testing.substrates": ("check_faults", "check_relaxation_substrate"),
        "equipoise.testing.workloads": ("check_workload",),
    },
)
