"""Alternating blocks: populations that do not feed each other move together, the groups in turn."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from hw_profiles.errors import InputError
from substrates.analog.field import Field
from substrates.analog.solvers.driver import Solver
from substrates.base import Stop
from substrates.network import Network, State

__all__ = ["AlternatingBlocks", "blocks"]


def blocks(network: Network) -> tuple[tuple[int, ...], ...]:
    """Populations in groups, greedily coloured so that no two of a group are coupled.

    A layered network gives two groups (even and odd layers), a loop of three gives three. A population coupled to
    itself still moves as one.
    """
    neighbours: list[set[int]] = [set() for _ in network.populations]
    for coupling in network.recurrent_couplings():
        neighbours[coupling.source].add(coupling.target)
        neighbours[coupling.target].add(coupling.source)
    colours: list[int] = []
    for population, near in enumerate(neighbours):
        taken = {colours[n] for n in near if n < population}
        colours.append(next(c for c in range(len(taken) + 1) if c not in taken))
    return tuple(tuple(p for p, c in enumerate(colours) if c == group) for group in range(max(colours) + 1))


@dataclass(frozen=True)
class AlternatingBlocks(Solver):
    """One step is one sweep: each group in turn goes to u + h (F(u) - u), seeing the groups before it already moved.

    On a layered network with h = 1 a sweep does the work of one step of the map and goes as far as two of them: the
    map runs two interleaved trajectories there (even layers at even times, odd at odd, and the reverse), the sweep
    only one.

    Arguments:
        step_size: h, above 0 and at most 1.
        fallback: step of samples that have not settled after half of the steps (a full step cycles where a shorter one
            settles); 0 goes on with h.
    """

    step_size: float = 1.0
    fallback: float = 0.0
    name: str = "alternating"

    def __post_init__(self) -> None:
        if not 0 < self.step_size <= 1:
            raise InputError(f"the block step must be above 0 and at most 1, got {self.step_size}")
        if not 0 <= self.fallback <= 1:
            raise InputError(f"the fallback step must be 0 for none, or at most 1, got {self.fallback}")

    def legs(self, stop: Stop) -> list[tuple[AlternatingBlocks, Stop]]:
        """What to run after one another, each for the samples that the one before left unsettled."""
        if not self.fallback or stop.tolerance == 0 or stop.max_steps < 2:
            return [(AlternatingBlocks(self.step_size), stop)]
        half = stop.max_steps // 2
        steps = ((self.step_size, half), (self.fallback, stop.max_steps - half))
        return [(AlternatingBlocks(h), Stop(n, stop.tolerance, stop.check_every)) for h, n in steps]

    def step(self, field: Field, membranes: State, memory: State) -> tuple[State, State]:
        u = list(membranes)
        v = list(field.activate(membranes))
        h = self.step_size
        for group in blocks(field.network):
            forces = {p: field.population(p, tuple(v)) for p in group}
            moved = forces if h == 1.0 else {p: torch.lerp(u[p], f, h) for p, f in forces.items()}
            for p, membrane in moved.items():
                u[p] = membrane
                v[p] = field.activate_one(p, membrane)
        return tuple(u), memory
