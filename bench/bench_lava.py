"""Seconds per step of Lava's CPU runtime on one sample of the network: the yardstick of ``loihi2_ep.py``."""

from __future__ import annotations

import time

import torch

from hw_profiles.errors import InputError
from substrates.base import Stop
from substrates.loihi2.lava.run import run_here
from substrates.loihi2.lava.watchdog import LavaSession
from substrates.loihi2.program import Program
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.loihi2.relaxation.export import program_of
from substrates.network import Network

__all__ = ["seconds_per_step"]

SHORT, LONG = 10, 110


def timed(program: Program, steps: int) -> float:
    """Seconds of one run inside the worker, building included."""
    start = time.perf_counter()
    run_here(program, steps, "lava-sim", "taps")
    return time.perf_counter() - start


def seconds_per_step(network: Network, x: torch.Tensor) -> float | None:
    """The slope between a short and a long run, so that building the graph does not count; None without Lava."""
    machine = Loihi2Machine(network)
    rest = machine.relax(machine.drive(x[:1]), Stop(0))
    program = program_of(machine.chip, rest.state.states, 0)
    try:
        with LavaSession() as session:
            short = min(session.call(timed, program, SHORT) for _ in range(3))
            long = min(session.call(timed, program, LONG) for _ in range(3))
    except InputError:
        return None
    return (long - short) / (LONG - SHORT)
