"""The continuous dynamics in seconds, by an adaptive Runge-Kutta method, each sample at its own pace."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hw_profiles.errors import InputError
from substrates.analog.field import Field
from substrates.analog.solvers.driver import Solver
from substrates.network import State

__all__ = ["AdaptiveODE"]


@dataclass(frozen=True)
class AdaptiveODE(Solver):
    """tau du/dt = F(u) - u by Bogacki-Shampine 3(2), with error control per sample.

    One "step" is one attempted step of every sample, accepted or not: four evaluations of F.

    Arguments:
        time_constant_s: tau in seconds.
        duration_s: stop the clock here; infinite runs until the residual or the steps end it.
        rtol, atol: local error allowed per step, relative and in membrane units.
        first_step: of the time constant.

    Source: P. Bogacki, L. F. Shampine, Applied Mathematics Letters 2, 321 (1989).
    """

    time_constant_s: float = 1e-7
    duration_s: float = float("inf")
    rtol: float = 1e-4
    atol: float = 1e-6
    first_step: float = 0.1
    name: str = "ode"

    def __post_init__(self) -> None:
        if not (self.time_constant_s > 0 and self.duration_s >= 0 and self.rtol > 0 and self.atol > 0):
            raise InputError("the ODE solver needs a time constant and tolerances above 0 and a duration of 0 or more")

    def begin(self, field: Field, membranes: State) -> State:
        like = membranes[0].real
        first = torch.full((len(like),), self.first_step, dtype=torch.float64, device=like.device)
        return first, torch.zeros_like(first)

    def step(self, field: Field, membranes: State, memory: State) -> tuple[State, State]:
        step, time = memory
        left = self.duration_s / self.time_constant_s - time
        h = torch.minimum(step, left.clamp_min(0.0))
        k1 = _slope(field, membranes)
        k2 = _slope(field, _add(membranes, h, [(0.5, k1)]))
        k3 = _slope(field, _add(membranes, h, [(0.75, k2)]))
        new = _add(membranes, h, [(2 / 9, k1), (1 / 3, k2), (4 / 9, k3)])
        k4 = _slope(field, new)
        low = _add(membranes, h, [(7 / 24, k1), (1 / 4, k2), (1 / 3, k3), (1 / 8, k4)])
        error = _error(new, low, membranes, self.rtol, self.atol).to(torch.float64)
        accepted = error <= 1.0
        factor = (0.9 * error.clamp_min(1e-10) ** (-1.0 / 3.0)).clamp(0.2, 5.0)
        factor = torch.where(torch.isfinite(error), factor, torch.full_like(factor, 0.2))
        kept = tuple(torch.where(_wide(accepted, u), n, u) for n, u in zip(new, membranes))
        # at the end of the duration the last, cut step must not shrink the pace
        return kept, (torch.where(h < step, step, step * factor), torch.where(accepted, time + h, time))


def _slope(field: Field, membranes: State) -> State:
    return tuple(f - u for f, u in zip(field(membranes), membranes))


def _wide(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(-1, *[1] * (like.ndim - 1))


def _add(membranes: State, h: Tensor, terms: list[tuple[float, State]]) -> State:
    out = []
    for i, u in enumerate(membranes):
        slope = sum((weight * k[i] for weight, k in terms), torch.zeros_like(u))
        out.append(u + _wide(h, u).to(u.real.dtype) * slope)
    return tuple(out)


def _error(new: State, low: State, old: State, rtol: float, atol: float) -> Tensor:
    """Largest error over the neurons of a sample, in units of what is allowed; infinite where not a number."""
    worst = [
        ((a - b).abs() / (atol + rtol * torch.maximum(a.abs(), o.abs()))).flatten(1).amax(dim=1)
        for a, b, o in zip(new, low, old)
    ]
    return torch.nan_to_num(torch.stack(worst).amax(dim=0), nan=torch.inf)
