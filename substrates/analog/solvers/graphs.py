"""CUDA graphs of the relaxation: a phase's kernels are recorded once and launched as one, because a sweep of a small
network is shorter than the launch of its kernels.

Four recordings per kind of phase: the field's plan and the state from the batch's currents; one test and
`Stop.check_every` steps; the last steps, in which limit cycles are looked for; the result. They read the network's
parameters in place, so a recording is good for as long as these stay where they are in memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from substrates.analog.field import Field
from substrates.analog.solvers.alternating import AlternatingBlocks
from substrates.analog.solvers.damped import Damped
from substrates.analog.solvers.discrete_map import DiscreteMap
from substrates.analog.solvers.driver import WINDOW, Relaxed, Solver
from substrates.analog.solvers.together import Block, Late, last_steps
from substrates.base import Nudge, Stop
from substrates.network import State

__all__ = ["Graphs"]

#: solvers whose steps are tensor operations alone, without random numbers
_RECORDABLE = (Damped, DiscreteMap, AlternatingBlocks)
#: recordings kept; each holds the memory of one phase
_KEPT = 8


class Graphs:
    """Recordings by kind of phase, the least recently used forgotten first."""

    def __init__(self) -> None:
        self._recorded: OrderedDict[Hashable, _Recording] = OrderedDict()

    @staticmethod
    def apply(solver: Solver, membranes: State, stop: Stop) -> bool:
        """Whether a phase can be recorded: on a CUDA device, by a solver that only adds and multiplies."""
        return (
            membranes[0].device.type == "cuda"
            and stop.max_steps > 0
            and type(solver) in _RECORDABLE
            and not torch.is_grad_enabled()
        )

    def run(self, field: Field, solver: Solver, membranes: State, stop: Stop) -> Relaxed:
        """What `relax_together` gives, to the same bits."""
        key = _key(field, solver, membranes, stop)
        recording = self._recorded.pop(key, None)
        if recording is None:
            recording = _Recording(field, solver, membranes, stop)
            while len(self._recorded) >= _KEPT:
                self._recorded.popitem(last=False)
        self._recorded[key] = recording
        return recording.play(field, membranes)


def _key(field: Field, solver: Solver, membranes: State, stop: Stop) -> Hashable:
    nudge = field.nudge
    kinds: tuple[Any, ...] = ()
    if nudge is not None:
        kinds = (nudge.reference is not None, nudge.force is not None, tuple(nudge.target.shape), nudge.target.dtype)
    places = tuple(p.data_ptr() for p in field.network.parameters())
    shapes = tuple((tuple(u.shape), u.dtype, u.stride()) for u in membranes)
    return (shapes, solver, stop, kinds, field.rail, field.nudge_bits, field.nudge_range, places)


class _Recording:
    """One kind of phase with its own copies of everything that differs from batch to batch."""

    def __init__(self, field: Field, solver: Solver, membranes: State, stop: Stop) -> None:
        self._stop = stop
        self._start = tuple(u.clone() for u in membranes)
        self._field = _copy(field)
        self._cycling = torch.zeros(len(membranes[0]), dtype=torch.bool, device=membranes[0].device)
        self._blocks = max(0, stop.max_steps - WINDOW) // stop.check_every
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # libraries choose their algorithms here, which cannot be recorded
            self._begin(solver)
            self._advance()
            self._end()
        torch.cuda.current_stream().wait_stream(stream)
        self._first, self._more, self._last, self._finish = (torch.cuda.CUDAGraph() for _ in range(4))
        with torch.cuda.graph(self._first, capture_error_mode="thread_local"):
            self._begin(solver)
        block, pool = self._block, self._first.pool()
        held = block.state
        for graph, part in ((self._more, self._advance), (self._last, self._end)):
            with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
                part()
                for old, new in zip(_flat(held), _flat(block.state)):
                    old.copy_(new)
            block.state = held
        with torch.cuda.graph(self._finish, pool=pool, capture_error_mode="thread_local"):
            self._result = block.relaxed(stop, self._cycling)

    def _begin(self, solver: Solver) -> None:
        field = replace(self._field, _made=None)
        assert field.plan  # made here, from this batch, and not in whatever recording uses it first
        self._block = Block(solver, field, self._start, self._stop.tolerance)
        # the state is written over while advancing: it must not be what the phase starts from
        self._block.membranes = tuple(u.clone() for u in self._block.membranes)

    def _advance(self) -> None:
        if self._stop.tolerance > 0:
            self._block.test()
        for _ in range(self._stop.check_every):
            self._block.step()

    def _end(self) -> None:
        self._cycling.copy_(last_steps(self._block, self._stop, self._blocks * self._stop.check_every))

    def play(self, field: Field, membranes: State) -> Relaxed:
        """The phase of another batch."""
        for to, new in zip(self._start, membranes):
            to.copy_(new)
        for to, new in zip(_inputs(self._field), _inputs(field)):
            to.copy_(new)
        self._first.replay()
        late, settled = Late(), False
        for _ in range(self._blocks):
            self._more.replay()
            settled = self._stop.tolerance > 0 and late(self._block.active)
            if settled:
                break
        if settled:
            self._cycling.zero_()
        else:
            self._last.replay()
        self._finish.replay()
        r = self._result
        return Relaxed(
            tuple(u.clone() for u in r.membranes),
            r.residual.clone(),
            r.converged.clone(),
            r.steps.clone(),
            r.cycling.clone(),
        )


def _betas(field: Field) -> Tensor:
    """The nudge of every sample as numbers on the device, so that one recording serves any of them."""
    if field.betas is not None:
        return field.betas
    output = field.currents[-1]
    beta = 0.0 if field.nudge is None else complex(field.nudge.beta)
    dtype = output.dtype if complex(beta).imag == 0 else torch.complex(output[:0], output[:0]).dtype
    value = beta if dtype.is_complex else complex(beta).real
    return torch.full((len(output),), value, dtype=dtype, device=output.device)


def _inputs(field: Field) -> list[Tensor]:
    """Everything of a field that differs from batch to batch."""
    nudge = field.nudge
    found = [*field.currents]
    if nudge is not None:
        found += [_betas(field), nudge.target]
        found += [] if nudge.reference is None else [*nudge.reference]
        found += [] if nudge.force is None else [nudge.force]
    return found


def _copy(field: Field) -> Field:
    """The same field with tensors of its own."""
    nudge, betas = field.nudge, None
    if nudge is not None:
        betas = _betas(field).clone()
        nudge = Nudge(
            1.0,
            nudge.target.clone(),
            None if nudge.reference is None else tuple(r.clone() for r in nudge.reference),
            None if nudge.force is None else nudge.force.clone(),
        )
    return replace(field, currents=tuple(c.clone() for c in field.currents), nudge=nudge, betas=betas, _made=None)


def _flat(values: Any) -> list[Tensor]:
    return [values] if isinstance(values, Tensor) else [t for v in values for t in _flat(v)]
