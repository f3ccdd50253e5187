"""A resistive network as a `Network`: conductances are its parameters, Kirchhoff's currents its field.

    current into j = sum_i g_ij (a v_i - v_j)        and        into i = c sum_j g_ij (v_j - a v_i)

Both ends count, so the couplings are two-ended. A learning rule hands over e = dv/dbeta; with amplifiers the circuit is
symmetric in scaled units only, and the couplings take their errors in those (`LayeredCircuit.scales`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hw_profiles.errors import InputError
from substrates.network import INPUT, Activation, Coupling, Network, Population, SquaredError
from substrates.network.costs import Cost
from substrates.seeds import derive_seed

__all__ = ["DIODES", "Conductance", "ResistiveNetwork", "resistive_network"]


def _halves(u: Tensor) -> Tensor:
    """1 for the first half of the last dimension, -1 for the second."""
    n = u.shape[-1]
    return torch.where(torch.arange(n, device=u.device) < (n + 1) // 2, 1.0, -1.0).to(u.dtype)


#: a hidden layer's diodes: the first half of the nodes stays at or above 0 V, the second half at or below
DIODES = Activation(
    "diodes",
    lambda u: torch.relu(u * _halves(u)) * _halves(u),
    lambda u: (u * _halves(u) > 0).to(u.dtype),
    False,
    -math.inf,
    math.inf,
)


class Conductance(Coupling):
    """Conductances between ``source`` and ``target``; ``weight`` (target size, source size) in units of the network.

    Args:
        gains: (a, c) of the amplifier at the source's end.
        scale: factor of the errors, see the module.
        doubled: the source is the input x, which enters as the voltages [x, -x]: conductances have no sign.
        tied: the forward coupling this one is the other end of.
    """

    holomorphic = False

    def __init__(
        self,
        source: int,
        target: int,
        source_size: int,
        target_size: int,
        *,
        gains: tuple[float, float] = (1.0, 1.0),
        scale: float = 1.0,
        bias: bool = False,
        doubled: bool = False,
        tied: Conductance | None = None,
    ) -> None:
        super().__init__()
        if not (gains[0] > 0 and gains[1] > 0 and math.isfinite(gains[0]) and math.isfinite(gains[1])):
            raise InputError(f"amplifier gains must be finite and above zero, got {gains}")
        self.source, self.target = source, target
        self.gains, self.scale, self.doubled = gains, scale, doubled
        object.__setattr__(self, "tied", tied)
        columns = source_size * (2 if doubled else 1)
        self.weight = nn.Parameter(torch.zeros(target_size, columns)) if tied is None else None
        self.bias = nn.Parameter(torch.zeros(target_size)) if bias else None

    @property
    def parameter(self) -> nn.Parameter:
        """The conductances, of this coupling or of the one it is tied to."""
        return self.weight if self.weight is not None else self.tied.parameter

    @property
    def matrix(self) -> Tensor:
        """g, shape (target size, source size)."""
        return self.weight if self.weight is not None else self.tied.matrix.t()

    @property
    def macs(self) -> int:
        return self.matrix.numel()

    def voltages(self, activity: Tensor) -> Tensor:
        """What stands at the source's end of the conductances before the amplifier, (batch, columns)."""
        v = activity.flatten(1)
        return torch.cat([v, -v], dim=1) if self.doubled else v

    def linear(self, activity: Tensor) -> Tensor:
        """Current into a target held at 0 V, without the bias."""
        factor = self.gains[0] if self.tied is None else self.gains[1]
        return factor * (self.voltages(activity) @ self.matrix.to(activity.dtype).t())

    def between(self, activity: Tensor, own: Tensor) -> Tensor:
        a, c = self.gains
        own_factor = 1.0 if self.tied is None else a * c
        return self.linear(activity) - own_factor * own.flatten(1) * self.matrix.to(own.dtype).sum(1)

    def tangent_between(self, direction: Tensor, own_direction: Tensor, at: Tensor, own: Tensor) -> Tensor:
        del at, own  # linear in both ends
        return self.between(direction, own_direction)

    def transpose_between(self, error: Tensor, at: Tensor, own: Tensor) -> tuple[Tensor, Tensor | None]:
        del at, own
        a, c = self.gains
        factor, own_factor = (a, 1.0) if self.tied is None else (c, a * c)
        matrix = self.matrix.to(error.dtype)
        return factor * (error.flatten(1) @ matrix), -own_factor * error.flatten(1) * matrix.sum(1)

    def accumulate_between(self, pre: Tensor, own: Tensor, error: Tensor) -> None:
        """dL/dg_ji += scale e_j (a v_i - v_j) from this end; the tied coupling adds the other end's part."""
        a, c = self.gains
        with torch.no_grad():
            e, v, x = self.scale * error.flatten(1), own.flatten(1), self.voltages(pre).to(error.dtype)
            if self.tied is None:
                assert self.weight is not None
                _add(self.weight, a * (e.t() @ x) - (e * v).sum(0)[:, None])
            else:
                _add(self.tied.weight, c * ((e.t() @ x).t() - a * (e * v).sum(0)[None, :]))
            if self.bias is not None:
                _add(self.bias, e.sum(0))


