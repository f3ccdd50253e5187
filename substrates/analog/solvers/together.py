"""The solvers' loop for accelerators: the whole batch moves together, and the host does not wait inside a phase.

`driver.relax_batch` lets settled samples leave, which needs their number on the host at every test. Here they are
held in place instead, under the same rules: tests every `Stop.check_every` steps, each sample stops by itself. Whether
all have settled is read back one test late, when the answer has long arrived, so the device never runs dry; the steps
taken meanwhile change nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from substrates.analog.field import Field, arranged, largest
from substrates.analog.solvers.driver import DEFAULT_TOLERANCE, WINDOW, Relaxed, Returns, Solver
from substrates.base import Stop
from substrates.network import State

__all__ = ["Block", "Late", "last_steps", "relax_together"]

#: told at every test whether a sample still moves; true: stop
Watch = Callable[[Tensor], bool]


class Late:
    """Whether nothing moves any more, as of the test before the present one: never waits for unfinished work."""

    def __init__(self) -> None:
        self._before: tuple[Tensor, torch.cuda.Event | None] | None = None

    def __call__(self, active: Tensor) -> bool:
        moving = active.any()
        if moving.device.type == "cuda":
            flag = torch.empty((), dtype=torch.bool, pin_memory=True)
            flag.copy_(moving, non_blocking=True)
            event = torch.cuda.Event()
            event.record()
            here: tuple[Tensor, torch.cuda.Event | None] = (flag, event)
        else:
            here = (moving, None)
        before, self._before = self._before, here
        if before is None:
            return False
        flag, arrived = before
        if arrived is not None:
            arrived.synchronize()
        return not bool(flag)


class Block:
    """A few steps of one batch, as values: what a graph of the device can record and repeat.

    Attributes:
        membranes, memory: of the solver.
        active: (batch,) bool, samples that still move.
        steps: (batch,) steps they have taken.
    """

    def __init__(self, solver: Solver, field: Field, membranes: State, tolerance: float) -> None:
        self.solver, self.field, self.tolerance = solver, field, tolerance
        self.membranes = arranged(membranes)
        self.memory = solver.begin(field, self.membranes)
        self.active = torch.ones(len(membranes[0]), dtype=torch.bool, device=membranes[0].device)
        self.steps = torch.zeros(len(membranes[0]), dtype=torch.int64, device=membranes[0].device)

    @property
    def state(self) -> tuple[State, State, Tensor, Tensor]:
        """Everything that evolves."""
        return self.membranes, self.memory, self.active, self.steps

    @state.setter
    def state(self, values: tuple[State, State, Tensor, Tensor]) -> None:
        self.membranes, self.memory, self.active, self.steps = values

    def test(self) -> None:
        """Hold the samples whose residual is below the tolerance."""
        self.active = self.active & ~(largest(self.field(self.membranes), self.membranes) <= self.tolerance)

    def step(self) -> None:
        """One step of the samples that move."""
        moved, self.memory = self.solver.step(self.field, self.membranes, self.memory)
        moving = self.active
        self.membranes = tuple(
            torch.where(moving.reshape(-1, *[1] * (u.dim() - 1)), m, u) for m, u in zip(moved, self.membranes)
        )
        self.steps = self.steps + moving

    def relaxed(self, stop: Stop, cycling: Tensor) -> Relaxed:
        """The state as a result."""
        residual = largest(self.field(self.membranes), self.membranes)
        converged = residual <= (stop.tolerance or DEFAULT_TOLERANCE)
        return Relaxed(self.membranes, residual, converged, self.steps, cycling & ~converged)


def relax_together(
    solver: Solver, field: Field, membranes: State, stop: Stop, *, noisy: bool = False, watch: Watch | None = None
) -> Relaxed:
    """`relax_batch` without leaving samples: the same result but for the rounding of other batch sizes.

    Args:
        watch: see `Watch`; late reading by default.
    """
    block = Block(solver, field, membranes, stop.tolerance)
    watch = Late() if watch is None else watch
    first = max(0, stop.max_steps - WINDOW)
    for taken in range(first):
        if stop.tolerance > 0 and taken % stop.check_every == 0:
            block.test()
            if watch(block.active):
                return block.relaxed(stop, torch.zeros_like(block.active))
        block.step()
    return block.relaxed(stop, last_steps(block, stop, first) & (not noisy))


def last_steps(block: Block, stop: Stop, first: int) -> Tensor:
    """The steps from ``first`` on, in the last `WINDOW` of which limit cycles are looked for: (batch,) bool."""
    returns = Returns()
    for taken in range(first, stop.max_steps):
        if stop.tolerance > 0 and taken % stop.check_every == 0:
            block.test()
        if stop.max_steps - taken <= WINDOW:
            returns.look(block.membranes)
        block.step()
    if stop.max_steps:
        returns.look(block.membranes)
    return returns.found(len(block.active), block.active.device)
