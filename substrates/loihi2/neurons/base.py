"""What every neuron model is: validated parameters, named 24-bit state variables, one compiled step.

A model is one file: a frozen dataclass of parameters, and a compiled function

    advance(state, a_in, bias, out, parameters, table, time) -> overflows

that moves a whole population one time step. ``state`` is (variables, n) int32, ``a_in`` the synapses' sums,
``bias`` one value per neuron, ``out`` receives the messages (0 for silence), ``parameters`` the numbers that the
dataclass packs, ``table`` an activation table, ``time`` the step's number (the first is 1). The engine, the Lava
process models and the tests call this one function.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.widths import STATE_MAX, integer_array

__all__ = ["MAX_PARAMETERS", "Neuron", "State", "per_neuron"]

Int32 = npt.NDArray[np.int32]
MAX_PARAMETERS = 12  #: slots in the engine's parameter table


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
    """A neuron model with its parameters; one instance serves a whole population."""

    code: ClassVar[int]  #: number of the model in the engine's dispatch
    variables: ClassVar[tuple[str, ...]]  #: names of the state variables, in order
    graded: ClassVar[bool]  #: messages carry values (else 1)
    kernel: ClassVar[Callable[..., int]]  #: the compiled ``advance``
    built_in: ClassVar[bool] = False  #: the chip has this neuron in hardware; others are microcode, which costs more

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
        """Move ``state`` one step in place under the input ``a_in`` (n,); return (messages, overflows)."""
        n = state.values.shape[1]
        out = np.zeros(n, np.int32)
        current = np.ascontiguousarray(np.asarray(a_in, np.int64).reshape(n).astype(np.int32))
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