def _add(parameter: nn.Parameter, value: Tensor) -> None:
    value = value.to(parameter.dtype).contiguous()
    parameter.grad = value if parameter.grad is None else parameter.grad + value


class ResistiveNetwork(Network):
    """Layers of nodes between arrays of conductances; relaxed by `ResistiveMachine` alone (its node law is a
    circuit's).
    """

    def forward_couplings(self) -> list[Conductance]:
        """The couplings that own conductances, from the input upward."""
        return [c for c in self.couplings if c.weight is not None]

    def input_currents(self, inputs: Tensor) -> tuple[Tensor, ...]:
        raise InputError("a resistive network is a circuit: relax it on a ResistiveMachine (target resistive)")


def resistive_network(
    sizes: Sequence[int],
    *,
    gains: Sequence[tuple[float, float]] | None = None,
    input_gain: float = 1.0,
    bias: bool = True,
    cost: Cost | None = None,
    seed: int = 0,
) -> ResistiveNetwork:
    """Build ``sizes[0]`` inputs (entering as [x, -x]), hidden layers with diodes, linear outputs.

    Conductances start at max(0, U(-1, 1)) / sqrt(fan-in), as in arXiv 2402.11674, where ``input_gain`` is 100 for 100
    hidden nodes, 480 for 1024.

    Args:
        gains: (a, c) of the amplifiers below every layer but the first; (1, 1) when None. ``input_gain`` is the
        first a. cost: squared error when None.

    Raises:
        InputError: fewer than two sizes, a size below one, another number of gains.
    """
    sizes = [int(s) for s in sizes]
    if len(sizes) < 2 or min(sizes) < 1:
        raise InputError(f"layers {sizes}: expected at least an input and an output, all above 0")
    inner = list(gains) if gains is not None else [(1.0, 1.0)] * (len(sizes) - 2)
    if len(inner) != len(sizes) - 2:
        raise InputError(f"{len(inner)} pairs of gains for {len(sizes) - 2} arrays above the first; expected one each")
    pairs = [(float(input_gain), 1.0), *inner]
    scales = [1.0] * len(pairs)
    for l in range(len(pairs) - 2, -1, -1):
        scales[l] = scales[l + 1] * pairs[l + 1][0] / pairs[l + 1][1]
    generator = torch.Generator().manual_seed(derive_seed(seed, "resistive weights") % 2**63)
    last = len(sizes) - 2
    populations = [
        Population(f"h{l + 1}" if l < last else "out", (n,), "diodes" if l < last else "identity")
        for l, n in enumerate(sizes[1:])
    ]
    couplings: list[Coupling] = []
    reciprocal: list[tuple[int, int]] = []
    for l, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        up = Conductance(
            l - 1, l, fan_in, fan_out, gains=pairs[l], scale=scales[l], bias=bias, doubled=l == 0
        )  # fmt: skip
        assert up.weight is not None
        draw = torch.rand(up.weight.shape, generator=generator) * 2 - 1
        up.weight.data = draw.clamp(min=0) / math.sqrt(up.weight.shape[1])
        couplings.append(up)
        if up.source != INPUT:
            down = Conductance(l, l - 1, fan_out, fan_in, gains=pairs[l], scale=scales[l - 1], tied=up)
            couplings.append(down)
            reciprocal.append((len(couplings) - 2, len(couplings) - 1))
    return ResistiveNetwork((sizes[0],), populations, couplings, cost or SquaredError(), reciprocal)
