"""The loop every solver runs in: steps, residual checks, freezing of settled samples, limit-cycle recognition."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from substrates.analog.field import Field, arranged, largest
from substrates.base import Stop
from substrates.network import State

__all__ = ["DEFAULT_TOLERANCE", "WINDOW", "Relaxed", "Returns", "Solver", "relax_batch", "then"]

#: residual that counts as converged when `Stop.tolerance` is zero (all steps are run)
DEFAULT_TOLERANCE = 1e-3
#: steps at the end of a run in which a repeating state is looked for: the longest period seen is one less
WINDOW = 13
#: a state has come back when it is this much nearer than it was in between
RETURN_RATIO = 0.02


class Solver(ABC):
    """One way to move membranes towards F(u) = u.

    A solver is a frozen value. What it remembers between steps is a tuple of tensors, the batch first, so that
    the driver can drop samples that have settled.
    """

    name: str

    def begin(self, field: Field, membranes: State) -> State:
        """Memory before the first step; nothing for most solvers."""
        del field, membranes
        return ()

    @abstractmethod
    def step(self, field: Field, membranes: State, memory: State) -> tuple[State, State]:
        """One step: new membranes and memory."""


@dataclass(frozen=True)
class Relaxed:
    """Final state of a batch: membranes, residual, steps and flags per sample."""

    membranes: State
    residual: Tensor
    converged: Tensor
    steps: Tensor
    cycling: Tensor


def then(first: Relaxed, second: Relaxed) -> Relaxed:
    """Two runs of one batch, the second from where the first ended, as one."""
    return Relaxed(second.membranes, second.residual, second.converged, first.steps + second.steps, second.cycling)


def relax_batch(solver: Solver, field: Field, membranes: State, stop: Stop, *, noisy: bool = False) -> Relaxed:
    """Relax every sample from ``membranes`` until its own residual is below the tolerance, or the steps run out.

    Each sample stops by itself, so what it becomes does not depend on which others share its batch. The residual is
    looked at every ``stop.check_every`` steps and once at the end. In a noisy run nothing is said to cycle.
    """
    whole_field, membranes = field, arranged(membranes)
    batch = membranes[0].shape[0]
    device = membranes[0].device
    final = tuple(u.clone() for u in membranes)
    steps = torch.zeros(batch, dtype=torch.int64, device=device)
    cycling = torch.zeros(batch, dtype=torch.bool, device=device)
    active = torch.arange(batch, device=device)
    memory = solver.begin(field, membranes)
    returns = Returns()
    for taken in range(stop.max_steps + 1):
        last = taken == stop.max_steps
        if last or (stop.tolerance > 0 and taken % stop.check_every == 0):
            settled = largest(field(membranes), membranes) <= stop.tolerance if stop.tolerance > 0 else None
            done = torch.ones_like(active, dtype=torch.bool) if last or settled is None else settled
            if bool(done.any()):
                where = active[done]
                for whole, part in zip(final, membranes):
                    whole[where] = part[done]
                steps[where] = taken
                cycling[where] = returns.found(len(active), device)[done]
                keep = (~done).nonzero().flatten()
                active = active[keep]
                if len(active) == 0:
                    break
                membranes, memory = tuple(u[keep] for u in membranes), tuple(m[keep] for m in memory)
                field = field.select(keep)
                returns.select(keep)
        if stop.max_steps - taken <= WINDOW:
            returns.look(membranes)
        membranes, memory = solver.step(field, membranes, memory)
        if stop.max_steps - taken == 1:
            returns.look(membranes)
    residual = largest(whole_field(final), final)
    converged = residual <= (stop.tolerance or DEFAULT_TOLERANCE)
    return Relaxed(final, residual, converged, steps, cycling & ~converged & (not noisy))


class Returns:
    """Does a state come back? Distances of the last steps from a snapshot, per sample."""

    def __init__(self) -> None:
        self.snapshot: State = ()
        self.distances: list[Tensor] = []

    def look(self, membranes: State) -> None:
        if not self.snapshot:
            self.snapshot = membranes
        else:
            self.distances.append(largest(membranes, self.snapshot))

    def select(self, keep: Tensor) -> None:
        self.snapshot = tuple(s[keep] for s in self.snapshot)
        self.distances = [d[keep] for d in self.distances]

    def found(self, batch: int, device: torch.device) -> Tensor:
        """True where a step of the window came back to the snapshot after having been far from it."""
        if len(self.distances) < 2:
            return torch.zeros(batch, dtype=torch.bool, device=device)
        d = torch.stack(self.distances)
        farthest = torch.cummax(d, dim=0).values[:-1]
        return ((d[1:] < RETURN_RATIO * farthest) & torch.isfinite(farthest)).any(dim=0)
