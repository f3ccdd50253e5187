"""The relaxation neuron for equilibrium propagation. Our specification; see ``neurons/relaxation.py`` for the rules."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from substrates.loihi2.lava.engine_neuron import EngineNeuronModel, EngineNeuronProcess, integer_state

__all__ = ["PhasedRelaxationModel", "PhasedRelaxationNeuron", "RelaxationModel", "RelaxationNeuron"]

Array = npt.NDArray[Any]


class RelaxationNeuron(EngineNeuronProcess):
    """A population of `substrates.loihi2.neurons.Relaxation`. Vars: current, remainder, u, sent."""


@implements(proc=RelaxationNeuron, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "bit_accurate_loihi")
class RelaxationModel(EngineNeuronModel):
    """CPU model in the chip's integers."""

    current: Array = integer_state()
    remainder: Array = integer_state()
    u: Array = integer_state()
    sent: Array = integer_state()


class PhasedRelaxationNeuron(EngineNeuronProcess):
    """A population of `substrates.loihi2.neurons.PhasedRelaxation`. Vars: current, remainder, u, sent, response."""


@implements(proc=PhasedRelaxationNeuron, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "bit_accurate_loihi")
class PhasedRelaxationModel(EngineNeuronModel):
    """CPU model in the chip's integers; the phases come from Lava's own step count."""

    current: Array = integer_state()
    remainder: Array = integer_state()
    u: Array = integer_state()
    sent: Array = integer_state()
    response: Array = integer_state()
