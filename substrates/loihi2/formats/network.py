"""A network that came from a file: layers in order, each with its neurons and the synapses that lead to it.

Most are chains: a layer's ``synapses`` come from the layer before. Where ``links`` are given they say everything.

Shapes are Lava's, (width, height, channels); populations are flattened from them, the last axis fastest. A format that
orders its axes differently permutes its weights when it is read, so nothing is permuted when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.neurons.base import Neuron
from substrates.loihi2.neurons.lif import LIF, NEVER
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Direct, Synapses
from substrates.loihi2.widths import STATE_MAX, integer_array

if TYPE_CHECKING:
    from substrates.loihi2.formats.nir_float import FloatNetwork
    from substrates.loihi2.formats.nir_quantise import Fidelity

__all__ = ["ONE", "SOURCE", "ImportedNetwork", "Layer", "Link"]

SOURCE = "input"  #: what programs call the source of a network's input
ONE = "one"  #: and a source that sends 1 at every step, where links start from it


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
        initial: state variables that do not begin at rest.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    neuron: Neuron
    synapses: Synapses | None = None
    recurrent: Synapses | None = None
    inlets: Mapping[str, Synapses] = field(default_factory=dict)
    initial: Mapping[str, npt.NDArray[np.int32]] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Number of its neurons."""
        return prod(self.shape)


@dataclass(frozen=True, eq=False)
class Link:
    """Synapses from a layer, from the input (`SOURCE`) or from `ONE` to a layer."""

    source: str
    target: str
    synapses: Synapses


@dataclass(frozen=True, eq=False)
class ImportedNetwork:
    """Layers, the last of which is the output.

    Attributes:
        name: of the file.
        input_shape: of one step of input, in Lava's order unless ``input_order`` says otherwise.
        layers: in order.
        transform: (weight, bias) that the file has for its input: ``weight x + bias`` is meant to be the bias of the
            input neurons. Nothing applies it unless asked to.
        notes: what was changed on the way, and what the file says that has no effect.
        links: every connection; None for a chain.
        input_order: which value of the user's input each neuron of the input is; None where they are the same.
        latency: steps that the output is late: runs are this much longer than their input.
        fidelity: per layer, how true rounding left it; empty where nothing was rounded.
        reference: the same network in floating point, where the file holds one.
    """

    name: str
    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    transform: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    links: tuple[Link, ...] | None = None
    input_order: npt.NDArray[np.int64] | None = None
    latency: int = 0
    fidelity: tuple[Fidelity, ...] = ()
    reference: FloatNetwork | None = None

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
        rows = values.reshape(values.shape[0], n)
        return rows if self.input_order is None else rows[:, self.input_order]

    def with_bias(self, bias: npt.ArrayLike) -> ImportedNetwork:
        """The same network with other bias mantissas of its first layer: how images enter networks of LIF neurons.

        Args:
            bias: one integer per input neuron, of the input's shape or flat.

        Raises:
            InputError: the first layer has no such bias, or the values do not fit.
        """
        first = self.layers[0]
        if first.synapses is not None or self.links is not None or not isinstance(first.neuron, LIF):
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
        for layer in self.layers:
            program.population(layer.name, layer.n, layer.neuron, **layer.initial)
        links = self.links
        if links is None:
            self._connect_chain(program)
            return program
        if any(link.source == ONE for link in links):
            program.source(ONE, [[1]], repeat=True)
        for link in links:
            program.connect(link.source, link.target, link.synapses)
        return program

    def _connect_chain(self, program: Program) -> None:
        before = SOURCE
        for layer in self.layers:
            program.connect(before, layer.name, Direct(layer.n) if layer.synapses is None else layer.synapses)
            for port, synapses in layer.inlets.items():
                program.connect(before, layer.name, synapses, target_port=port)
            if layer.recurrent is not None:
                program.connect(layer.name, layer.name, layer.recurrent)
            before = layer.name
