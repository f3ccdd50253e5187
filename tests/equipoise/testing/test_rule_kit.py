"""The kit for rules refuses mutants by the promise they break."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch

from equipoise.testing.rules import check_rule
from learning_rules import Adjoint, Centered, OneSided, Point, Rule, StencilRule


@dataclass(frozen=True)
class Mutant(Centered):
    """A centered rule in which one thing is broken."""

    name: ClassVar[str] = "mutant"

    def estimate(self, machine: Any, drive: Any, target: Any, phases: Any, free: Any) -> Any:
        return self.change(super().estimate(machine, drive, target, phases, free))

    def change(self, found: Any) -> Any:
        return found


@dataclass(frozen=True)
class WrongSign(Mutant):
    def change(self, found: Any) -> Any:
        return replace(found, errors=tuple(-e for e in found.errors))


@dataclass(frozen=True)
class HalfTheSize(Mutant):
    def change(self, found: Any) -> Any:
        return replace(found, errors=tuple(e / 2 for e in found.errors))


@dataclass(frozen=True)
class FirstOrder(OneSided):
    name: ClassVar[str] = "mutant"


@dataclass(frozen=True)
class IgnoresItsNudge(Mutant):
    def points(self) -> tuple[Point, ...]:
        return (Point(0.15, 0.5 / 0.15), Point(-0.15, -0.5 / 0.15))


@dataclass(frozen=True)
class Restless(Mutant):
    def change(self, found: Any) -> Any:
        return replace(found, errors=tuple(e + 1e-9 * torch.randn_like(e) for e in found.errors))


@dataclass(frozen=True)
class ComplexErrors(Mutant):
    def change(self, found: Any) -> Any:
        return replace(found, errors=tuple(e.to(torch.complex128) for e in found.errors))


@dataclass(frozen=True)
class OutputOnly(Mutant):
    def change(self, found: Any) -> Any:
        return replace(found, errors=found.errors[-1:])


@dataclass(frozen=True)
class CountsNothing(Mutant):
    def change(self, found: Any) -> Any:
        return replace(found, equilibrations=0)


@dataclass(frozen=True)
class NeverConverges(Mutant):
    def change(self, found: Any) -> Any:
        return replace(found, converged=torch.zeros_like(found.converged))


@dataclass(frozen=True)
class TouchesGradients(Mutant):
    def estimate(self, machine: Any, drive: Any, target: Any, phases: Any, free: Any) -> Any:
        for parameter in machine.network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        return super().estimate(machine, drive, target, phases, free)


@dataclass(frozen=True)
class ChangesTheFreeState(Mutant):
    def estimate(self, machine: Any, drive: Any, target: Any, phases: Any, free: Any) -> Any:
        found = super().estimate(machine, drive, target, phases, free)
        free.membranes[0].mul_(1 + 1e-12)
        return found


@dataclass(frozen=True)
class IgnoresTheTarget(Mutant):
    def estimate(self, machine: Any, drive: Any, target: Any, phases: Any, free: Any) -> Any:
        return super().estimate(machine, drive, torch.zeros_like(target), phases, free)


@dataclass(frozen=True)
class MixesSamples(Mutant):
    def change(self, found: Any) -> Any:
        return replace(found, errors=tuple(e + 0.1 * e.mean(0, keepdim=True) for e in found.errors))


@dataclass(frozen=True)
class HidesItsNeeds(StencilRule):
    """Uses complex nudges and says that it needs none."""

    name: ClassVar[str] = "mutant"

    def points(self) -> tuple[Point, ...]:
        beta = 1j * self.nudge
        return (Point(beta, 0.5 / beta, mirrored=True),)

    def needs(self) -> dict[str, bool]:
        return {}


@dataclass(frozen=True)
class NeedsAWord(Mutant):
    def needs(self) -> dict[str, bool]:
        return {"luck": False}


MUTANTS: list[tuple[type[Rule], str]] = [
    (WrongSign, "wrong sign"),
    (HalfTheSize, "are 0.50 times"),
    (FirstOrder, "order 2 means"),
    (IgnoresItsNudge, "order 2 means"),
    (Restless, "other numbers"),
    (ComplexErrors, "must be real"),
    (OutputOnly, "one per population"),
    (CountsNothing, "must count its relaxations"),
    (NeverConverges, "it says it did not"),
    (TouchesGradients, "must not touch .grad"),
    (ChangesTheFreeState, "changed the free equilibrium"),
    (IgnoresTheTarget, "wrong sign|target is ignored"),
    (MixesSamples, "errors of another"),
    (HidesItsNeeds, "uses complex_states, and its needs"),
    (NeedsAWord, "luck, which is no capability"),
]


@pytest.mark.parametrize(("mutant", "promise"), MUTANTS, ids=[m[0].__name__ for m in MUTANTS])
def test_a_mutant_is_refused_by_the_promise_it_breaks(mutant: type[Rule], promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_rule(mutant(), estimates="response", order=2)


def test_a_rule_without_an_order_is_held_to_its_tolerance() -> None:
    check_rule(Adjoint(), estimates="adjoint")
    with pytest.raises(AssertionError, match="claimed below"):
        check_rule(Centered(0.3), estimates="response", tolerance=1e-6)
