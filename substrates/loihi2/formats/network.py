"""A network that came from a file: layers in order, each with its neurons and the synapses that lead to it.

Shapes are Lava's, (width, height, channels); populations are flattened from them, the last axis fastest. A format that
orders its axes differently permutes its weights when it is read, so nothing is permuted when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.neurons.base import Neuron
from substrates.loihi2.neurons.lif import LIF, NEVER
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Direct, Synapses
from substrates.loihi2.widths import STATE_MAX, integer_array

__all__ = ["ImportedNetwork", "Layer"]

SOURCE = "input"  #: what programs call the source of a network's input


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer.

    Attributes:
        name: of its population.
        kind: what the file calls it.
        shape: of its neurons, in Lava's order.
        neuron: their model.
        synapses: from the layer before, or from the input; None where the input reaches the neurons directly.
        recurrent: from the layer to itself.
        inlets: input port of the neuron -> further synapses from the layer before.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    neuron: Neuron
    synapses: Synapses | None = None
    recurrent: Synapses | None = None
    inlets: Mapping[str, Synapses] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Number of its neurons."""
        return prod(self.shape)


@dataclass(frozen=True, eq=False)
class ImportedNetwork:
    """A chain of layers.

    Attributes:
        name: of the file.
        input_shape: of one step of input, in Lava's order.
        layers: in order.
        transform: (weight, bias) that the file has for its input: ``weight x + bias`` is meant to be the bias of the
            input neurons. Nothing applies it unless asked to.
        notes: what was changed on the way, and what the file says that has no effect.
    """

    name: str
    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    transform: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()

    @property
    def output(self) -> Layer:
        """The last layer."""
        return self.layers[-1]

    @property
    def readout(self) -> str:
        """What decides a class: ``spikes`` (their number), ``sum`` of the messages, ``last`` message, or ``v``.

        Sigma neurons send their whole sum at every step, delta and sigma-delta neurons its changes; LIF neurons that
        never spike are read by their voltage.
        """
        neuron = self.output.neuron
        if isinstance(neuron, LIF) and neuron.vth == NEVER:
            return "v"
        if not neuron.graded:
            return "spikes"
        return "last" if neuron.name == "sigma" else "sum"

    def check_inputs(self, inputs: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """``inputs`` as (steps, neurons).

        Raises:
            InputError: another shape, no integers, or beyond 24 bits.
        """
        values = integer_array("the input", inputs, -STATE_MAX - 1, STATE_MAX)
        n = prod(self.input_shape)
        if values.ndim < 2 or values.shape[1:] not in ((n,), self.input_shape):
            shape = ", ".join(str(k) for k in self.input_shape)
            flat = f" or (steps, {n})" if len(self.input_shape) > 1 else ""
            raise InputError(f"the input of {self.name} has shape (steps, {shape}){flat}, got {values.shape}")
        return values.reshape(values.shape[0], n)

    def with_bias(self, bias: npt.ArrayLike) -> ImportedNetwork:
        """The same network with other bias mantissas of its first layer: how images enter networks of LIF neurons.

        Args:
            bias: one integer per input neuron, of the input's shape or flat.

        Raises:
            InputError: the first layer has no such bias, or the values do not fit.
        """
        first = self.layers[0]
        if first.synapses is not None or not isinstance(first.neuron, LIF):
            raise InputError(
                f"{self.name} begins with {first.kind} ({type(first.neuron).__name__}); only LIF input neurons take "
                "a bias, give spikes as input"
            )
        values = np.asarray(bias)
        if values.shape not in ((first.n,), first.shape):
            raise InputError(f"the input bias of {self.name} has shape {first.shape}, got {values.shape}")
        neuron = replace(first.neuron, bias_mant=values.reshape(-1))
        return replace(self, layers=(replace(first, neuron=neuron), *self.layers[1:]))

    def program(self, inputs: npt.ArrayLike | None = None) -> Program:
        """The network as a program, fed with ``inputs`` (steps, ...); silence when None.

        Raises:
            InputError: see `check_inputs`.
        """
        program = Program()
        values: Any = np.zeros((1, prod(self.input_shape)), np.int64) if inputs is None else self.check_inputs(inputs)
        program.source(SOURCE, values)
        before = SOURCE
        for layer in self.layers:
            program.population(layer.name, layer.n, layer.neuron)
            program.connect(before, layer.name, Direct(layer.n) if layer.synapses is None else layer.synapses)
            for port, synapses in layer.inlets.items():
                program.connect(before, layer.name, synapses, target_port=port)
            if layer.recurrent is not None:
                program.connect(layer.name, layer.name, layer.recurrent)
            before = layer.name
        return program
