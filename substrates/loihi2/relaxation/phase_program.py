"""The whole schedule as one program: the chip runs free, plus and minus phases by itself.

The nudge is a source of graded messages into the output's currents: at the first step of every nudged phase it sends
the change of the force (plus beta c, then minus 2 beta c, ...), and nothing in between. Relaxation neurons know the
schedule and keep their response in 24 bits (`neurons.phased`); the host reads it, once, when the program has run.
"""

from __future__ import annotations

import numpy as np

from hw_profiles.errors import InputError
from substrates.base import Equilibrium, Nudge
from substrates.loihi2.program import Program
from substrates.loihi2.relaxation.export import program_of
from substrates.loihi2.relaxation.layout import Int32
from substrates.loihi2.relaxation.machine import Loihi2Machine
from substrates.loihi2.relaxation.phases import PhaseSchedule
from substrates.loihi2.synapses import Direct
from substrates.loihi2.widths import STATE_MAX

__all__ = ["free_force", "schedule_program"]


def free_force(machine: Loihi2Machine, free: Equilibrium, nudge: Nudge, sample: int) -> Int32:
    """(neurons,) the force of ``nudge`` at the free state of one sample, in units of u."""
    forces = np.zeros((free.state.states.u.shape[0], machine.chip.num_neurons), np.int32)
    machine.add_nudge(nudge, forces, free.state)
    return forces[sample]


def schedule_program(
    machine: Loihi2Machine, start: Equilibrium, sample: int, force: Int32, schedule: PhaseSchedule
) -> Program:
    """The program of ``schedule.steps`` steps that runs every phase of one sample.

    Args:
        machine: programmed.
        start: where the sample starts: ``machine.relax(drive, Stop(0))`` holds its input.
        sample: which row of the batch.
        force: (neurons,) what the plus phase adds to the targets, see `free_force`; minus is its negative.
        schedule: with ``on_chip``.

    Raises:
        InputError: a schedule that needs the host, or a force too large for a message.
    """
    if not schedule.on_chip:
        raise InputError("this schedule goes back to the free state between phases; use PhaseSchedule(on_chip=True)")
    chip = machine.chip
    program = program_of(chip, start.state.states, sample, phases=schedule)
    guard = 1 << chip.settings.guard_bits
    if np.abs(force.astype(np.int64)).max(initial=0) * 2 * guard > STATE_MAX:
        raise InputError("the nudge's force does not fit a message of 24 bits; use a smaller nudge")
    for name, lo, hi in zip((p.name for p in chip.network.populations), chip.rules.offset, chip.rules.offset[1:]):
        own = force[int(lo) : int(hi)].astype(np.int64) * guard
        if not own.any():
            continue
        who = np.flatnonzero(own)
        halves = np.arange(schedule.half_periods)
        size = np.where(halves == 0, 1, np.where(halves % 2 == 1, -2, 2))
        times = schedule.free_steps + halves * schedule.nudge_steps + 1
        program.events(
            f"{name} (nudge)", int(hi - lo), np.repeat(times, who.size), np.tile(who, halves.size),
            (size[:, None] * own[None, who]).ravel(),
        )  # fmt: skip
        program.connect(f"{name} (nudge)", name, Direct(int(hi - lo)))
    return program
