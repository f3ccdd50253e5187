"""Which element of an input port hears which element of an output port: reshaped, transposed, concatenated, passed on.

Lava's virtual ports and the ports of processes that hold others only pass on; a route runs from a process that does
something to another one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError

__all__ = ["Route", "routes_of"]

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Route:
    """``heard[k]`` is the element of ``out`` that element k of ``into`` hears, flat; -1 where it hears none of them."""

    source: Any
    out: str
    target: Any
    into: str
    heard: Index

    @property
    def straight(self) -> bool:
        """Everything is heard, in order."""
        return bool(np.array_equal(self.heard, np.arange(self.heard.size)))


def routes_of(process: Any, leaves: Collection[Any]) -> Iterator[Route]:
    """All routes from the output ports of ``process`` to ports of ``leaves``.

    Raises:
        InputError: a kind of virtual port is unknown.
    """
    for port in process.out_ports.members:
        index = np.arange(int(np.prod(port.shape))).reshape(port.shape)
        for target, into, heard in _follow(port, index, leaves):
            yield Route(process, port.name, target, into, heard.reshape(-1))


def _follow(port: Any, index: Index, leaves: Collection[Any]) -> Iterator[tuple[Any, str, Index]]:
    """(process, port, what it hears) of every end behind ``port``, whose elements are ``index``."""
    for following in port.out_connections:
        kind = type(following).__name__
        if kind == "ConcatPort":
            for at, before in enumerate(following.in_connections):
                if before is port:
                    yield from _follow(following, _placed(following, at, index), leaves)
        elif kind == "ReshapePort":
            yield from _follow(following, index.reshape(following.shape), leaves)
        elif kind == "TransposePort":
            yield from _follow(following, index.transpose(following.axes), leaves)
        elif following.process in leaves:
            yield following.process, following.name, index
        elif following.out_connections:
            yield from _follow(following, index, leaves)
        elif kind not in ("InPort", "OutPort"):
            raise InputError(f"a connection leads through a {kind}; ports can be reshaped, transposed, concatenated")


def _placed(concatenated: Any, at: int, index: Index) -> Index:
    """``index`` in its place among the ports that are put together."""
    axis = concatenated.concat_axis
    start = sum(part.shape[axis] for part in concatenated.in_connections[:at])
    whole = np.full(concatenated.shape, -1, np.int64)
    place = [slice(None)] * whole.ndim
    place[axis] = slice(start, start + index.shape[axis])
    whole[tuple(place)] = index
    return whole
