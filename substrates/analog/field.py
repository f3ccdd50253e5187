"""The force on every membrane: what one relaxation, with its drive, nudge and correction, pulls towards.

    F_l(u) = I_l + sum over couplings into l of W v_source + [l is the output] beta dL/dv
             + [reference given] ((J^T - J)(v - v0))_l,         v = sigma(u)

and the dynamics are tau du/dt = F(u) - u. Everything here is a value: a field of half the batch is `select`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from substrates.analog.imperfections.converters import quantise
from substrates.base import Nudge
from substrates.devices import laid_out
from substrates.network import Network, Operator, State

__all__ = ["Field", "arranged", "largest", "promote"]


@dataclass(frozen=True)
class _Plan:
    """What a field applies at every step, made once: maps into each population, and currents that stay.

    ``corrections`` are maps of the distance v - v0 from the reference, with their signs; empty where the correction
    is part of ``into`` already.
    """

    currents: State
    into: tuple[tuple[Operator, ...], ...]
    corrections: tuple[tuple[tuple[float, Operator], ...], ...]


@dataclass(frozen=True)
class Field:
    """F(u) for one batch.

    The network's parameters are read when the field is made.

    Attributes:
        network: couplings and cost, with the weights the machine really has.
        currents: constant current into each population, (batch, *shape) each.
        nudge: force on the output; None in the free phase.
        activate_one: (population, u) -> v; a machine with mismatch brings its own.
        rail: forces saturate at plus and minus this; 0 means never.
        nudge_bits, nudge_range: resolution of the nudge current; 0 bits means exact.
        betas: (batch,) a nudge per sample in place of the nudge's own; None: the same for all.
    """

    network: Network
    currents: State
    nudge: Nudge | None
    activate_one: Callable[[int, Tensor], Tensor]
    rail: float = 0.0
    nudge_bits: int = 0
    nudge_range: float = 1.0
    betas: Tensor | None = None
    _made: _Plan | None = None

    @property
    def plan(self) -> _Plan:
        """The maps of this field, made at the first use."""
        if self._made is None:
            object.__setattr__(self, "_made", self._make())
        assert self._made is not None
        return self._made

    def _make(self) -> _Plan:
        network, nudge, count = self.network, self.nudge, len(self.currents)
        reference = None if nudge is None else nudge.reference
        currents, corrections = self.currents, [[] for _ in range(count)]  # type: ignore[var-annotated]
        with torch.no_grad():
            if reference is None:
                operators = network.operators()
            elif not network.state_dependent:
                # I + W v + (W^T - W)(v - v0) = (I + W v0 - W^T v0) + W^T v: the transposed network
                operators = network.transposed_operators(reference)
                along, back = _apply(network.operators(), reference), _apply(operators, reference)
                currents = tuple(i + a - b for i, a, b in zip(currents, along, back))
            else:
                operators = network.operators()
                for sign, pieces in (
                    (1.0, network.transposed_operators(reference)),
                    (-1.0, network.tangent_operators(reference)),
                ):
                    for piece in pieces:
                        corrections[piece.target].append((sign, piece))
            if nudge is not None and nudge.force is not None:
                output = currents[-1]
                if complex(nudge.beta).imag != 0:
                    output = torch.complex(output, torch.zeros_like(output))
                currents = (*currents[:-1], output + self._nudge_current(nudge, output))
        into = tuple(tuple(o for o in operators if o.target == i) for i in range(count))
        return _Plan(arranged(currents), into, tuple(tuple(c) for c in corrections))

    def activate(self, membranes: State) -> State:
        """v = sigma(u), population by population."""
        return tuple(self.activate_one(i, u) for i, u in enumerate(membranes))

    def __call__(self, membranes: State) -> State:
        """F(u), one tensor per population; real or complex like ``membranes``."""
        activities = self.activate(membranes)
        return tuple(self.population(i, activities) for i in range(len(activities)))

    def population(self, index: int, activities: State) -> Tensor:
        """F of one population only, from activities; for solvers that update populations in turn."""
        plan, nudge, own = self.plan, self.nudge, activities[index]
        constant, total = plan.currents[index], None
        for operator in plan.into[index]:  # what an operator gives belongs to nobody else: added to in place
            current = operator.apply(activities[operator.source], own)
            current = current if current.shape == own.shape else current.reshape(own.shape)
            total = current if total is None else total.add_(current)
        total = constant + torch.zeros_like(own) if total is None else total.add_(constant)
        if plan.corrections[index]:
            assert nudge is not None
            assert nudge.reference is not None
            for sign, piece in plan.corrections[index]:
                away = activities[piece.source] - nudge.reference[piece.source]
                total.add_(piece.apply(away, own).reshape(total.shape), alpha=sign)
        if nudge is not None and nudge.force is None and index == len(activities) - 1:
            total.add_(self._nudge_current(nudge, activities[-1]))
        return total.clamp(-self.rail, self.rail) if self.rail else total

    def _nudge_current(self, nudge: Nudge, output: Tensor) -> Tensor:
        """beta dL/dv of the output activities, or beta times the held force."""
        if self.betas is None and nudge.beta == 0:
            return torch.zeros_like(output)
        beta: complex | Tensor = nudge.beta if output.is_complex() else complex(nudge.beta).real
        if self.betas is not None:
            beta = self.betas.reshape(-1, *[1] * (output.dim() - 1))
        if nudge.force is None:
            current = beta * self.network.cost.gradient(output, nudge.target)
        else:
            current = beta * nudge.force.detach().to(output.real.dtype)
        return quantise(current, self.nudge_bits, -self.nudge_range, self.nudge_range)

    def repeated(self, betas: Sequence[float]) -> Field:
        """The field of the batch once under each of these nudges, one after the other."""
        nudge, copies = self.nudge, len(betas)
        assert nudge is not None

        def many(x: Tensor) -> Tensor:
            return torch.cat([x] * copies)

        reference, force = nudge.reference, nudge.force
        count, like = len(nudge.target), self.currents[0]
        return replace(
            self,
            currents=tuple(many(c) for c in self.currents),
            nudge=Nudge(
                1.0,
                many(nudge.target),
                None if reference is None else tuple(many(r) for r in reference),
                None if force is None else many(force),
            ),
            betas=torch.cat([torch.full((count,), b, dtype=like.dtype, device=like.device) for b in betas]),
            _made=None,
        )

    def select(self, samples: Tensor) -> Field:
        """The field of some samples of the batch, by index."""
        nudge = self.nudge
        if nudge is not None:
            reference, force = nudge.reference, nudge.force
            nudge = Nudge(
                nudge.beta,
                nudge.target[samples],
                None if reference is None else tuple(r[samples] for r in reference),
                None if force is None else force[samples],
            )
        made = self._made
        if made is not None:  # its maps serve any samples, but where they were taken at the reference of each
            kept = not any(made.corrections)
            made = replace(made, currents=tuple(c[samples] for c in made.currents)) if kept else None
        return replace(
            self,
            currents=tuple(c[samples] for c in self.currents),
            nudge=nudge,
            betas=None if self.betas is None else self.betas[samples],
            _made=made,
        )


def _apply(operators: tuple[Operator, ...], activities: State) -> State:
    """The sum of the maps' currents into each population."""
    totals = [torch.zeros_like(v) for v in activities]
    for o in operators:
        own = activities[o.target]
        totals[o.target] = totals[o.target] + o.apply(activities[o.source], own).reshape(own.shape)
    return tuple(totals)


def arranged(state: State) -> State:
    """The same values laid out in memory as convolutions are fastest, see `laid_out`."""
    return tuple(laid_out(s) for s in state)


def largest(force: State, membranes: State) -> Tensor:
    """Residual per sample: the largest |F(u) - u| over all neurons; infinite where anything is not a number."""
    worst = torch.stack([_magnitude(f - u).flatten(1).amax(dim=1) for f, u in zip(force, membranes)]).amax(dim=0)
    return torch.nan_to_num(worst, nan=torch.inf)


def _magnitude(difference: Tensor) -> Tensor:
    return difference.abs() if difference.is_complex() else difference.abs_()


def promote(state: State) -> State:
    """The same state as complex numbers."""
    return tuple(s if s.is_complex() else torch.complex(s, torch.zeros_like(s)) for s in state)
