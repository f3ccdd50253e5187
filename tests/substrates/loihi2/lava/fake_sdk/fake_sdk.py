"""A stand-in for Intel's extension of Lava: it computes on the CPU and refuses what hardware refuses.

Its neurocore models are Lava's fixed-point CPU models under another base class. Before anything is compiled it looks at
every connection and at every process:

- Python and cores are connected through adapters only;
- adapters carry 24 bits or spikes, no other number of bits; a convolution's input has an adapter of its own;
- no more neurons and weights than it has room for;
- weights, delays and exponents within the chip's formats.

Its adapters delay, and what comes back has lost its sign. Nothing here knows how Intel does it; that is the point of
`equipoise chip check`.
"""

from __future__ import annotations

from pathlib import Path

#: (folder below lava/proc, module of the CPU models, process, its CPU model)
MODELS = (
    ("lif", "models", "LIF", "PyLifModelBitAcc"),
    ("sdn", "models", "Sigma", "PySigmaModelFixed"),
    ("sdn", "models", "Delta", "PyDeltaModelFixed"),
    ("sdn", "models", "SigmaDelta", "PySigmaDeltaModelFixed"),
    ("dense", "models", "Dense", "PyDenseModelBitAcc"),
    ("sparse", "models", "Sparse", "PySparseModelBitAcc"),
    ("graded", "models", "GradedReluVec", "PyGradedReluVecModelFixed"),
    ("graded", "models", "GradedVec", "PyGradedVecModelFixed"),
    ("conv", "models", "Conv", "PyConvModelFixed"),
    ("dense", "models", "DelayDense", "PyDelayDenseModelBitAcc"),
    ("sparse", "models", "DelaySparse", "PyDelaySparseModelBitAcc"),
)

NC = """
from lava.magma.core.model.model import AbstractProcessModel
class AbstractNcProcessModel(AbstractProcessModel):
    pass
"""
C = """
from lava.magma.core.model.model import AbstractProcessModel
class AbstractCProcessModel(AbstractProcessModel):
    pass
class CLoihiProcessModel(AbstractCProcessModel):
    pass
"""
RULES = '''
"""What the board refuses, looked at before compiling."""
import enum
import lava.magma.compiler.compiler as compiler
import lava.magma.compiler.compiler_graphs as graphs
from lava.magma.core.model.py.model import AbstractPyProcessModel
import lava.magma.compiler.subcompilers.py.pyproc_compiler as py
from lava.magma.core.model.nc.model import AbstractNcProcessModel

ROOM = {room}

class Never:
    pass

class NeverC:
    pass

class Types(enum.Enum):
    PY, C, NC = AbstractPyProcessModel, NeverC, Never

py.AbstractNcProcessModel = Never  # they compute on the CPU here
graphs.ProcessModelTypes = Types

def place(process):
    if issubclass(process.model_class, AbstractNcProcessModel):
        return "chip"
    return "adapter" if "embedded_io" in type(process).__module__ else "python"

def check(processes):
    neurons = 0
    for process in processes:
        here, kind = place(process), type(process).__name__
        for port in process.out_ports:
            for end in port.get_dst_ports():
                there = place(end.process)
                if {{here, there}} == {{"chip", "python"}}:
                    other = type(end.process).__name__
                    raise RuntimeError(f"{{kind}} ({{here}}) cannot be connected with {{other}} ({{there}})")
                if kind == "PyToNxAdapter" and type(end.process).__name__ == "Conv":
                    raise RuntimeError("a convolution needs PyToN3ConvAdapter")
        if here == "adapter" and process.proc_params["num_message_bits"] not in (0, 24):
            raise RuntimeError(f"an adapter has 0 or 24 message bits")
        if here == "chip" and kind in ("LIF", "Sigma", "Delta", "SigmaDelta", "GradedReluVec"):
            neurons += int(process.proc_params["shape"][0])
        exponent = process.proc_params.get("weight_exp") if here == "chip" else 0
        if exponent is not None and not -8 <= exponent <= 7:
            raise RuntimeError(f"{{kind}}: the weight exponent {{exponent}} has no room in its field")
    if neurons > ROOM:
        raise RuntimeError(f"{{neurons}} neurons, the board has room for {{ROOM}}")

original = compiler.Compiler._map_subcompiler_type_to_procs

def looked_at(group):
    check(group)
    return original(group)

if not hasattr(compiler, "looked_at"):
    compiler.looked_at = True
    compiler.Compiler._map_subcompiler_type_to_procs = staticmethod(looked_at)
'''
ADAPTERS = """
import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
import lava.magma.core.model.fake_rules

class Adapter(AbstractProcess):
    def __init__(self, *, shape, num_message_bits=0):
        super().__init__(shape=shape, num_message_bits=num_message_bits)
        self.inp, self.out = InPort(shape=shape), OutPort(shape=shape)

class PyToNxAdapter(Adapter):
    pass

class PyToN3ConvAdapter(Adapter):
    pass

class NxToPyAdapter(Adapter):
    pass

class AdapterModel(PyLoihiProcessModel):
    inp: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    delay = 0

    def run_spk(self):
        came = np.array(self.inp.recv(), np.int64)
        if self.proc_params["num_message_bits"] == 0 and not np.isin(came, (0, 1)).all():
            raise ValueError("a spike is 0 or 1; graded messages need num_message_bits=24")
        if not hasattr(self, "line"):
            self.line = [np.zeros_like(came) for _ in range(self.delay)]
        self.line.append(came)
        self.out.send(self.carried(self.line.pop(0)).astype(np.int32))

    def carried(self, values):
        return values

def model(process, delay, carried):
    members = {{"delay": delay, "carried": carried, "__module__": __name__}}
    made = type(process.__name__ + "Model", (AdapterModel,), members)
    return tag("fixed_pt")(requires(CPU)(implements(proc=process, protocol=LoihiProtocol)(made)))

PyToNxAdapterModel = model(PyToNxAdapter, {into}, AdapterModel.carried)
PyToN3ConvAdapterModel = model(PyToN3ConvAdapter, {into}, AdapterModel.carried)
NxToPyAdapterModel = model(NxToPyAdapter, {out}, lambda self, values: values & 0xFFFFFF)
"""
PROFILER = """
from lava.magma.core.callback_fx import CallbackFx

class Loihi2Power(CallbackFx):
    def __init__(self, num_steps):
        self.vdd_power, self.vddm_power, self.vddio_power = [1.0] * num_steps, [0.5] * num_steps, [0.25] * num_steps
        self.static_vdd_power = [0.75] * num_steps

class Loihi2ExecutionTime(CallbackFx):
    avg_time_per_step = 100.0
"""


