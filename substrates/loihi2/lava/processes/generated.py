"""A Lava process and its CPU model for any neuron of the engine: the model calls the neuron's own compiled step.

Ports: ``a_in`` and ``s_out`` for the first input and output of the neuron, ``NAME_in`` and ``NAME_out`` for the others.
Vars: the neuron's state variables.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from substrates.loihi2.lava.engine_neuron import EngineNeuronModel, EngineNeuronProcess, integer_state
from substrates.loihi2.lava.names import input_name, output_name

if TYPE_CHECKING:
    import numpy as np

    from substrates.loihi2.neurons import Neuron

__all__ = ["process_of"]

_MADE: dict[type, type] = {}


def process_of(neuron: type[Neuron]) -> type:
    """The process class of ``neuron``; its model stands beside it in this module, where Lava looks."""
    if neuron not in _MADE:
        taken = {kind.__name__ for kind in _MADE.values()}
        title = neuron.__name__ if f"{neuron.__name__}Process" not in taken else f"{neuron.__name__}{len(taken)}"
        process = type(f"{title}Process", (EngineNeuronProcess,), {"__module__": __name__, "__doc__": neuron.__doc__})
        integer: type[np.int32] = integer_state().d_type
        members: dict[str, object] = {"__module__": __name__, "__doc__": f"CPU model of {neuron.__name__}."}
        members |= {variable: integer_state() for variable in neuron.variables}
        members |= {
            input_name(neuron, port): LavaPyType(PyInPort.VEC_DENSE, integer, precision=24) for port in neuron.inputs
        }
        members |= {
            output_name(neuron, port): LavaPyType(PyOutPort.VEC_DENSE, integer, precision=24) for port in neuron.outputs
        }
        model = type(f"{title}Model", (EngineNeuronModel,), members)
        model = tag("fixed_pt", "bit_accurate_loihi")(requires(CPU)(implements(process, LoihiProtocol)(model)))
        for made in (process, model):
            setattr(sys.modules[__name__], made.__name__, made)
        _MADE[neuron] = process
    return _MADE[neuron]
