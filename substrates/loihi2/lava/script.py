"""A program as a Python script in plain Lava: it runs where lava-nc is installed and nothing of ours is.

The script makes the processes of the program's `plan`, the very graph that `run_program` runs, with Lava's own classes.
Neurons that have no public process bring their step with them, as source (`kernel_source`). Writing a script needs no
Lava.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.lava import script_text
from substrates.loihi2.lava.border import adapter_for
from substrates.loihi2.lava.kernel_source import kernel_source
from substrates.loihi2.lava.names import input_name, output_name
from substrates.loihi2.lava.plan import (
    Link,
    Node,
    Plan,
    Port,
    add_sinks,
    components,
    outlets,
    plan_of,
    public_variables,
)
from substrates.loihi2.neurons.base import LavaCall, LavaName, Neuron
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Direct
from substrates.loihi2.widths import integer_in

__all__ = ["NO_CONCLUSION", "lava_script", "not_on_chip"]

#: arrays up to this many numbers are written as numbers
SHORT = 32
LINE = 110  #: characters of a line of base 64
NO_CONCLUSION = '''\
def conclude(messages, states):
    """What is printed beside the number of messages."""
    return {}
'''


def lava_script(
    program: Program,
    steps: int,
    *,
    title: str,
    record: Sequence[str] | None = None,
    read: Mapping[str, Sequence[str]] | None = None,
    conclude: str = NO_CONCLUSION,
    constants: Mapping[str, Any] | None = None,
) -> str:
    """Source of a script that runs ``program`` for ``steps`` steps.

    Args:
        program: any program of the engine.
        steps: how long it runs unless ``--steps`` says otherwise.
        title: first line of its documentation.
        record: outlets whose messages are kept, see `Program.outlets`; those of all populations when None.
        read: population -> state variables that are read at the end.
        conclude: source of a function ``conclude(messages, states)`` that gives what is printed, as a dictionary.
        constants: numbers and arrays that it uses, by name.

    Raises:
        InputError: something in the program cannot be written down.
    """
    integer_in("the number of steps", steps, 1, 2**31 - 1)
    wanted = {
        name: tuple(v for v in variables if v in public_variables(program.populations[name].neuron))
        for name, variables in (read or {}).items()
    }
    plan, arrays = plan_of(program, steps), _Arrays()
    kept = [outlet for outlet, _, _ in outlets(program) if record is None or outlet in record]
    add_sinks(plan, program, steps, kept)
    used = {node.process for node in plan.nodes.values() if node.process is not None}
    own = _own_kinds(plan)
    parts = [_documentation(title, program, bool(own)), script_text.IMPORTS + _imports(plan), script_text.ARRAYS]
    if LavaName("lava.proc.conv.process", "Conv") in used:
        parts.append(script_text.WIDE_CONV)
    if own:
        parts.append(_own_neurons(own))
    parts += [
        script_text.CHIP,
        _build(plan, arrays),
        _facts(program, steps, kept, wanted) + _models(plan),
        conclude,
        script_text.MAIN,
        "".join(f"{name} = {arrays.value(value)}\n" for name, value in (constants or {}).items()),
        arrays.text(),
        script_text.END,
    ]
    # what constants are made of stands before them
    parts[-2], parts[-3] = parts[-3], parts[-2]
    return "\n\n".join(part.rstrip("\n") + "\n" for part in parts if part)


def not_on_chip(program: Program) -> tuple[str, ...]:
    """What keeps ``program``, as it is, off the chip: neurons and connections by name."""
    found = [
        f"the neurons {name!r} ({population.neuron.name}) have no public process with a model for the chip"
        for name, population in program.populations.items()
        if not population.neuron.chip.on_chip or population.neuron.lava(population.n) is None
    ]
    direct = [c.name for c in program.connections if isinstance(c.synapses, Direct)]
    return (*found, *(f"{name!r} leads into neurons without a synapse" for name in direct))


def _documentation(title: str, program: Program, own: bool) -> str:
    neurons = ", ".join(f"{name} ({p.n} {p.neuron.name})" for name, p in program.populations.items())
    text = f"{title}: {neurons}".replace("\\", "/").replace('"""', "'''")
    more = " Neurons without a public process are written in." if own else ""
    return f'''\
"""{text}

Written by Equipoise; plain Lava, nothing of Equipoise is needed.

    python SCRIPT.py                     # Lava's fixed-point CPU models
    python SCRIPT.py --out result.npz    # keep all messages, and the states read at the end
    python SCRIPT.py --chip              # on a Loihi 2 (Intel's extension of Lava); adapters delay what goes in and out

lava-nc 0.10 with NumPy below 2.1, Python 3.10 or 3.11.{more}
"""
'''


