"""Every kind of thing that can be added to Equipoise, and its registry.

A registry gives choices, help and error messages to the command line, to studies and to the Python API, and takes
what other distributions offer under its group of entry points. See CONTRIBUTING.md for one file of each kind.

>>> registry("estimator").texts()["centered"]
'two opposite nudges, error of second order'
"""

from __future__ import annotations

from typing import Any

from hw_profiles.errors import InputError
from hw_profiles.registry import Entry, Registry, lazy, load_reference, nearest

__all__ = ["KINDS", "Entry", "Registry", "lazy", "load_reference", "nearest", "registry"]

#: kind -> where its registry is; imported when asked for
KINDS = {
    "activation": "substrates.network.registry:ACTIVATIONS",
    "data set": "equipoise.training.datasets.registry:DATASETS",
    "device": "substrates.analog.imperfections.presets:DEVICES",
    "estimator": "learning_rules.registry:RULES",
    "generator": "equipoise.qubo.generators.registry:GENERATORS",
    "format": "equipoise.qubo.formats:FORMATS",
    "method": "equipoise.qubo.search.registry:METHODS",
    "neuron": "substrates.loihi2.neurons.registry:NEURONS",
    "profile": "hw_profiles.profile:PROFILES",
    "task": "equipoise.study.tasks:TASKS",
    "target": "equipoise.targets:TARGETS",
    "workload": "equipoise.workloads.registry:WORKLOADS",
}


def registry(kind: str) -> Registry[Any]:
    """The registry of a kind.

    Raises:
        InputError: no such kind.
    """
    if kind not in KINDS:
        raise InputError(f"no kind {kind!r} of extension; {nearest(kind, KINDS)}here are {', '.join(KINDS)}")
    found: Registry[Any] = load_reference(KINDS[kind])
    return found
