"""From a field and a solver to the compiled loop and back; says when the loop does not apply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from substrates.analog.field import Field
from substrates.analog.kernels.product import PANEL, accumulate, pack
from substrates.analog.kernels.relax import relax_rows
from substrates.analog.noisy_step import AnalogStep
from substrates.analog.solvers.alternating import AlternatingBlocks, blocks
from substrates.analog.solvers.damped import Damped
from substrates.analog.solvers.discrete_map import DiscreteMap
from substrates.analog.solvers.driver import DEFAULT_TOLERANCE, RETURN_RATIO, WINDOW, Relaxed, Solver
from substrates.base import Stop
from substrates.network import INPUT, Network, SoftmaxReadout, SquaredError, State

__all__ = ["DenseRelaxation"]

Floats = npt.NDArray[np.float32]
#: steps of a solver per population; a solver not listed runs in torch
_STEPS: dict[type[Solver], Callable[[Any, Network], list[Any]]] = {
    Damped: lambda s, n: [s.step_size] * len(n.populations),
    DiscreteMap: lambda s, n: [s.step_size] * len(n.populations),
    AlternatingBlocks: lambda s, n: [s.step_size] * len(n.populations),
    AnalogStep: lambda s, n: [h.numpy().ravel() for h in s.steps],
}
_COSTS = {SoftmaxReadout: 1, SquaredError: 2}


@dataclass
class _Packed:
    copies: list[Tensor]
    flat: Floats
    squared: Floats | None
    starts: list[int]


class DenseRelaxation:
    """Runs a network's relaxations in the compiled loop; keeps the packed weights until they change.

    ``gain`` and ``offset`` are per neuron, in the order of the populations.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._packed: dict[bool, _Packed] = {}
        sizes = [p.size for p in network.populations]
        firsts, at = [], 0
        for n in sizes:
            firsts.append(at)
            at += -(-n // PANEL) * PANEL
        self._first, self._size, self._width = np.array(firsts), np.array(sizes), at
        self._fits = (
            all(c.dense for c in network.couplings)
            and all(p.activation == "logistic" for p in network.populations)
            and type(network.cost) in _COSTS
        )

    def applies(self, field: Field, solver: Solver, membranes: State) -> bool:
        """Whether the loop computes exactly this: float32 on the CPU, real, dense, logistic, exact nudge."""
        first = membranes[0]
        return (
            self._fits
            and type(solver) in _STEPS
            and first.dtype == torch.float32
            and first.device.type == "cpu"
            and field.nudge_bits == 0
        )

    def currents(self, inputs: Tensor) -> State:
        """`Network.input_currents`, by the product whose bits do not depend on the batch where that applies."""
        network = self._network
        couplings = [c for c in network.couplings if c.source == INPUT]
        if not self._fits or inputs.dtype != torch.float32 or inputs.device.type != "cpu" or not couplings:
            return network.input_currents(inputs)
        if next(network.parameters()).dtype != torch.float32 or next(network.parameters()).device.type != "cpu":
            return network.input_currents(inputs)
        network.check_inputs(inputs)
        batch = len(inputs)
        v = np.ascontiguousarray(inputs.detach().flatten(1).numpy())
        out = np.zeros((batch, self._width), np.float32)
        for c in couplings:
            a, n = int(self._first[c.target]), int(self._size[c.target])
            accumulate(out, a, n, v, 0, v.shape[1], pack(c.matrix.detach().numpy()), 0, batch)
        state = list(self._state(out))
        for coupling in network.couplings:
            state[coupling.target] = coupling.add_bias(state[coupling.target])
        return tuple(state)

    def run(
        self, field: Field, solver: Solver, membranes: State, stop: Stop, gain: State | None, offset: State | None
    ) -> tuple[Relaxed, State]:
        """What `relax_batch` does, compiled; and the activities."""
        network, nudge = field.network, field.nudge
        step = solver if isinstance(solver, AnalogStep) else None
        batch = len(membranes[0])
        corrected = nudge is not None and nudge.reference is not None
        packed = self._pack(transposed=corrected, squares=step is not None and step.proportional > 0)
        currents = field.currents
        if corrected:
            # I + W v + (W^T - W)(v - v0) = (I + W v0 - W^T v0) + W^T v: relax the transposed network
            assert nudge is not None
            reference = nudge.reference
            assert reference is not None
            along, back = network.recurrent_currents(reference), network.transposed_currents(reference, reference)
            currents = tuple(i + a - b for i, a, b in zip(currents, along, back))
        u, drive = self._rows(membranes, batch), self._rows(currents, batch)
        g, o = self._neurons(gain, 1.0), self._neurons(offset, 0.0)
        v = np.zeros_like(u)
        for population, part in enumerate(field.activate(membranes)):
            a = self._first[population]
            v[:, a : a + self._size[population]] = part.reshape(batch, -1).numpy()
        couplings = list(network.recurrent_couplings())
        ends = [(c.source, c.target) if corrected else (c.target, c.source) for c in couplings]
        table = np.array([(*e, s) for e, s in zip(ends, packed.starts)], dtype=np.int64).reshape(-1, 3)
        kind, beta, target, readout, bias = _cost(field, batch)
        keys, fixed, add2, prop, state = (
            np.zeros(batch, np.uint64),
            np.zeros((batch, 1), np.float32),
            np.zeros(len(table) + 1),
            False,
            0.0,
        )
        squared = packed.flat
        if step is not None and step.noisy:
            memory = step.begin(field, membranes)
            keys = memory[0].numpy().view(np.uint64).copy()
            fixed = self._rows(memory[2:], batch)
            ranges = [w for c, w in zip(network.couplings, step.ranges) if c.source != INPUT]
            add2 = np.array([*((step.additive * w) ** 2 for w in ranges), 0.0])
            prop, state = step.proportional > 0, step.state_noise
            if packed.squared is not None:
                squared = packed.squared * np.float32(step.proportional**2)
        if fixed.shape[1] == 1:
            fixed = np.zeros_like(u)
        h = self._neurons_from(_STEPS[type(solver)](solver, network))
        groups = np.zeros(len(network.populations), np.int64)
        if isinstance(solver, AlternatingBlocks):
            for turn, members in enumerate(blocks(network)):
                groups[list(members)] = turn
        residual, steps = np.zeros(batch, np.float32), np.zeros(batch, np.int64)
        cycling = np.zeros(batch, np.bool_)
        order = relax_rows(
            u, v, np.zeros_like(u), drive, fixed, self._first, self._size, groups, table, packed.flat, squared,
            add2.astype(np.float32), prop, np.float32(state), keys, h, g, o, np.float32(field.rail), kind,
            np.float32(beta), target, readout, bias, stop.max_steps, np.float32(stop.tolerance), stop.check_every,
            WINDOW, np.float32(RETURN_RATIO), residual, steps, cycling,
        )  # fmt: skip
        back_to = np.empty_like(order)
        back_to[order] = np.arange(batch)
        worst = torch.from_numpy(residual)
        converged = worst <= (stop.tolerance or DEFAULT_TOLERANCE)
        relaxed = Relaxed(
            self._state(u[back_to]), worst, converged, torch.from_numpy(steps), torch.from_numpy(cycling) & ~converged
        )
        return relaxed, self._state(v[back_to])

    def _pack(self, *, transposed: bool, squares: bool) -> _Packed:
        """Packed recurrent weights, from before if they are still the same numbers."""
        matrices = [c.matrix for c in self._network.recurrent_couplings()]
        have = self._packed.get(transposed)
        if (
            have is not None
            and (have.squared is not None or not squares)
            and all(torch.equal(a, b) for a, b in zip(matrices, have.copies))
        ):
            return have
        arrays = [(m.t() if transposed else m).detach().numpy() for m in matrices]
        flats = [pack(a) for a in arrays] or [np.zeros(1, np.float32)]
        starts = [0, *np.cumsum([f.size for f in flats])[:-1].tolist()][: len(arrays)]
        # the variance of a current keeps the forward orientation of the weights that are really read
        squared = np.concatenate([pack(a * a) for a in arrays] or flats) if squares else None
        made = _Packed([m.detach().clone() for m in matrices], np.concatenate(flats), squared, starts)
        self._packed[transposed] = made
        return made

    def _rows(self, state: State, batch: int) -> Floats:
        out = np.zeros((batch, self._width), np.float32)
        for a, n, part in zip(self._first, self._size, state):
            out[:, a : a + n] = part.reshape(batch, n).detach().numpy()
        return out

    def _neurons(self, values: State | None, default: float) -> Floats:
        return self._neurons_from(
            [default] * len(self._size) if values is None else [v.numpy().ravel() for v in values]
        )

    def _neurons_from(self, values: list[Any]) -> Floats:
        out = np.zeros(self._width, np.float32)
        for a, n, value in zip(self._first, self._size, values):
            out[a : a + n] = value
        return out

    def _state(self, rows: Floats) -> State:
        return tuple(
            torch.from_numpy(np.ascontiguousarray(rows[:, a : a + n])).reshape(-1, *p.shape)
            for a, n, p in zip(self._first, self._size, self._network.populations)
        )


def _cost(field: Field, batch: int) -> tuple[int, float, Floats, Floats, Floats]:
    """(kind, beta, target rows, read-out weights, read-out bias) for the loop."""
    nudge, cost = field.nudge, field.network.cost
    empty = np.zeros((batch, 0), np.float32)
    if nudge is None or nudge.beta == 0:
        return 0, 0.0, empty, np.zeros((1, 1), np.float32), np.zeros(1, np.float32)
    beta = complex(nudge.beta).real
    if isinstance(cost, SoftmaxReadout):
        one_hot = np.zeros((batch, cost.readout.out_features), np.float32)
        one_hot[np.arange(batch), nudge.target.numpy()] = 1.0
        weight, bias = cost.readout.weight.detach().numpy(), cost.readout.bias.detach().numpy()
        return 1, beta, one_hot, np.ascontiguousarray(weight), np.ascontiguousarray(bias)
    size = field.network.populations[-1].size
    wanted = cost.vector(nudge.target, size).reshape(batch, -1).to(torch.float32).numpy().copy()
    return 2, beta, wanted, np.zeros((1, 1), np.float32), np.zeros(1, np.float32)
