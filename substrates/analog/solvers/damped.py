"""The damped map: u <- u + h (F(u) - u)."""

from __future__ import annotations

from dataclasses import dataclass

from hw_profiles.errors import InputError
from substrates.analog.field import Field
from substrates.analog.solvers.driver import Solver
from substrates.network import State

__all__ = ["Damped"]


@dataclass(frozen=True)
class Damped(Solver):
    """u <- u + h (F(u) - u): an Euler step of ``step`` time constants.

    Arguments:
        step: h, above 0 and at most 1; 1 is the undamped map.

    Raises:
        InputError: a step outside (0, 1].
    """

    step_size: float = 0.5
    name: str = "damped"

    def __post_init__(self) -> None:
        if not 0 < self.step_size <= 1:
            raise InputError(f"the damped step must be above 0 and at most 1, got {self.step_size}")

    def step(self, field: Field, membranes: State, memory: State) -> tuple[State, State]:
        h = self.step_size
        return tuple(u + h * (f - u) for u, f in zip(membranes, field(membranes))), memory
