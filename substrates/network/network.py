"""The network: populations of neurons, couplings between them, a clamped input, a cost.

Which dynamics: the *vector field* form. Membranes u and activities v = sigma(u) obey

    tau du/dt = F(v, x) - u + beta dL/dv,      F_l = sum over couplings into l of W v_source (+ b),

and the discrete map is u <- F(v, x) + beta dL/dv. No energy is assumed: forward and backward weights may differ.
With symmetric weights an energy exists and the equilibria are its stationary points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hw_profiles.errors import InputError
from hw_profiles.notebook import card
from substrates.network.activations import Activation
from substrates.network.costs import Cost
from substrates.network.couplings import INPUT, Coupling, Operator
from substrates.network.registry import activation

__all__ = ["Network", "Population"]

State = tuple[Tensor, ...]


@dataclass(frozen=True)
class Population:
    """A group of neurons with one activation. ``shape`` is (n,) or (channels, height, width)."""

    name: str
    shape: tuple[int, ...]
    activation: str = "logistic"

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Network(nn.Module):
    """Populations and couplings; parameters are ordinary torch parameters, stepped by any torch optimizer.

    Args:
        input_shape: shape of one input sample.
        populations: in order; the last is the output, the one the cost reads and nudges.
        couplings: from the input (source -1) or a population to a population.
        cost: loss of the output activities.
        reciprocal: pairs (i, j) of indices into ``couplings`` that run in opposite directions between the same
            two populations; homeostasis and the symmetry measures look at these.

    Raises:
        InputError: no populations, a coupling that leads nowhere, a pair that is not reciprocal.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        populations: Sequence[Population],
        couplings: Sequence[Coupling],
        cost: Cost,
        reciprocal: Sequence[tuple[int, int]] = (),
    ) -> None:
        super().__init__()
        if not populations:
            raise InputError("a network needs at least one population")
        for coupling in couplings:
            if not (INPUT <= coupling.source < len(populations) and 0 <= coupling.target < len(populations)):
                raise InputError(
                    f"a coupling runs from {coupling.source} to {coupling.target}; "
                    f"populations are numbered 0 to {len(populations) - 1}, the input is {INPUT}"
                )
        for i, j in reciprocal:
            if (couplings[i].source, couplings[i].target) != (couplings[j].target, couplings[j].source):
                raise InputError(f"couplings {i} and {j} do not run in opposite directions")
        self.input_shape = tuple(input_shape)
        self.populations: tuple[Population, ...] = tuple(populations)
        self.couplings = nn.ModuleList(couplings)
        self.cost = cost
        self.reciprocal = tuple(reciprocal)
        self.activations: tuple[Activation, ...] = tuple(activation(p.activation) for p in populations)

    def forward(self, inputs: Tensor, *, max_steps: int = 200, tolerance: float = 1e-4) -> State:
        """The activities at the free equilibrium, one tensor (batch, *shape) per population, without a gradient.

        Alternating sweeps as on the target ``ideal``; samples that cycle go on in shorter steps.

        Raises:
            InputError: inputs of another shape, or an empty batch.
        """
        from substrates.analog import IdealMachine
        from substrates.analog.solvers import AlternatingBlocks
        from substrates.base import Stop

        machine = IdealMachine(self, solver=AlternatingBlocks(0.7))
        return machine.relax(machine.drive(inputs), Stop(max_steps, tolerance)).activities

    def extra_repr(self) -> str:
        """Shapes of the populations and what leads where; parameters in all."""
        names = {INPUT: "input", **{i: p.name for i, p in enumerate(self.populations)}}
        lines = [f"input {_by(self.input_shape)}"]
        lines += [f"{p.name} {_by(p.shape)} {p.activation}" for p in self.populations]
        pairs = {i for pair in self.reciprocal for i in pair}
        for i, c in enumerate(self.couplings):
            what = _by(tuple(c.weight.shape)) if c.weight is not None else "tied"
            pooled = f" {c.pooling} pooling" if hasattr(c, "pooling") else ""
            pair = " (reciprocal)" if i in pairs else ""
            lines.append(f"{names[c.source]} -> {names[c.target]}: {type(c).__name__} {what}{pooled}{pair}")
        parameters = sum(p.numel() for p in self.parameters())
        lines.append(f"cost {type(self.cost).__name__}, {self.num_neurons} neurons, {parameters} parameters")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return "Network(\n" + "\n".join(f"  {line}" for line in self.extra_repr().splitlines()) + "\n)"

    def _repr_html_(self) -> str:
        """For notebooks: populations and couplings, one line each."""
        lines = self.extra_repr().splitlines()
        named = (line.split(": ", 1) if ": " in line else line.split(" ", 1) for line in lines)
        return card("Network", [(name, what) for name, what in named])

    @property
    def num_neurons(self) -> int:
        return sum(p.size for p in self.populations)

    @property
    def holomorphic(self) -> bool:
        """Whether activations and couplings may be given complex states."""
        return not self.not_holomorphic()

    def not_holomorphic(self) -> list[str]:
        """What stands in the way of complex states, in words: activations by name, couplings by pooling."""
        activations = [f"the activation {a.name!r}" for a in dict.fromkeys(self.activations) if not a.holomorphic]
        return activations + sorted({c.describe() for c in self.couplings if not c.holomorphic})

    def input_couplings(self) -> Iterator[Coupling]:
        return (c for c in self.couplings if c.source == INPUT)

    def recurrent_couplings(self) -> Iterator[Coupling]:
        return (c for c in self.couplings if c.source != INPUT)

    def rest(self, batch: int, dtype: torch.dtype | None = None) -> State:
        """The state every relaxation starts from unless told otherwise: u = 0."""
        parameter = next(self.parameters())
        dtype = dtype or parameter.dtype
        return tuple(torch.zeros(batch, *p.shape, dtype=dtype, device=parameter.device) for p in self.populations)

    def activate(self, membranes: State) -> State:
        """v = sigma(u), population by population."""
        return tuple(a.function(u) for a, u in zip(self.activations, membranes))

    def check_inputs(self, inputs: Tensor) -> None:
        """Raises InputError: the batch does not have the network's input shape, or is empty."""
        if tuple(inputs.shape[1:]) != self.input_shape or inputs.shape[0] == 0:
            raise InputError(f"inputs of shape {tuple(inputs.shape)}; expected (batch, {self.input_shape}), batch > 0")

    def input_currents(self, inputs: Tensor) -> State:
        """What does not change while relaxing: input couplings applied to ``inputs``, and all biases.

        Raises:
            InputError: the batch does not have the network's input shape, or is empty.
        """
        self.check_inputs(inputs)
        currents = list(self.rest(inputs.shape[0]))
        with torch.no_grad():
            for coupling in self.couplings:
                into = currents[coupling.target]
                if coupling.source == INPUT:
                    into = into + coupling.linear(inputs.to(into.dtype)).reshape(into.shape)
                currents[coupling.target] = coupling.add_bias(into)
        return tuple(currents)

    def recurrent_current(self, population: int, activities: State) -> Tensor:
        """Sum of the recurrent couplings' currents into one population, without biases; shaped like it."""
        total: Tensor | None = None
        for coupling in self.recurrent_couplings():
            if coupling.target == population:
                source = activities[coupling.source]
                current = coupling.between(source, activities[population]).reshape(
                    -1, *self.populations[population].shape
                )
                total = current if total is None else total + current
        return torch.zeros_like(activities[population]) if total is None else total

    def recurrent_currents(self, activities: State) -> State:
        """Sum of the recurrent couplings' currents, shaped like the populations.

        Biases are not in it: they do not change while relaxing and `input_currents` has them all.
        """
        return tuple(self.recurrent_current(i, activities) for i in range(len(self.populations)))

    def transposed_currents(self, errors: State, activities: State) -> State:
        """J^T applied to ``errors``: what each population would receive through its own outgoing couplings.

        Args:
            errors: one tensor per population.
            activities: where the Jacobian is taken, real (matters for pooled couplings only).
        """
        currents: list[Tensor] = [torch.zeros_like(e) for e in errors]
        for coupling in self.recurrent_couplings():
            source, target = coupling.source, coupling.target
            back, own = coupling.transpose_between(errors[target], activities[source], activities[target])
            currents[source] = currents[source] + back.reshape(errors[source].shape)
            if own is not None:
                currents[target] = currents[target] + own.reshape(errors[target].shape)
        return tuple(currents)

    def tangent_currents(self, directions: State, activities: State) -> State:
        """J applied to ``directions``: the linear response of the recurrent currents to a change of activities."""
        currents: list[Tensor] = [torch.zeros_like(d) for d in directions]
        for coupling in self.recurrent_couplings():
            source, target = coupling.source, coupling.target
            along = coupling.tangent_between(
                directions[source], directions[target], activities[source], activities[target]
            )
            currents[target] = currents[target] + along.reshape(directions[target].shape)
        return tuple(currents)

    @property
    def state_dependent(self) -> bool:
        """Whether some recurrent coupling's Jacobian depends on the activities."""
        return any(c.state_dependent for c in self.recurrent_couplings())

    def operators(self) -> tuple[Operator, ...]:
        """The recurrent couplings at the present parameters, for one relaxation."""
        return tuple(c.operator() for c in self.recurrent_couplings())

    def tangent_operators(self, activities: State) -> tuple[Operator, ...]:
        """J at fixed activities, in pieces."""
        return tuple(
            o
            for c in self.recurrent_couplings()
            for o in c.tangent_operators(activities[c.source], activities[c.target])
        )

    def transposed_operators(self, activities: State) -> tuple[Operator, ...]:
        """J^T at fixed activities, in pieces."""
        return tuple(
            o
            for c in self.recurrent_couplings()
            for o in c.transposed_operators(activities[c.source], activities[c.target])
        )

    def accumulate_gradient(self, inputs: Tensor, activities: State, errors: State) -> None:
        """Add (dF/dtheta)^T e to ``.grad``: for a weight, sum over the batch of e_post v_pre.

        Args:
            inputs: (batch, *input shape).
            activities: free activities v.
            errors: dv/dbeta or the adjoint, already weighted per sample (1/batch for a mean).
        """
        for coupling in self.couplings:
            pre = inputs if coupling.source == INPUT else activities[coupling.source]
            coupling.accumulate_between(pre, activities[coupling.target], errors[coupling.target])


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)
