"""What the Lava side of an engine neuron is: a process with the neuron's state as Vars, a model that calls its step.

A neuron's arithmetic stays where it is (``substrates/loihi2/neurons``); the model copies its Vars into the neuron's
state, calls the one compiled step, and copies back. So the two sides cannot drift apart, and what is compared by
`equipoise conform` is everything around it: order, delays, synapses, message passing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from substrates.loihi2.lava.loader import load_lava

load_lava()

from lava.magma.core.model.py.model import PyLoihiProcessModel  # noqa: E402
from lava.magma.core.model.py.type import LavaPyType  # noqa: E402
from lava.magma.core.process.ports.ports import InPort, OutPort  # noqa: E402
from lava.magma.core.process.process import AbstractProcess  # noqa: E402
from lava.magma.core.process.variable import Var  # noqa: E402

from substrates.loihi2.lava.names import input_name, output_name, raw_name  # noqa: E402
from substrates.loihi2.neurons.base import ZERO_MESSAGE  # noqa: E402

if TYPE_CHECKING:
    from substrates.loihi2.neurons.base import Neuron

__all__ = ["EngineNeuronModel", "EngineNeuronProcess", "integer_state"]


def integer_state() -> LavaPyType:
    """The type of a 24-bit state variable kept in 32 bits."""
    return LavaPyType(np.ndarray, np.int32, precision=24)


class EngineNeuronProcess(AbstractProcess):
    """A population of one of the engine's neurons.

    Args:
        shape: of the population.
        neuron: its model and parameters.
    """

    def __init__(self, *, shape: tuple[int, ...], neuron: Neuron, name: str | None = None) -> None:
        super().__init__(shape=shape, neuron=neuron, name=name)
        for port in neuron.inputs:
            setattr(self, input_name(neuron, port), InPort(shape=shape))
        for port in neuron.outputs:
            setattr(self, output_name(neuron, port), OutPort(shape=shape))
        rest = neuron.rest(int(np.prod(shape)))
        for variable in neuron.variables:
            setattr(self, variable, Var(shape=shape, init=rest[variable].reshape(shape).copy()))

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.proc_params["shape"]
        return shape


class EngineNeuronModel(PyLoihiProcessModel):
    """Steps a population by its neuron's own compiled function."""

    def run_spk(self) -> None:
        neuron, shape = self.proc_params["neuron"], self.proc_params["shape"]
        n = int(np.prod(shape))
        arrived = [getattr(self, input_name(neuron, port)).recv().ravel() for port in neuron.inputs]
        state = neuron.rest(n)
        for variable in neuron.variables:
            state[variable][:] = getattr(self, variable).ravel()
        a_in = np.concatenate(arrived) if arrived else np.zeros(0, np.int32)
        messages, _ = neuron.step(state, a_in, self.time_step)
        for variable in neuron.variables:
            getattr(self, variable).ravel()[:] = state[variable]
        for port, sent in zip(neuron.outputs, messages.reshape(len(neuron.outputs), n), strict=True):
            if port in neuron.reports:
                setattr(self, raw_name(port), sent.copy())
                sent[sent == ZERO_MESSAGE] = 0
            getattr(self, output_name(neuron, port)).send(sent.reshape(shape))
