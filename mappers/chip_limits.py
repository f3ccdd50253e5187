"""Whether a program can be on a chip at all, before anything is compiled: room, and number formats."""

from __future__ import annotations

import numpy as np

from mappers.limits import System, load_system
from mappers.placement import DoesNotFitError, Misfit
from mappers.program import place_program
from substrates.loihi2.program import Program

__all__ = ["BOARDS", "check_chip"]

BOARDS = ("oheo-gulch", "kapoho-point", "hala-point")  #: Loihi 2 systems, smallest first


def check_chip(program: Program, system: System | str | None = None) -> System:
    """The system that ``program`` is for: the one named, or the smallest of `BOARDS` that holds it.

    Raises:
        DoesNotFitError: names everything that does not fit, with numbers.
    """
    boards = [load_system(name) for name in BOARDS] if system is None else [_system(system)]
    misfits = _formats(program, boards[0])
    if misfits:
        raise DoesNotFitError(boards[0].chip.title, misfits)
    for board in boards[:-1]:
        try:
            place_program(program, board)
        except DoesNotFitError:
            continue
        return board
    place_program(program, boards[-1])
    return boards[-1]


def _system(system: System | str) -> System:
    return load_system(system) if isinstance(system, str) else system


def _formats(program: Program, system: System) -> list[Misfit]:
    """Delays and message values that the chip's fields do not hold."""
    found = []
    most = system.chip.max_delay
    for connection in program.connections:
        delay = getattr(connection.synapses, "max_delay", 0)
        if delay > most:
            found.append(Misfit(f"the connection {connection.name!r}", "steps of delay", int(delay), most))
    bits = system.chip.message_bits
    for name, source in program.sources.items():
        largest = int(np.abs(source.values.astype(np.int64)).max(initial=0)).bit_length() + 1
        if largest > max(bits, 2):
            found.append(Misfit(f"the source {name!r}", "bits of a message", largest, bits))
    return found
