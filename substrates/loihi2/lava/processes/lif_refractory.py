"""LIF with a refractory period, in integers. Lava has it in floating point only; see ``neurons/lif_refractory.py``."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from substrates.loihi2.lava.engine_neuron import EngineNeuronModel, EngineNeuronProcess, integer_state

__all__ = ["LIFRefractoryInteger", "LIFRefractoryIntegerModel"]

Array = npt.NDArray[Any]


class LIFRefractoryInteger(EngineNeuronProcess):
    """A population of `substrates.loihi2.neurons.LIFRefractory`. Vars: u, v, ready."""


@implements(proc=LIFRefractoryInteger, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "bit_accurate_loihi")
class LIFRefractoryIntegerModel(EngineNeuronModel):
    """CPU model in the chip's integers."""

    u: Array = integer_state()
    v: Array = integer_state()
    ready: Array = integer_state()
