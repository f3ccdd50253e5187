"""A program as a network that can be run sample by sample: its own sources, or one of them fed from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.formats.network import ImportedNetwork, Layer
from substrates.loihi2.program import Program

__all__ = ["ProgramNetwork", "as_network", "from_lava", "network_of"]


@dataclass(frozen=True, eq=False)
class ProgramNetwork(ImportedNetwork):
    """``whole`` is the program; ``source`` the source that inputs take the place of, empty where there are several."""

    whole: Program = field(default_factory=Program)
    source: str = ""

    def program(self, inputs: npt.ArrayLike | None = None) -> Program:
        """The program, with ``inputs`` (steps, ...) instead of what its source sends."""
        if inputs is None:
            return self.whole
        if not self.source:
            raise InputError(f"{self.name} has {len(self.whole.sources)} sources of its own; run it without an input")
        fed = Program()
        fed.source(self.source, self.check_inputs(inputs))
        fed.sources = {**self.whole.sources, self.source: fed.sources[self.source]}
        fed.populations, fed.connections, fed.resets = self.whole.populations, self.whole.connections, self.whole.resets
        return fed


def as_network(
    program: Program,
    name: str,
    *,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    output: str | None = None,
    notes: tuple[str, ...] = (),
) -> ProgramNetwork:
    """``program`` as a network.

    Args:
        program: its single source, if it has a single one, is where inputs enter.
        name: what it is called.
        shapes: of populations and sources that are not flat.
        output: the population that decides; the last that leads to no other when None.
        notes: what there is to say.

    Raises:
        InputError: there is no such population, or none at all.
    """
    if not program.populations:
        raise InputError(f"{name} has no population of neurons")
    known = dict(shapes or {})
    leading = {c.source for c in program.connections if c.source != c.target}
    ends = [p for p in program.populations if p not in leading] or list(program.populations)
    last = ends[-1] if output is None else output
    if last not in program.populations:
        raise InputError(f"{name} has no population {last!r}; there are {', '.join(program.populations)}")
    layers = [
        Layer(p.name, "population", known.get(p.name, (p.n,)), p.neuron, initial=p.initial)
        for p in program.populations.values()
    ]
    layers.sort(key=lambda layer: layer.name == last)
    source = next(iter(program.sources)) if len(program.sources) == 1 else ""
    shape = known.get(source, (program.size(source),)) if source else (0,)
    assert not source or prod(shape) == program.size(source)
    return ProgramNetwork(name, shape, tuple(layers), notes=notes, links=(), whole=program, source=source)


def from_lava(process: Any, name: str = "lava") -> ProgramNetwork:
    """The network of Lava's processes that ``process`` is part of; `lava.reader` says what can be read.

    Args:
        process: connected, and not yet run.
        name: what it is called.

    Raises:
        TargetUnavailableError: Lava is not here.
        InputError: names all processes without a counterpart, or says which value does not fit.
    """
    from substrates.loihi2.lava.reader import program_of  # only here: importing Lava takes seconds

    read = program_of(process)
    return as_network(read.program, name, shapes=read.shapes, notes=read.notes)


def network_of(thing: Any, name: str) -> ProgramNetwork:
    """A network from what a user's file offers: a program, a Lava process, or a function that makes one.

    Raises:
        InputError: it is something else.
        TargetUnavailableError: it needs Lava, which is not here.
    """
    found = thing() if callable(thing) and not isinstance(thing, type) else thing
    if isinstance(found, Program):
        return as_network(found, name)
    if hasattr(found, "out_ports") and hasattr(found, "vars"):
        return from_lava(found, name)
    raise InputError(
        f"{name} is a {type(found).__name__}; expected a Program, a Lava process, or a function without arguments that "
        "makes one"
    )
