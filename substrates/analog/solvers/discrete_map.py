"""The discrete map of the papers: u <- F(u), all neurons at once."""

from __future__ import annotations

from dataclasses import dataclass

from substrates.analog.field import Field
from substrates.analog.solvers.driver import Solver
from substrates.network import State

__all__ = ["DiscreteMap"]


@dataclass(frozen=True)
class DiscreteMap(Solver):
    """u <- F(u): an Euler step of one time constant, all neurons in parallel.

    The fastest per step, and the first to fall into limit cycles: it settles only where every eigenvalue of dF/du
    lies inside the unit circle, while the continuous dynamics need only real parts below one.

    Source: Laborieux & Zenke, arXiv 2309.02214.
    """

    name: str = "map"

    @property
    def step_size(self) -> float:
        """One time constant."""
        return 1.0

    def step(self, field: Field, membranes: State, memory: State) -> tuple[State, State]:
        return field(membranes), memory
