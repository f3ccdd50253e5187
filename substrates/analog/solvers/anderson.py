"""Anderson acceleration: the next state is the best combination of the last few."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from hw_profiles.errors import InputError
from substrates.analog.field import Field
from substrates.analog.solvers.driver import Solver
from substrates.network import State

__all__ = ["Anderson"]


@dataclass(frozen=True)
class Anderson(Solver):
    """u <- sum_i a_i (u_i + m (F(u_i) - u_i)) over the last states, a minimising |sum_i a_i (F(u_i) - u_i)|, sum a = 1.

    For the ideal machine only: no circuit does this. It finds equilibria that are unstable under the real dynamics as
    readily as stable ones, so a network that only this solver can settle does not settle on a chip.

    Arguments:
        memory: how many states are combined.
        mixing: m, above 0 and at most 1.
        ridge: added to the normal equations, relative to their size.

    Source: D. G. Anderson, Journal of the ACM 12, 547 (1965).
    """

    memory: int = 5
    mixing: float = 1.0
    ridge: float = 1e-10
    name: str = "anderson"

    def __post_init__(self) -> None:
        if self.memory < 1 or not 0 < self.mixing <= 1:
            raise InputError(
                f"Anderson needs a memory of at least 1 and a mixing in (0, 1], got {self.memory} and {self.mixing}"
            )

    def begin(self, field: Field, membranes: State) -> State:
        flat = _flat(membranes)
        history = torch.zeros(len(flat), self.memory, flat.shape[1], dtype=flat.dtype, device=flat.device)
        return history, history.clone(), torch.zeros(len(flat), dtype=torch.int64, device=flat.device)

    def step(self, field: Field, membranes: State, memory: State) -> tuple[State, State]:
        states, residuals, count = (m.clone() for m in memory)
        u = _flat(membranes)
        r = _flat(field(membranes)) - u
        taken = int(count[0])
        states[:, taken % self.memory], residuals[:, taken % self.memory] = u, r
        used = min(taken + 1, self.memory)
        x, y = states[:, :used], residuals[:, :used]
        gram = y.conj() @ y.transpose(1, 2)
        size = gram.diagonal(dim1=1, dim2=2).real.mean(dim=1)[:, None, None]
        size = torch.where(torch.isfinite(size), size, torch.ones_like(size)).clamp_min(torch.finfo(u.real.dtype).tiny)
        eye = torch.eye(used, dtype=u.dtype, device=u.device)
        system = torch.nan_to_num(gram / size) + max(self.ridge, 10 * torch.finfo(u.real.dtype).eps) * eye
        weights = torch.linalg.solve(system, torch.ones(len(u), used, 1, dtype=u.dtype, device=u.device))
        weights = weights / weights.sum(dim=1, keepdim=True)
        moved = (weights * (x + self.mixing * y)).sum(dim=1)
        return _unflat(moved, membranes), (states, residuals, count + 1)


def _flat(state: State) -> torch.Tensor:
    return torch.cat([s.flatten(1) for s in state], dim=1)


def _unflat(flat: torch.Tensor, like: State) -> State:
    parts = torch.split(flat, [s[0].numel() for s in like], dim=1)
    return tuple(p.reshape(s.shape) for p, s in zip(parts, like))
