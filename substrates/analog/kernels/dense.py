"""From a field and a solver to the compiled loop and back; says when the loop does not apply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from substrates.analog.field import Field
from substrates.analog.kernels.packs import Packs
from substrates.analog.kernels.product import PANEL, pack
from substrates.analog.kernels.relax import gather
from substrates.analog.kernels.released import accumulate_released, relax_released
from substrates.analog.noisy_step import AnalogStep
from substrates.analog.solvers.alternating import AlternatingBlocks, blocks
from substrates.analog.solvers.damped import Damped
from substrates.analog.solvers.discrete_map import DiscreteMap
from substrates.analog.solvers.driver import DEFAULT_TOLERANCE, RETURN_RATIO, WINDOW, Relaxed, Solver
from substrates.base import Nudge, Stop
from substrates.network import INPUT, Network, SoftmaxReadout, SquaredError, State
from substrates.threads import over_rows

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


class DenseRelaxation:
    """Runs a network's relaxations in the compiled loop; keeps the packed weights until they change.

    ``gain`` and ``offset`` are per neuron, in the order of the populations.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._recurrent = {False: Packs(), True: Packs()}  # as they are, and transposed
        self._squares = {False: Packs(squared=True), True: Packs(squared=True)}
        self._inputs = Packs()
        self._couplings = list(network.recurrent_couplings())
        self._steps: dict[Solver, Floats] = {}
        sizes = [p.size for p in network.populations]
        firsts, at = [], 0
        for n in sizes:
            firsts.append(at)
            at += -(-n // PANEL) * PANEL
        self._first, self._size, self._width = np.array(firsts), np.array(sizes), at
        self._padded = at > sum(sizes)
        self._fits = (
            all(c.dense for c in network.couplings)
            and all(p.activation == "logistic" for p in network.populations)
            and type(network.cost) in _COSTS
        )
        self._ones, self._zeros = self._neurons_from([1.0] * len(sizes)), np.zeros(at, np.float32)
        self._blocks = np.zeros(len(sizes), np.int64)
        for turn, members in enumerate(blocks(network)):
            self._blocks[list(members)] = turn

    def batch_exact(self, solver: Solver, nudge_bits: int = 0) -> bool:
        """Whether real states are always the loop's, whose bits do not depend on the batch."""
        parameter = next(self._network.parameters())
        plain = parameter.dtype == torch.float32 and parameter.device.type == "cpu"
        return bool(self._fits and plain and type(solver) in _STEPS and nudge_bits == 0)

    def looks_every(self, solver: Solver, nudge_bits: int = 0) -> int:
        """Steps between two looks at the residual: in the loop half of a look is work that the step needs anyway."""
        return 2 if self.batch_exact(solver, nudge_bits) else Stop.check_every

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
        for c in network.couplings:
            if c.bias is not None:
                a, n = int(self._first[c.target]), int(self._size[c.target])
                out[:, a : a + n] += c.bias.detach().numpy()
        self._inputs.update([c.matrix.detach().numpy() for c in couplings])

        def part(begin: int, end: int) -> None:
            rows, flat = slice(begin, end), self._inputs.flat
            for c, start in zip(couplings, self._inputs.starts):
                a, n = int(self._first[c.target]), int(self._size[c.target])
                accumulate_released((out[rows], a, n, v[rows], 0, v.shape[1], flat, start, end - begin))

        over_rows(batch, part)
        return self._state(out)

    def run(
        self,
        field: Field,
        solver: Solver,
        membranes: State,
        stop: Stop,
        gain: State | None,
        offset: State | None,
        *,
        betas: Sequence[float] = (),
    ) -> tuple[Relaxed, State]:
        """What `relax_batch` does, compiled; and the activities.

        With ``betas`` the batch is relaxed once under each of them in place of the field's own, from the same
        membranes and without noise; the results follow one another.
        """
        network, nudge = field.network, field.nudge
        step = solver if isinstance(solver, AnalogStep) else None
        copies = max(1, len(betas))
        batch = len(membranes[0]) * copies
        corrected = nudge is not None and nudge.reference is not None
        couplings = self._couplings
        matrices = [c.matrix.detach().numpy() for c in couplings]
        if corrected:
            matrices = [m.T for m in matrices]
        packed = self._recurrent[corrected]
        packed.update(matrices)
        currents = field.currents
        if corrected:
            # I + W v + (W^T - W)(v - v0) = (I + W v0 - W^T v0) + W^T v: relax the transposed network
            assert nudge is not None
            reference = nudge.reference
            assert reference is not None
            along, back = network.recurrent_currents(reference), network.transposed_currents(reference, reference)
            currents = tuple(i + a - b for i, a, b in zip(currents, along, back))
        u, drive = self._rows(membranes, copies), self._rows(currents, copies)
        each = _betas(field, betas, batch)
        if nudge is not None and nudge.force is not None:
            self._hold(drive, nudge, each)
        g = self._ones if gain is None else self._neurons_from(gain)
        o = self._zeros if offset is None else self._neurons_from(offset)
        ends = [(c.source, c.target) if corrected else (c.target, c.source) for c in couplings]
        table = np.array([(*e, s) for e, s in zip(ends, packed.starts)], dtype=np.int64).reshape(-1, 3)
        kind, beta, target, readout, bias = _cost(field, each)
        keys, fixed, add2, prop, state = (
            np.zeros(batch, np.uint64),
            np.zeros((batch, 1), np.float32),
            np.zeros(len(table) + 1, np.float32),
            False,
            0.0,
        )
        squared = packed.flat
        if step is not None and step.noisy:
            memory = step.begin(field, membranes)
            keys = memory[0].numpy().view(np.uint64).copy()
            fixed = self._rows(memory[2:], 1)
            ranges = [w for c, w in zip(network.couplings, step.ranges) if c.source != INPUT]
            add2 = np.array([*((step.additive * w) ** 2 for w in ranges), 0.0], np.float32)
            prop, state = step.proportional > 0, step.state_noise
            if prop:
                self._squares[corrected].update(matrices)
                squared = self._squares[corrected].flat * np.float32(step.proportional**2)
        alternating = isinstance(solver, AlternatingBlocks)
        parts = solver.legs(stop) if isinstance(solver, AlternatingBlocks) else [(solver, stop)]
        legs = [(self._steps_of(one), limit.max_steps) for one, limit in parts]
        groups = self._blocks if alternating else np.zeros(len(network.populations), np.int64)
        residual, steps = np.zeros(batch, np.float32), np.zeros(batch, np.int64)
        cycling = np.zeros(batch, np.bool_)
        v, f = self._room(batch), np.empty_like(u)
        order = np.arange(batch)  # the sample of each row

        def part(a: int, b: int) -> None:
            for h, most in legs:
                rows, samples = slice(a, b), order[a:b].copy()
                left, taken, back = np.zeros(b - a, np.float32), np.zeros(b - a, np.int64), np.zeros(b - a, np.bool_)
                moved = relax_released((
                    u[rows], v[rows], f[rows], drive[rows], fixed[rows], self._first, self._size, groups, table,
                    packed.flat, squared, add2, prop, np.float32(state), keys[rows], h, g, o, np.float32(field.rail),
                    kind, beta[rows], target[rows], readout, bias, most, np.float32(stop.tolerance), stop.check_every,
                    WINDOW, np.float32(RETURN_RATIO), left, taken, back,
                ))  # fmt: skip
                order[rows] = samples[moved]
                residual[samples], cycling[samples] = left, back
                steps[samples] += taken
                b = a + int((taken == most).sum())  # those left to the end stand first, and go on
                if a == b:
                    break

        over_rows(batch, part)
        back_to = None  # samples that stopped early have changed places
        if not np.array_equal(order, np.arange(batch)):
            back_to = np.argsort(order)
        worst = torch.from_numpy(residual)
        converged = worst <= (stop.tolerance or DEFAULT_TOLERANCE)
        relaxed = Relaxed(
            self._state(u, back_to), worst, converged, torch.from_numpy(steps), torch.from_numpy(cycling) & ~converged
        )
        return relaxed, self._state(v, back_to)

    def _rows(self, state: State, copies: int) -> Floats:
        """The populations beside each other in padded rows, the batch ``copies`` times."""
        batch = len(state[0])
        out = self._room(copies * batch)
        for a, n, part in zip(self._first, self._size, state):
            out.reshape(copies, batch, -1)[:, :, a : a + n] = part.detach().numpy().reshape(batch, n)
        return out

    def _room(self, rows: int) -> Floats:
        """Padded rows to be written, only their padding zero."""
        if self._padded:
            return np.zeros((rows, self._width), np.float32)
        return np.empty((rows, self._width), np.float32)

    def _hold(self, drive: Floats, nudge: Nudge, betas: Floats) -> None:
        """Add beta times the held force to the output's current, row by row."""
        assert nudge.force is not None
        force = nudge.force.detach().to(torch.float32).flatten(1).numpy()
        output = slice(int(self._first[-1]), int(self._first[-1] + self._size[-1]))
        for copy in range(len(betas) // len(force)):
            rows = slice(copy * len(force), (copy + 1) * len(force))
            drive[rows, output] += betas[rows, None] * force

    def _steps_of(self, solver: Solver) -> Floats:
        """h of every neuron; kept for solvers that are plain values."""
        if isinstance(solver, AnalogStep):
            return self._neurons_from(_STEPS[AnalogStep](solver, self._network))
        if solver not in self._steps:
            self._steps[solver] = self._neurons_from(_STEPS[type(solver)](solver, self._network))
        return self._steps[solver]

    def _neurons_from(self, values: Sequence[Any]) -> Floats:
        out = np.zeros(self._width, np.float32)
        for a, n, value in zip(self._first, self._size, values):
            out[a : a + n] = value.numpy().ravel() if isinstance(value, Tensor) else value
        return out

    def _state(self, rows: Floats, order: npt.NDArray[np.int64] | None = None) -> State:
        """The populations of padded rows; ``order``: the row of each sample, where they have changed places."""
        order = np.arange(len(rows)) if order is None else order
        return tuple(
            torch.from_numpy(gather(rows, order, a, n)).reshape(-1, *p.shape)
            for a, n, p in zip(self._first, self._size, self._network.populations)
        )


def _betas(field: Field, betas: Sequence[float], batch: int) -> Floats:
    """The nudge of each of ``batch`` rows: of each copy, of each sample, or the same for all."""
    if betas:
        return np.repeat(np.array(betas, np.float32), batch // len(betas))
    if field.betas is not None:
        return field.betas.to(torch.float32).numpy()
    beta = 0.0 if field.nudge is None else complex(field.nudge.beta).real
    return np.full(batch, beta, np.float32)


def _cost(field: Field, beta: Floats) -> tuple[int, Floats, Floats, Floats, Floats]:
    """(kind, beta per row, target rows, read-out weights both ways, read-out bias) for the loop."""
    nudge, cost, batch = field.nudge, field.network.cost, len(beta)
    empty = np.zeros((batch, 0), np.float32)
    if nudge is None or nudge.force is not None or not beta.any():
        return 0, np.zeros(batch, np.float32), empty, np.zeros(1, np.float32), np.zeros(1, np.float32)
    copies = batch // len(nudge.target)
    if isinstance(cost, SoftmaxReadout):
        one_hot = np.zeros((batch, cost.readout.out_features), np.float32)
        one_hot[np.arange(batch), np.tile(nudge.target.numpy(), copies)] = 1.0
        weight, bias = cost.readout.weight.detach().numpy(), cost.readout.bias.detach().numpy()
        return 1, beta.copy(), one_hot, np.concatenate([pack(weight), pack(weight.T)]), np.ascontiguousarray(bias)
    size = field.network.populations[-1].size
    wanted = np.tile(cost.vector(nudge.target, size).flatten(1).to(torch.float32).numpy(), (copies, 1))
    return 2, beta.copy(), wanted, np.zeros(1, np.float32), np.zeros(1, np.float32)
