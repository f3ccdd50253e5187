"""The parts of an exported script that are the same in every one; see `script`."""

from __future__ import annotations

__all__ = ["ARRAYS", "CHIP", "END", "IMPORTS", "MAIN", "OWN_NEURONS", "WIDE_CONV"]

IMPORTS = """\
from __future__ import annotations

import argparse
import base64
import dataclasses
import json
import sys
import types
import zlib

import numpy as np
from scipy.sparse import csr_matrix  # noqa: F401

if tuple(int(part) for part in np.__version__.split(".")[:2]) >= (2, 1):
    sys.exit(f"Lava's processes hang with NumPy 2.1 and later, this is {np.__version__}: pip install 'numpy<2.1'")
if sys.version_info >= (3, 11):
    # One module of Lava 0.10 uses instances of plain dataclasses as defaults, which must be hashable from 3.11 on.
    _dataclass = dataclasses.dataclass

    def _hashable(cls=None, /, **options):
        if not options.get("frozen"):
            options.setdefault("unsafe_hash", True)
        decorate = _dataclass(**options)
        return decorate if cls is None else decorate(cls)

    dataclasses.dataclass = _hashable
    import lava.magma.compiler.var_model  # noqa: F401

    dataclasses.dataclass = _dataclass

from lava.magma.core.run_conditions import RunSteps
"""

#: before the arrays of the script
ARRAYS = '''\
def array(stored, shape, kind, text):
    """Numbers of the type ``stored``, compressed and in base 64, as an array of ``kind``."""
    numbers = np.frombuffer(zlib.decompress(base64.b64decode(text)), stored)
    return numbers.reshape(shape).astype(kind)


def lasting(data, steps):
    """Events (n, length) with silence behind them for as long as the run is."""
    return np.pad(data, ((0, 0), (0, max(steps - data.shape[1], 0))))
'''

WIDE_CONV = """\
from lava.proc.conv.models import AbstractPyConvModel

for _name in ("kernel_size", "stride", "padding", "dilation"):
    getattr(AbstractPyConvModel, _name).d_type = np.int32  # eight bits are too few for sides of 128 on NumPy 2
"""

OWN_NEURONS = '''\
# Neurons without a public Lava process: their step in NumPy, a process and a CPU model for each.
try:
    from numba import njit  # a hundred times faster where it is installed; the integers are the same
except ImportError:

    def njit(**options):
        return lambda function: function


from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

ZERO_MESSAGE = -(2**31)  # what a step calls a message whose value is zero

# Lava looks for models in the module of a process and runs every file in its folder: this one has neither file nor
# folder.
NEURONS = types.ModuleType("neurons_written_in")
NEURONS.__file__ = "/nowhere/neurons_written_in.py"
NEURONS.__spec__ = types.SimpleNamespace(name="neurons_written_in", parent="")
sys.modules["neurons_written_in"] = NEURONS


class OwnNeurons(AbstractProcess):
    """A population; ``rest`` has its state variables, one row each."""

    def __init__(self, *, n, rest, **parameters):
        super().__init__(n=n, **parameters)
        for port in self.inputs:
            setattr(self, port, InPort(shape=(n,)))
        for port in self.outputs:
            setattr(self, port, OutPort(shape=(n,)))
        for variable, values in zip(self.variables, rest):
            setattr(self, variable, Var(shape=(n,), init=np.array(values, np.int32)))


class OwnModel(PyLoihiProcessModel):
    """Steps a population."""

    def run_spk(self):
        get, kind = self.proc_params.get, self.implements_process
        n = get("n")
        arrived = [np.asarray(getattr(self, port).recv()).astype(np.int32) for port in kind.inputs]
        a_in = np.concatenate(arrived).astype(np.int64) if arrived else np.zeros(0, np.int64)
        state = np.array([getattr(self, variable) for variable in kind.variables], np.int64).reshape(-1, n)
        out = np.zeros(len(kind.outputs) * n, np.int64)
        with np.errstate(over="ignore"):
            type(self).advance(state, a_in, get("bias"), out, get("parameters"), get("table"), self.time_step)
        for variable, values in zip(kind.variables, state):
            getattr(self, variable)[:] = values
        for port, sent in zip(kind.outputs, out.astype(np.int32).reshape(-1, n)):
            if port in kind.reports:
                sent[sent == ZERO_MESSAGE] = 0
            getattr(self, port).send(sent)


def own_neuron(name, advance, inputs, outputs, variables, reports=()):
    """The process class of a neuron whose step is ``advance``."""
    members = {"inputs": inputs, "outputs": outputs, "variables": variables, "reports": reports}
    process = type(name, (OwnNeurons,), {**members, "__module__": "neurons_written_in"})
    types_of = {variable: LavaPyType(np.ndarray, np.int32, precision=24) for variable in variables}
    types_of.update({port: LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24) for port in inputs})
    types_of.update({port: LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24) for port in outputs})
    model = type(f"{name}Model", (OwnModel,), {**types_of, "advance": staticmethod(advance)})
    model.__module__ = "neurons_written_in"
    model = tag("fixed_pt")(requires(CPU)(implements(process, LoihiProtocol)(model)))
    setattr(NEURONS, name, process)
    setattr(NEURONS, f"{name}Model", model)
    return process
'''