def install(folder: Path, *, into: int = 1, out: int = 1, room: int = 8192, without: tuple[str, ...] = ()) -> Path:
    """Write the stand-in to ``folder``, to be put on the path before Lava.

    Args:
        into, out: delay of the adapters, in steps.
        room: neurons that it has room for.
        without: processes, ``adapters`` or ``probes`` that it lacks.
    """
    files = {
        "magma/core/model/nc/model.py": NC,
        "magma/core/model/c/model.py": C,
        "magma/compiler/subcompilers/nc/ncproc_compiler.py": "",
        "magma/core/model/fake_rules.py": RULES.format(room=room),
        "utils/loihi2_profiler.py": "" if "probes" in without else PROFILER,
    }
    if "adapters" not in without:
        files["proc/embedded_io/spike.py"] = ADAPTERS.format(into=into, out=out)
    for where in dict.fromkeys(name for name, *_ in MODELS):
        text = (
            "from lava.magma.core.decorator import implements, requires, tag\n"
            "from lava.magma.core.model.nc.model import AbstractNcProcessModel\n"
            "from lava.magma.core.resources import Loihi2NeuroCore\n"
            "from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol\n"
            "import lava.magma.core.model.fake_rules\n"
        )
        for name, module, process, model in MODELS:
            if name == where and process not in without:
                text += (
                    f"from lava.proc.{name}.process import {process}\nfrom lava.proc.{name}.{module} import {model}\n"
                    f"@implements(proc={process}, protocol=LoihiProtocol)\n@requires(Loihi2NeuroCore)\n"
                    "@tag('fixed_pt')\n"
                    f"class Nc{process}Model({model}, AbstractNcProcessModel):\n    pass\n"
                )
        files[f"proc/{where}/ncmodels.py"] = text
    for name, text in files.items():
        path = folder / "lava" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
