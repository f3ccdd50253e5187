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
from lava.magma.core.model.py.ports import PyInPort, PyOutPort  # noqa: E402
from lava.magma.core.model.py.type import LavaPyType  # noqa: E402
from lava.magma.core.process.ports.ports import InPort, OutPort  # noqa: E402
from lava.magma.core.process.process import AbstractProcess  # noqa: E402
from lava.magma.core.process.variable import Var  # noqa: E402

if TYPE_CHECKING:
    from substrates.loihi2.neurons import Neuron

__all__ = ["EngineNeuronModel", "EngineNeuronProcess", "integer_state"]


def integer_state() -> LavaPyType:
    """The type of a 24-bit state variable kept in 32 bits."""
    return LavaPyType(np.ndarray, np.int32, precision=24)


class EngineNeuronProcess(AbstractProcess):
    """A population of one of the engine's neurons.

    Ports: ``a_in`` (the synapses' sums), ``s_out`` (messages). Vars: the neuron's state variables.

    Args:
        shape: of the population.
        neuron: its model and parameters.
    """

    def __init__(self, *, shape: tuple[int, ...], neuron: Neuron, name: str | None = None) -> None:
        super().__init__(shape=shape, neuron=neuron, name=name)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        for variable in neuron.variables:
            setattr(self, variable, Var(shape=shape, init=0))

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.proc_params["shape"]
        return shape


class EngineNeuronModel(PyLoihiProcessModel):
    """Steps a population by its neuron's own compiled function."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)

    def run_spk(self) -> None:
        neuron = self.proc_params["neuron"]
        a_in = self.a_in.recv()
        state = neuron.rest(a_in.size)
        for variable in neuron.variables:
            state[variable][:] = getattr(self, variable).ravel()
        messages, _ = neuron.step(state, a_in, self.time_step)
        for variable in neuron.variables:
            getattr(self, variable).ravel()[:] = state[variable]
        self.s_out.send(messages.reshape(a_in.shape))
