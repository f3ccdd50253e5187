"""The linear response around a free equilibrium, which the tangent, the adjoint and dyadic rules all iterate.

In activity coordinates, with D = diag(sigma'(u0)), c = dL/dv and W the recurrent couplings' Jacobian at v0,

    response  dv/dbeta = (D^-1 - W  )^-1 c      (what an exact nudge measures)
    adjoint   delta_v  = (D^-1 - W^T)^-1 c      (the true gradient is delta_post v_pre)

Both are fixed points of e <- D (M e + c) with M = W or W^T.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from learning_rules.rule import State
from substrates.base import Equilibrium

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.network import Network, Operator

__all__ = ["Linearisation", "iterate", "linearise"]


@dataclass(frozen=True)
class Linearisation:
    """D (one slope per neuron), c (the cost's force, on the output only) and the two products with W."""

    slopes: State
    force: State
    forward: Callable[[State], State]
    transposed: Callable[[State], State]


def linearise(network: Network, free: Equilibrium, target: Tensor) -> Linearisation:
    """Linearise ``network`` at a free equilibrium."""
    activities = free.activities
    with torch.no_grad():
        slopes = tuple(a.derivative(u) for a, u in zip(network.activations, free.membranes))
        force = [torch.zeros_like(v) for v in activities]
        force[-1] = network.cost.gradient(activities[-1], target)

        along, back = network.tangent_operators(activities), network.transposed_operators(activities)

    def apply(operators: tuple[Operator, ...], vectors: State) -> State:
        with torch.no_grad():
            totals = [torch.zeros_like(v) for v in vectors]
            for o in operators:
                image = o.apply(vectors[o.source], vectors[o.target])
                totals[o.target] += image.reshape(totals[o.target].shape)
            return tuple(totals)

    def forward(direction: State) -> State:
        return apply(along, direction)

    def transposed(errors: State) -> State:
        return apply(back, errors)

    return Linearisation(slopes, tuple(force), forward, transposed)


def iterate(
    at: Linearisation,
    product: Callable[[State], State],
    max_steps: int,
    *,
    tolerance: float = 0.0,
    check_every: int = 10,
    damping: float = 1.0,
    force: float = 1.0,
) -> tuple[State, Tensor, int]:
    """Iterate e <- (1 - a) e + a D (M e + force c) from zero.

    Args:
        product: `Linearisation.forward` or `.transposed`.
        max_steps: at most this many steps.
        tolerance: stop once every sample's residual is below this.
        damping: a, 1 for the plain iteration.
        force: scale of c.

    Returns:
        e, the residual max |D (M e + c) - e| per sample (batch,), and the steps done.
    """
    errors: State = tuple(torch.zeros_like(c) for c in at.force)

    def step(e: State) -> State:
        return tuple(d * (m + force * c) for d, m, c in zip(at.slopes, product(e), at.force))

    steps = 0
    for steps in range(1, max_steps + 1):
        following = step(errors)
        if tolerance > 0 and steps % check_every == 0 and bool((_residual(following, errors) < tolerance).all()):
            errors = following
            break
        errors = following if damping == 1.0 else tuple(torch.lerp(e, f, damping) for e, f in zip(errors, following))
    return errors, _residual(step(errors), errors), steps


def _residual(a: State, b: State) -> Tensor:
    return torch.stack([(x - y).abs().flatten(1).amax(1) for x, y in zip(a, b)]).amax(0)
