"""What a Lava process was given: initial values of its Vars, and arguments of its constructor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError

__all__ = ["Given"]


@dataclass(frozen=True, eq=False)
class Given:
    """``values`` by name, of a process of ``n`` neurons that errors call ``what``."""

    what: str
    n: int
    values: Mapping[str, Any]

    def number(self, name: str) -> float:
        """One number for all neurons.

        Raises:
            InputError: there is none, or several that differ.
        """
        array = self._array(name)
        if (array != array.flat[0]).any():
            raise InputError(f"{self.what} has several values of {name}; make a process for each")
        return float(array.flat[0])

    def integer(self, name: str) -> int:
        """One integer for all neurons.

        Raises:
            InputError: as for `number`, or it is none.
        """
        value = self.number(name)
        if value != np.floor(value):
            raise InputError(f"{self.what}: {name} is {value:g}; the chip has integers, give the fixed-point value")
        return int(value)

    def each(self, name: str) -> Any:
        """An integer, or one per neuron.

        Raises:
            InputError: they are no integers.
        """
        array = self._array(name)
        wrong = array[array != np.floor(array)]
        if wrong.size:
            raise InputError(f"{self.what}: {name} holds {wrong.flat[0]:g}; it needs integers")
        whole: npt.NDArray[np.int64] = np.broadcast_to(array.reshape(-1), (self.n,)).astype(np.int64)
        return int(whole[0]) if (whole == whole[0]).all() else whole

    def unscaled(self, name: str, exponent: int) -> Any:
        """As `each`, of a Var that holds the value times 2^``exponent``.

        Raises:
            InputError: it is no multiple of that.
        """
        values = self.each(name)
        if np.any(np.asarray(values) % 2**exponent):
            raise InputError(f"{self.what}: {name} is no whole number before its shift by {exponent}")
        return values >> exponent

    def _array(self, name: str) -> npt.NDArray[np.float64]:
        value = self.values.get(name)
        if value is None:
            raise InputError(f"{self.what} says nothing about {name}")
        return np.atleast_1d(np.asarray(value, np.float64))
