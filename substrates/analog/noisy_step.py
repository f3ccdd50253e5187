"""The damped map of a chip: each neuron at its own pace, with noise on state and currents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hw_profiles.arithmetic import portable
from substrates.analog.field import Field
from substrates.analog.imperfections.device_noise import normals
from substrates.analog.solvers.driver import Solver
from substrates.network import INPUT, Dense, State

__all__ = ["AnalogStep"]


@dataclass(frozen=True)
class AnalogStep(Solver):
    """u <- u + h (F(u) + s_r z - u) + s_u sqrt(h (2 - h)) z', z and z' standard normal, new each step.

    The second factor makes ``state_noise`` the standing deviation of an uncoupled membrane whatever the step. The read
    noise is referred to the output: independent Gaussian errors of the cells of a row, sigma w_max v_j or
    sigma W_ij v_j each, sum to one Gaussian of variance

        s_r^2 = sum over couplings of  (additive w_max)^2 |v|^2  +  proportional^2 (W o W) (v o v),

    exactly. (One weight read from both sides, a tied coupling, would share its cells' errors between the two
    directions; here they are independent.) Both noises are one draw per neuron: their sum is Gaussian too.

    Arguments:
        steps: h per population, (*shape) each.
        additive, proportional: deviation of one cell's current, relative to w_max v and to W v.
        ranges: w_max per coupling.
        inputs: the batch, for the input array's read noise.
        keys: (batch,) noise keys as int64.
    """

    steps: State
    state_noise: float
    additive: float
    proportional: float
    ranges: tuple[float, ...]
    inputs: Tensor
    keys: Tensor
    name: str = "analog"

    def begin(self, field: Field, membranes: State) -> State:
        if not self.noisy:
            return ()
        counter = torch.zeros_like(self.keys)
        variances = self._currents_variance(field, None, self.inputs)
        return (self.keys, counter, *variances)

    def step(self, field: Field, membranes: State, memory: State) -> tuple[State, State]:
        forces = field(membranes)
        moved = [u + h * (f - u) for u, h, f in zip(membranes, self.steps, forces)]
        if not self.noisy:
            return tuple(moved), memory
        keys, counter, fixed = memory[0], memory[1], memory[2:]
        spreads = self._spreads(field, field.activate(membranes), fixed)
        drawn = self._normals(keys, counter[0], membranes)
        moved = [u + s * z for u, s, z in zip(moved, spreads, drawn)]
        return tuple(moved), (keys, counter + 1, *fixed)

    def spread(self, field: Field, membranes: State) -> Tensor:
        """Largest standing deviation of a membrane, per sample: how far from its equilibrium noise keeps it."""
        fixed = self._currents_variance(field, None, self.inputs)
        activities = field.activate(membranes)
        moved = self._spreads(field, activities, fixed)
        standing = [(s / (h * (2.0 - h)) ** 0.5).flatten(1).amax(dim=1) for s, h in zip(moved, self.steps)]
        return torch.stack(standing).amax(dim=0)

    @property
    def noisy(self) -> bool:
        """Whether a step draws numbers."""
        return bool(self.state_noise or self.additive or self.proportional)

    def _spreads(self, field: Field, activities: State, fixed: State) -> list[Tensor]:
        """Deviation of one step's noise, per neuron."""
        variances = fixed
        if self.additive or self.proportional:
            variances = tuple(a + b for a, b in zip(fixed, self._currents_variance(field, activities, None)))
        return [_root(h * h * r + self.state_noise**2 * h * (2.0 - h)) for r, h in zip(variances, self.steps)]

    def _currents_variance(self, field: Field, activities: State | None, inputs: Tensor | None) -> State:
        """Read-noise variance of the currents from the input, or from the recurrent activities."""
        network = field.network
        batch = len(self.keys) if activities is None else len(activities[0])
        total = [
            torch.zeros(batch, *p.shape, dtype=h.dtype, device=h.device)
            for p, h in zip(network.populations, self.steps)
        ]
        for coupling, w_max in zip(network.couplings, self.ranges):
            if (coupling.source == INPUT) != (activities is None) or not (self.additive or self.proportional):
                continue
            source = inputs if activities is None else activities[coupling.source]
            assert source is not None
            assert isinstance(coupling, Dense)
            power = source.abs().flatten(1) ** 2
            variance = (self.additive * w_max) ** 2 * power.sum(dim=1, keepdim=True)
            if self.proportional:
                variance = variance + self.proportional**2 * (power @ (coupling.matrix**2).t())
            target = coupling.target
            total[target] = total[target] + (
                variance if variance.shape[1] > 1 else variance.expand(-1, total[target][0].numel())
            ).reshape(total[target].shape)
        return tuple(total)

    def _normals(self, keys: Tensor, step: Tensor, membranes: State) -> list[Tensor]:
        sizes = [u[0].numel() for u in membranes]
        parts = 2 if membranes[0].is_complex() else 1
        noise = normals(keys, step, parts * sum(sizes)).to(membranes[0].device).to(membranes[0].real.dtype)
        if parts == 2:
            noise = torch.complex(noise[:, : sum(sizes)].contiguous(), noise[:, sum(sizes) :].contiguous())
        return [z.reshape(u.shape) for z, u in zip(torch.split(noise, sizes, dim=1), membranes)]


def _root(x: Tensor) -> Tensor:
    """Square root; in the portable mode NumPy's, exact, where torch's is MKL's and depends on the processor."""
    if portable() and x.device.type == "cpu" and x.ndim:
        return torch.from_numpy(np.sqrt(x.detach().numpy()))
    return torch.sqrt(x)
