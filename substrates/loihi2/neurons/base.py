"""What every neuron model is: validated parameters, named 24-bit state variables, ports, one compiled step.

A model is one file: a frozen dataclass of parameters that says how the chip and Lava know it, and a compiled function

    advance(state, a_in, bias, out, parameters, table, time) -> overflows

that moves a whole population one time step. ``state`` is (variables, n) int32; ``a_in`` (inputs * n,) the synapses'
sums, one input port after the other; ``bias`` one value per neuron; ``out`` (outputs * n,) receives the messages of
every output port (0 for silence); ``parameters`` are the numbers that the dataclass packs, ``table`` an activation
table, ``time`` the step's number (the first is 1). The engine, the Lava process models and the tests call this one
function. README.md in this folder has an example.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.widths import STATE_MAX, integer_array

__all__ = [
    "CPU_ONLY",
    "IN_CLOSED_EXTENSION",
    "MAX_PARAMETERS",
    "OWN_MICROCODE",
    "ZERO_MESSAGE",
    "ChipModel",
    "LavaCall",
    "LavaName",
    "LavaProcess",
    "Neuron",
    "State",
    "per_neuron",
]

Int32 = npt.NDArray[np.int32]
MAX_PARAMETERS = 12  #: slots in the engine's parameter table
ZERO_MESSAGE = -(2**31)  #: in ``out`` of a port that reports: a message whose value is zero, which is no silence


@dataclass(frozen=True)
class ChipModel:
    """How a neuron gets onto the chip.

    Attributes:
        process: public Lava process that has (or is said to have) a neurocore model; empty where there is none and the
            neuron would need microcode of its own.
        source: the public evidence.
    """

    process: str
    source: str

    @property
    def on_chip(self) -> bool:
        return bool(self.process)


IN_CLOSED_EXTENSION = "Lava process with a model in Intel's closed extension (lava-nc's run configurations prefer it)"
CPU_ONLY = ChipModel("", "public Lava process; that it has a neurocore model is nowhere published")
OWN_MICROCODE = ChipModel("", "our specification; needs microcode of its own")


@dataclass(frozen=True)
class LavaName:
    """A name in a Lava module, looked up when the process is made: ``LavaName("lava.proc.sdn.process", "A.RELU")``."""

    module: str
    name: str


@dataclass(frozen=True)
class LavaCall:
    """An object that a call of a Lava name makes, as an argument of a process."""

    name: LavaName
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class LavaProcess:
    """A public Lava process with a fixed-point model of this neuron, and the arguments that make it.

    ``model`` is that model where Lava's run configurations do not find it by its tag.
    """

    process: LavaName
    arguments: Mapping[str, Any] = field(default_factory=dict)
    model: LavaName | None = None


@dataclass(frozen=True)
class State:
    """State variables of one population: ``state["v"]`` is a writable view of n int32 values."""

    names: tuple[str, ...]
    values: Int32  #: (variables, n)

    def __getitem__(self, name: str) -> Int32:
        if name not in self.names:
            raise InputError(f"there is no state variable {name!r}; there are {', '.join(self.names) or 'none'}")
        row: Int32 = self.values[self.names.index(name)]
        return row


class Neuron(ABC):
    """A neuron model with its parameters; one instance serves a whole population.

    A class with a ``name`` is whole: it is checked when it is defined. Python code uses the class itself; for a name on
    the command line it is found in this folder, by the entry points ``equipoise.neurons``, or as ``path.py:Name``.
    """

    name: ClassVar[str]  #: what users write; no two models share one
    variables: ClassVar[tuple[str, ...]]  #: names of the state variables, in order
    graded: ClassVar[bool]  #: messages carry values (else 1)
    inputs: ClassVar[tuple[str, ...]] = ("input",)  #: ports that connections lead to; the first is the usual one
    outputs: ClassVar[tuple[str, ...]] = ("message",)  #: ports that connections start from, likewise
    #: Lava's names of ports, where they are not a_in and s_out (the first) or <port>_in and <port>_out
    lava_ports: ClassVar[Mapping[str, str]] = {}
    #: state variables that Lava's public model keeps to itself: nobody can read or compare them there
    lava_hides: ClassVar[frozenset[str]] = frozenset()
    #: outputs that report a state whatever it is: a zero is a message too, and sending one is no activity
    reports: ClassVar[frozenset[str]] = frozenset()
    largest_input: ClassVar[int] = 2**31 - 1  #: beyond this the step loses bits of an input; strict runs look
    #: what arrives is only added up, so that a tree of further neurons may do part of it where one core is too small
    adds: ClassVar[bool] = False
    kernel: ClassVar[Callable[..., int]]  #: the compiled ``advance``
    built_in: ClassVar[bool] = False  #: the chip has this neuron in hardware; others are microcode, which costs more
    chip: ClassVar[ChipModel]  #: how it gets onto the chip
    process: ClassVar[LavaName | None] = None  #: the public Lava process whose fixed-point model this is

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" not in vars(cls):
            return
        for attribute in ("variables", "graded", "kernel", "chip"):
            if not hasattr(cls, attribute):
                raise InputError(f"the neuron {cls.name!r} ({cls.__name__}) does not say its {attribute}")
        if not hasattr(cls.kernel, "py_func"):
            raise InputError(f"the neuron {cls.name!r} needs a compiled kernel: decorate advance with numba.njit")
        ports = (*cls.inputs, *cls.outputs)
        if not cls.outputs or not cls.reports <= set(cls.outputs) or any("." in port for port in ports):
            raise InputError(f"the neuron {cls.name!r} has ports {ports}; it needs an output, and names without dots")

    @classmethod
    def example(cls, rng: np.random.Generator, n: int) -> Neuron | None:
        """A model with random parameters, values at the edges included, for ``n`` neurons: for tests and conformance.

        None where a case of its own exists.
        """
        return None

    def lava(self, n: int) -> LavaProcess | None:
        """The public Lava process of ``n`` such neurons; None makes one of ours that calls this model's own step."""
        return None

    @classmethod
    def from_lava(cls, given: Given) -> Neuron:
        """The neuron of a process of the kind ``process`` that somebody made.

        Raises:
            InputError: it was given what the chip's integers cannot hold.
        """
        raise InputError(f"{given.what} cannot be read: {cls.__name__} does not say how")

    @abstractmethod
    def parameters(self) -> tuple[int, ...]:
        """The numbers ``advance`` reads, at most MAX_PARAMETERS."""

    def bias_values(self, n: int) -> Int32:
        """One bias per neuron; none unless the model says otherwise."""
        return np.zeros(n, np.int32)

    def table(self) -> Int32:
        """Activation table; a model without one has a single zero."""
        return np.zeros(1, np.int32)

    def rest(self, n: int) -> State:
        """A population of ``n`` neurons at rest."""
        return State(self.variables, np.zeros((len(self.variables), n), np.int32))

    def step(self, state: State, a_in: npt.ArrayLike, time: int = 1) -> tuple[Int32, int]:
        """Move ``state`` one step in place under the inputs ``a_in`` (inputs * n,).

        Returns:
            (messages (outputs * n,), overflows).
        """
        n = state.values.shape[1]
        out = np.zeros(len(self.outputs) * n, np.int32)
        current = np.asarray(a_in, np.int64).reshape(len(self.inputs) * n).astype(np.int32)
        overflows = type(self).kernel(
            state.values, current, self.bias_values(n), out, np.array(self.parameters(), np.int64), self.table(), time
        )
        return out, int(overflows)


def per_neuron(name: str, values: Any, n: int, low: int = -STATE_MAX, high: int = STATE_MAX) -> Int32:
    """Spread ``values`` (a number or n of them) over ``n`` neurons.

    Raises:
        InputError: the wrong number of values, or one out of range.
    """
    array = integer_array(name, values, low, high).reshape(-1)
    if array.size not in (1, n):
        raise InputError(f"{name} has {array.size} values for {n} neurons; give one value, or one per neuron")
    return np.broadcast_to(array, (n,)).astype(np.int32)
