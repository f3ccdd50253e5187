"""Implicit differentiation: the exact gradient of the loss at the fixed point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch

from learning_rules.linear_response import Linearisation, iterate, linearise
from learning_rules.rule import Estimate, Phases, Rule, State, finite_samples
from substrates.base import Drive, Equilibrium, RelaxationSubstrate

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Adjoint"]


@dataclass(frozen=True)
class Adjoint(Rule):
    """delta_v = (D^-1 - W^T)^-1 dL/dv, so that dL/dW = delta_post v_pre exactly.

    Args:
        method: ``iterate`` steps delta <- D (W^T delta + c) until the tolerance of the nudged phase;
            ``solve`` builds and factors the matrix, sample by sample: exact, for small networks and for tests.
        damping: step of the iteration.

    Source: Almeida (1987), Pineda (1987); equation 4 of arXiv 2309.02214.
    """

    name: ClassVar[str] = "adjoint"
    method: Literal["iterate", "solve"] = "iterate"
    damping: float = 1.0

    @property
    def exact(self) -> bool:
        return True

    def needs(self) -> dict[str, bool]:
        return {"differentiable": True}

    def estimate(
        self, machine: RelaxationSubstrate, drive: Drive, target: Tensor, phases: Phases, free: Equilibrium | None
    ) -> Estimate:
        assert free is not None
        errors, residual = adjoint_errors(machine, free, target, phases, method=self.method, damping=self.damping)
        converged = free.converged & finite_samples(errors)
        return Estimate(errors, free.activities, residual.maximum(free.residual), converged, 1)


def adjoint_errors(
    machine: RelaxationSubstrate,
    free: Equilibrium,
    target: Tensor,
    phases: Phases,
    *,
    method: Literal["iterate", "solve"] = "iterate",
    damping: float = 1.0,
) -> tuple[State, Tensor]:
    """The exact error vectors at a free equilibrium and their residual per sample (batch,).

    Uses the network's parameters at the measured activities; on an imperfect machine it is the gradient of the
    network that the machine stands for.
    """
    at = linearise(machine.network, free, target)
    if method == "solve":
        errors = _solve(at)
        return errors, torch.zeros(errors[0].shape[0], dtype=errors[0].dtype, device=errors[0].device)
    stop = phases.nudged
    errors, residual, _ = iterate(
        at, at.transposed, stop.max_steps, tolerance=stop.tolerance, check_every=stop.check_every, damping=damping
    )
    return errors, residual


def _solve(at: Linearisation) -> State:
    """Solve (1 - D W^T) e = D c with dense matrices, (batch, n, n)."""
    shapes = [c.shape for c in at.force]
    sizes = [c.flatten(1).shape[1] for c in at.force]
    batch, n = shapes[0][0], sum(sizes)
    slopes = torch.cat([d.flatten(1) for d in at.slopes], 1)
    force = torch.cat([c.flatten(1) for c in at.force], 1)
    matrix = torch.empty(batch, n, n, dtype=force.dtype, device=force.device)
    for column in range(n):
        unit = torch.zeros(batch, n, dtype=force.dtype, device=force.device)
        unit[:, column] = 1.0
        image = at.transposed(tuple(u.reshape(s) for u, s in zip(unit.split(sizes, 1), shapes)))
        matrix[:, :, column] = -slopes * torch.cat([m.flatten(1) for m in image], 1)
    matrix += torch.eye(n, dtype=force.dtype, device=force.device)
    errors = torch.linalg.solve(matrix, slopes * force)
    return tuple(e.reshape(s) for e, s in zip(errors.split(sizes, 1), shapes))
