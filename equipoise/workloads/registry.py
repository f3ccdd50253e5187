"""Workloads by name; a class or an instance of `Workload` is offered."""

from __future__ import annotations

import inspect
from typing import Any

from equipoise.workloads.interface import Workload
from hw_profiles.errors import InputError
from hw_profiles.registry import Entry, Registry, load_reference

__all__ = ["WORKLOADS"]


def _accept(thing: Any, what: str) -> Workload:
    if isinstance(thing, type) and issubclass(thing, Workload):
        missing = sorted(getattr(thing, "__abstractmethods__", ()))
        if missing:
            raise InputError(f"{what} is the class {thing.__name__}, which has no {', '.join(missing)}")
        thing = thing()
    if not isinstance(thing, Workload):
        raise InputError(f"{what} is {thing!r}; expected an equipoise.workloads.Workload")
    absent = [name for name in ("title",) if not isinstance(getattr(thing, name, None), str)]
    if absent or "small" not in thing.sizes:
        raise InputError(f"{what} lacks {', '.join(absent) or 'the size small'}; see equipoise.workloads")
    known = inspect.signature(thing.instance).parameters
    for size, given in thing.sizes.items():
        wrong = [name for name in given if name not in known]
        if wrong:
            raise InputError(f"{what}: its size {size} gives {', '.join(wrong)}, which instance() does not take")
    return thing


def _own(name: str, reference: str, text: str) -> Entry[Workload]:
    return Entry(name, lambda: _accept(load_reference(f"equipoise.workloads.{reference}"), name), text)


#: every workload
WORKLOADS: Registry[Workload] = Registry(
    "workload",
    "equipoise.workloads",
    (
        _own("polar-decoding", "polar.workload:PolarDecoding", "maximum-likelihood decoding of polar and PAC codes"),
        _own("pareto-qubo", "pareto.workload:ParetoQubo", "the front of several QUBO costs at once"),
        _own("link-insertion", "links.workload:LinkInsertion", "links that open polarised bubbles"),
        _own("chip-fleet", "fleet.workload:ChipFleet", "ensembles and transfer over a fleet of chips"),
        _own("fair-matching", "matching.workload:FairMatching", "fair matching under uncertain merits"),
        _own("membrane", "membrane:Membrane", "a membrane of least compliance, on resistors that adapt"),
        _own("obstacle", "obstacle:Obstacle", "a sheet that rests on an obstacle, on resistors and rectifiers"),
        _own("nonsmooth-control", "nonsmooth_control:NonsmoothControl", "two goals for a circuit with kinks"),
        _own("inversion", "inversion:Inversion", "inputs found by clamping outputs"),
    ),
    _accept,
)
