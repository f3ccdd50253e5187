"""One sample of the network as a program: what the generic engine, Lava on a CPU and the chip itself run.

The batched kernel and this program are two roads to the same integers; the parity tests walk both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hw_profiles.errors import InputError
from substrates.loihi2.neurons import PhasedRelaxation, Relaxation, SigmaDelta
from substrates.loihi2.neurons.base import Neuron
from substrates.loihi2.program import Program
from substrates.loihi2.relaxation.chip_network import ChipNetwork, check_network
from substrates.loihi2.relaxation.layout import Int32, States, activities_of
from substrates.loihi2.relaxation.pattern import stored_sparse
from substrates.loihi2.relaxation.phases import PhaseSchedule
from substrates.loihi2.synapses import Dense, Direct, Sparse
from substrates.loihi2.weights import SignMode

__all__ = ["program_of"]


def program_of(
    chip: ChipNetwork,
    states: States,
    sample: int,
    nudge: Int32 | None = None,
    *,
    phases: PhaseSchedule | None = None,
) -> Program:
    """The program that goes on from ``states`` of one sample.

    Input currents are part of ``states.current`` (their messages came one step before the first); messages still on
    their way are delivered in the first step. A mixed-sign mantissa m is stored as 2 m with an exponent one lower, as
    the chip's format asks.

    Args:
        chip: the stored network.
        states: of a batch, e.g. ``equilibrium.state.states``.
        sample: which row of the batch.
        nudge: (neurons,) constant force in the units of u; None for a free phase.
        phases: build relaxation neurons that know this schedule and keep their response (`PhasedRelaxation`); Lava's
            sigma-delta neuron cannot, and stays as it is.

    Raises:
        InputError: an exponent outside the chip's -8 to 7.
    """
    program, offset = Program(), chip.rules.offset
    names = [p.name for p in chip.network.populations]
    bias = chip.bias.astype(np.int64) + (0 if nudge is None else nudge)
    arriving = _arriving(chip, states.pending[sample])
    activity = activities_of(states.u[sample : sample + 1], chip.rules)[0]
    for p, (name, rule) in enumerate(zip(names, check_network(chip.network, chip.settings))):
        own = slice(int(offset[p]), int(offset[p + 1]))
        neuron, initial = _neuron(chip, rule, bias[own], states, sample, own, activity[own], phases)
        program.population(name, own.stop - own.start, neuron, **initial)
        program.source(f"{name} (under way)", arriving[None, own])
        program.connect(f"{name} (under way)", name, Direct(own.stop - own.start))
    for c in chip.recurrent_couplings:
        exponent = c.exponent + chip.settings.guard_bits - 1
        if not -8 <= exponent <= 7:
            raise InputError(f"a coupling needs the exponent {exponent}, the chip has -8 to 7; rescale its weights")
        doubled = 2 * c.mantissas.astype(np.int64)
        kind = Sparse if stored_sparse(c) else Dense
        synapses = kind(doubled, exponent=exponent, sign_mode=SignMode.MIXED, graded=True)
        program.connect(names[c.source], names[c.target], synapses)
    return program


def _neuron(
    chip: ChipNetwork,
    rule: str,
    bias: Int32,
    states: States,
    sample: int,
    own: slice,
    activity: Int32,
    phases: PhaseSchedule | None,
) -> tuple[Neuron, dict[str, Int32]]:
    s = chip.settings
    current, sent = states.current[sample, own], states.sent[sample, own]
    if s.variant == "sigma-delta":
        neuron: Neuron = SigmaDelta(vth=s.threshold_units, bias=bias, activation="relu")
        return neuron, {"sigma": current, "act": activity, "residue": activity - sent}
    rules: dict[str, Any] = {
        "activation": rule,
        "bias": bias,
        "damping": s.damping_shift,
        "threshold": s.threshold_units,
        "message_shift": s.fraction_bits - s.message_bits,
        "guard_bits": s.guard_bits,
        "fraction_bits": s.fraction_bits,
    }
    if phases is None:
        neuron = Relaxation(**rules)
    else:
        neuron = PhasedRelaxation(
            **rules, free_steps=phases.free_steps, nudge_steps=phases.nudge_steps,
            periods=phases.periods, skip=phases.skip,
        )  # fmt: skip
    remainder, u = states.remainder[sample, own], states.u[sample, own]
    return neuron, {"current": current, "remainder": remainder, "u": u, "sent": sent}


def _arriving(chip: ChipNetwork, pending: Int32) -> Int32:
    """Sums that the messages of the step before make in the first step."""
    total, offset = np.zeros(chip.num_neurons, np.int64), chip.rules.offset
    for c in chip.recurrent_couplings:
        sums = c.mantissas.astype(np.int64) @ pending[offset[c.source] : offset[c.source + 1]].astype(np.int64)
        shift = -(c.exponent + chip.settings.guard_bits)
        total[offset[c.target] : offset[c.target + 1]] += sums >> shift if shift >= 0 else sums << -shift
    return total.astype(np.int32)