def _imports(plan: Plan) -> str:
    """One import per module of Lava; classes of one name get the module's."""
    modules: dict[str, None] = {}
    for node in plan.nodes.values():
        given = [value.name if isinstance(value, LavaCall) else value for value in node.arguments.values()]
        names = [value for value in given if isinstance(value, LavaName)]
        for name in [*names, *(name for name in (node.process, node.model) if name is not None)]:
            modules[name.module] = None
    return "".join(f"import {module}\n" for module in sorted(modules))


def _own_kinds(plan: Plan) -> list[type[Neuron]]:
    """Neurons that have no public process, each once."""
    own = (node.neuron for node in plan.nodes.values() if node.process is None)
    return list(dict.fromkeys(type(neuron) for neuron in own if neuron is not None))


def _own_neurons(kinds: Sequence[type[Neuron]]) -> str:
    """Steps, processes and models of neurons without a public process."""
    kernels, names = kernel_source([kind.kernel for kind in kinds])
    made = []
    for kind, advance in zip(kinds, names, strict=True):
        inputs = tuple(input_name(kind, port) for port in kind.inputs)
        outputs = tuple(output_name(kind, port) for port in kind.outputs)
        reports = tuple(output_name(kind, port) for port in kind.outputs if port in kind.reports)
        made.append(
            f"{_class_name(kind, kinds)} = own_neuron(\n    {_class_name(kind, kinds)!r}, {advance},\n"
            f"    {inputs!r}, {outputs!r},\n    {kind.variables!r}, {reports!r},\n)\n"
        )
    return "\n\n".join([script_text.OWN_NEURONS, kernels + "\n", "".join(made)])


def _class_name(kind: type[Neuron], kinds: Sequence[type[Neuron]]) -> str:
    alike = [other for other in kinds if other.__name__ == kind.__name__]
    return kind.__name__ if len(alike) == 1 else f"{kind.__name__}{alike.index(kind)}"


