"""Groups of a netx file as plain values, with errors that name the place."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError

__all__ = ["NetxGroup"]

_LARGEST = 2**31 - 1  #: of any number in a network


class NetxGroup:
    """One group of the file: texts, numbers and arrays of numbers by key."""

    def __init__(self, group: Any, place: str) -> None:
        self.group, self.place = group, place

    def __contains__(self, key: str) -> bool:
        return key in self.group

    def inner(self, key: str) -> NetxGroup:
        """The group ``key`` inside this one."""
        if not hasattr(self._value(key), "keys"):
            raise InputError(f"{self.place}/{key} is a data set, expected a group; is this a netx file of lava-dl?")
        return NetxGroup(self.group[key], f"{self.place}/{key}")

    def text(self, key: str) -> str:
        """A text, alone or as the only entry of an array."""
        value = np.asarray(self._dataset(key)).reshape(-1)
        if value.size != 1 or not isinstance(value[0], (bytes, str)):
            raise InputError(f"{self.place}/{key} holds no text; is this a netx file of lava-dl?")
        return value[0].decode("utf-8", "replace") if isinstance(value[0], bytes) else str(value[0])

    def integers(self, key: str) -> npt.NDArray[np.int64]:
        """Numbers as integers, truncated towards zero as lava-dl's reader does.

        Raises:
            InputError: it is not there, or a value is not finite or beyond 32 bits.
        """
        values = np.asarray(self._dataset(key))
        if values.dtype.kind not in "biuf" or values.size == 0:
            raise InputError(f"{self.place}/{key} holds {values.size} values of type {values.dtype}, expected numbers")
        bad = ~(np.abs(values.astype(np.float64)) <= _LARGEST)
        if bad.any():
            raise InputError(f"{self.place}/{key} holds {values[bad].flat[0]}; expected numbers of at most 32 bits")
        return values.astype(np.int64)

    def number(self, key: str, default: int | None = None) -> int:
        """One integer; several are fine where all are the same.

        Raises:
            InputError: it is not there and has no default, or the values differ.
        """
        if default is not None and key not in self:
            return default
        values = np.unique(self.integers(key))
        if values.size != 1:
            raise InputError(
                f"{self.place}/{key} has {values.size} different values, a population here has one; "
                "split the layer by value"
            )
        return int(values[0])

    def shape(self, key: str = "shape") -> tuple[int, ...]:
        """A shape, reversed from the file's (channels, height, width) to Lava's (width, height, channels)."""
        sizes = self.integers(key).reshape(-1)
        if sizes.size > 3 or sizes.min() < 1 or float(np.prod(sizes.astype(np.float64))) > _LARGEST:
            raise InputError(f"{self.place}/{key} is {sizes.tolist()}; expected one to three sizes from 1 on")
        return tuple(int(k) for k in sizes[::-1])

    def pair(self, key: str, default: int) -> tuple[int, int]:
        """One number for both axes, or (y, x) in the file; returned as (x, y)."""
        if key not in self:
            return default, default
        values = self.integers(key).reshape(-1)
        if values.size not in (1, 2):
            raise InputError(f"{self.place}/{key} has {values.size} values, expected one or two")
        return int(values[-1]), int(values[0])

    def _dataset(self, key: str) -> Any:
        value = self._value(key)
        if hasattr(value, "keys"):
            raise InputError(f"{self.place}/{key} is a group, expected numbers or a text")
        return value[()]

    def _value(self, key: str) -> Any:
        if key not in self.group:
            raise InputError(f"{self.place} has no {key!r}; is this a netx file of lava-dl, and whole?")
        return self.group[key]
