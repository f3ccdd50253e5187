"""From the kernel's tallies to the ledger: what happened, by layer and phase."""

from __future__ import annotations

import numpy as np

from hw_profiles.ledger import Component, Event, Ledger, Phase
from substrates.loihi2.relaxation.chip_network import ChipNetwork
from substrates.loihi2.relaxation.layout import Int64, Tally

__all__ = ["count_input", "count_relaxation"]


def count_input(ledger: Ledger, chip: ChipNetwork, messages: Int64) -> None:
    """Injecting a batch: the host writes each non-zero value once, one step before the first."""
    sent = int(messages.sum())
    ledger.add(Event.HOST_WRITES, sent, component=Component.HOST, layer="input", phase=Phase.FREE)
    ledger.add(Event.MESSAGES, sent, component=Component.SOURCES, layer="input", phase=Phase.FREE)
    ledger.add(Event.STEPS, len(messages), component=Component.MACHINE, phase=Phase.FREE)
    for c in chip.input_couplings:
        layer = chip.network.populations[c.target].name
        operations = sent * c.mantissas.shape[0]
        ledger.add(Event.SYNAPTIC_OPERATIONS, operations, component=Component.SYNAPSES, layer=layer, phase=Phase.FREE)
        ledger.add(
            Event.SYNAPTIC_MEMORY_READS, _words(operations), component=Component.SYNAPSES, layer=layer, phase=Phase.FREE
        )


def count_relaxation(ledger: Ledger, chip: ChipNetwork, tally: Tally, phase: Phase) -> None:
    """A phase. Samples run one after another on a chip, so their steps add up.

    ``MESSAGES`` are counted by the layer that sends, ``SYNAPTIC_OPERATIONS`` by the layer that receives. A neuron
    update is active when the neuron sends. At the end of a phase the host reads every activity.
    """
    steps = int(tally.steps.sum())
    sent = tally.messages.sum(axis=0)
    ledger.add(Event.STEPS, steps, component=Component.MACHINE, phase=phase)
    for p, population in enumerate(chip.network.populations):
        active = int(sent[p])
        for event, number in (
            (Event.MESSAGES, active),
            (Event.NEURON_UPDATES_ACTIVE, active),
            (Event.NEURON_UPDATES_INACTIVE, steps * population.size - active),
        ):
            ledger.add(event, number, component=Component.NEURONS, layer=population.name, phase=phase)
        reads = len(tally.steps) * population.size
        ledger.add(Event.HOST_READS, reads, component=Component.HOST, layer=population.name, phase=phase)
    for c in chip.recurrent_couplings:
        layer = chip.network.populations[c.target].name
        operations = int(sent[c.source]) * c.mantissas.shape[0]
        ledger.add(Event.SYNAPTIC_OPERATIONS, operations, component=Component.SYNAPSES, layer=layer, phase=phase)
        ledger.add(
            Event.SYNAPTIC_MEMORY_READS, _words(operations), component=Component.SYNAPSES, layer=layer, phase=phase
        )


def _words(operations: int | np.int64) -> int:
    """64-bit words of synaptic memory holding that many 8-bit weights."""
    return -(-int(operations) // 8)