class _Arrays:
    """Arrays too long for a line, each written once, by name."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def written(self, values: npt.NDArray[Any]) -> str:
        """``values`` as Python source: numbers, or the name of an array."""
        if values.dtype.kind not in "iub":
            values = values.astype(np.float64)
        kind, shape = values.dtype.name, values.shape
        if values.size <= SHORT:
            return f"np.array({values.tolist()!r}, {kind!r}){'' if values.size else f'.reshape({shape!r})'}"
        stored = values.dtype.newbyteorder("<").str
        if values.dtype.kind == "i":
            most = max(-int(values.min()) - 1, int(values.max()))
            stored = next(f"<i{size}" for size in (1, 2, 4, 8) if most < 2 ** (8 * size - 1))
        packed = base64.b64encode(zlib.compress(np.ascontiguousarray(values, stored).tobytes(), 9)).decode()
        text = "\n".join(packed[at : at + LINE] for at in range(0, len(packed), LINE))
        source = f'array({stored!r}, {shape!r}, {kind!r}, """\n{text}\n""")'
        return self._names.setdefault(source, f"A{len(self._names)}")

    def value(self, value: Any) -> str:
        """An argument as Python source."""
        if isinstance(value, LavaName):
            return f"{value.module}.{value.name}"
        if isinstance(value, LavaCall):
            arguments = ", ".join(f"{key}={self.value(given)}" for key, given in value.arguments.items())
            return f"{self.value(value.name)}({arguments})"
        if isinstance(value, np.ndarray):
            return self.written(value)
        if hasattr(value, "tocsr"):
            parts = ", ".join(self.written(np.asarray(part)) for part in (value.data, value.indices, value.indptr))
            return f"csr_matrix(({parts}), shape={tuple(map(int, value.shape))!r})"
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, (tuple, list)):
            return f"({''.join(f'{self.value(part)}, ' for part in value).strip()})"
        if value is None or isinstance(value, (bool, int, float, str)):
            return repr(value)
        raise InputError(f"an argument of the type {type(value).__name__} cannot be written into a script")

    def text(self) -> str:
        """The arrays that have a name."""
        return "\n".join(f"{name} = {source}" for source, name in self._names.items())


def _build(plan: Plan, arrays: _Arrays) -> str:
    own = _own_kinds(plan)
    lines = ["def build(steps, chip):", '    """Every process by name, connected."""', "    nodes = {}"]
    for key, node in plan.nodes.items():
        lines.append(f"    nodes[{key!r}] = {_constructed(node, own, arrays)}")
        for variable, values in node.initial.items():
            lines.append(f"    nodes[{key!r}].{variable}.init = {arrays.written(np.asarray(values, np.int32))}")
    for link in plan.links:
        lines.append(f"    {_connected(plan, link)}")
    for write in plan.writes:
        lines.append(f"    nodes[{write.node!r}].connect_var(nodes[{write.process!r}].{write.variable})")
    return "\n".join([*lines, "    return nodes"]) + "\n"


def _constructed(node: Node, own: Sequence[type[Neuron]], arrays: _Arrays) -> str:
    if node.process is None:
        neuron = node.neuron
        assert neuron is not None
        arguments: dict[str, Any] = {
            "n": node.n,
            "rest": neuron.rest(node.n).values,
            "bias": neuron.bias_values(node.n).astype(np.int64),
            "parameters": np.array(neuron.parameters(), np.int64),
            "table": neuron.table().astype(np.int64),
        }
        name = _class_name(type(neuron), own)
    else:
        arguments, name = dict(node.arguments), f"{node.process.module}.{node.process.name}"
    if node.kind == "sink":
        return f"{name}(shape={arguments['shape']!r}, buffer=steps)"
    if node.kind == "source":
        data = arrays.written(arguments["data"])
        return f"{name}(data={data})" if node.repeats else f"{name}(data=lasting({data}, steps))"
    return f"{name}({', '.join(f'{key}={arrays.value(value)}' for key, value in arguments.items())})"


def _connected(plan: Plan, link: Link) -> str:
    out, into = _port(link.out), _port(link.into)
    adapter = adapter_for(plan, link)
    if adapter is None or adapter.process is None:
        return f"{out}.connect({into})"
    arguments = ", ".join(f"{key}={value!r}" for key, value in adapter.arguments.items())
    return f"enter({out}, {into}, chip, {adapter.process.name!r}, {arguments})"


def _port(port: Port) -> str:
    text = f"nodes[{port.node!r}].{port.name}"
    return text if port.shape is None else f"{text}.reshape({tuple(port.shape)!r})"


def _models(plan: Plan) -> str:
    """CPU models that Lava's run configurations would not find."""
    pairs = {(n.process, n.model) for n in plan.nodes.values() if n.process is not None and n.model is not None}
    lines = [f"    {p.module}.{p.name}: {m.module}.{m.name},\n" for p, m in sorted(pairs, key=str)]
    return f"MODELS = {{\n{''.join(lines)}}}\n" if lines else "MODELS = {}\n"


def _facts(program: Program, steps: int, kept: Sequence[str], read: Mapping[str, tuple[str, ...]]) -> str:
    """Constants: steps, what the chip lacks, and parts that are not connected with each other."""
    parts = []
    for names in components(program):
        populations = [name for name in names if name in program.populations]
        if not populations:
            continue
        sinks = [outlet for outlet, name, _ in outlets(program) if name in populations and outlet in kept]
        parts.append((populations[0], sinks, {name: read[name] for name in populations if name in read}))
    lines = [f"STEPS = {steps}", "NOT_ON_CHIP = [", *(f"    {text!r}," for text in not_on_chip(program)), "]"]
    lines += ["# connected parts: a population to start it by, what is recorded, and the states read at the end"]
    return "\n".join([*lines, "PARTS = [", *(f"    {part!r}," for part in parts), "]"]) + "\n"