CHIP = '''\
def enter(out, into, chip, adapter, **arguments):
    """Connect a source with the network; on the chip through an adapter."""
    if not chip:
        out.connect(into)
        return
    from lava.proc.embedded_io import spike

    between = getattr(spike, adapter)(**arguments)
    out.connect(between.inp)
    between.out.connect(into)
'''

MAIN = '''\
def signed(values):
    """24-bit messages as the chip sends them, with their sign."""
    return (values.astype(np.int64) << 40) >> 40


def run(steps=STEPS, chip=False):
    """Run the network; ({name: (steps, n) messages}, {population: {variable: values}}) at the end."""
    if chip and NOT_ON_CHIP:
        sys.exit(f"not for the chip as it is: {'; '.join(NOT_ON_CHIP)}")
    nodes = build(steps, chip)
    if chip:
        from lava.magma.core.run_configs import Loihi2HwCfg as RunConfig
    else:
        from lava.magma.core.run_configs import Loihi2SimCfg as RunConfig
    messages, states = {}, {}
    for head, sinks, variables in PARTS:
        nodes[head].run(condition=RunSteps(num_steps=steps), run_cfg=RunConfig(
            select_tag="fixed_pt", exception_proc_model_map=dict(MODELS)))
        try:
            for name in sinks:
                data = np.rint(nodes[f"{name} -> record"].data.get()).T
                messages[name] = (signed(data) if chip else data).astype(np.int32)
            for population, names in variables.items():
                states[population] = {v: np.rint(getattr(nodes[population], v).get()).astype(np.int32) for v in names}
        finally:
            nodes[head].stop()
    return messages, states


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", help="NumPy file for all messages and the states read at the end")
    parser.add_argument("--steps", type=int, default=STEPS, help="time steps of the chip (default: %(default)s)")
    parser.add_argument("--chip", action="store_true", help="run on a Loihi 2; needs Intel's extension of Lava")
    given = parser.parse_args()
    messages, states = run(given.steps, given.chip)
    print(json.dumps({"steps": given.steps, "messages": {name: int(np.count_nonzero(values)) for name, values in
                      messages.items()}, **conclude(messages, states)}))
    if given.out:
        arrays = {f"messages/{name}": values for name, values in messages.items()}
        arrays.update({f"states/{p}/{v}": values for p, of in states.items() for v, values in of.items()})
        with open(given.out, "xb") as file:
            np.savez_compressed(file, **arrays)
'''

#: the last lines, behind all arrays
END = """\
if __name__ == "__main__":
    main()
"""
