"""The network on the chip as a program without weights: for placing it, and for counting what the kernel did.

One sample's program with its weights is `export.program_of`; both store a coupling alike.
"""

from __future__ import annotations

import numpy as np

from substrates.loihi2.neurons import Relaxation, SigmaDelta
from substrates.loihi2.program import Program
from substrates.loihi2.relaxation.chip_network import ChipNetwork, StoredCoupling, check_network
from substrates.loihi2.synapses import Pattern
from substrates.network import INPUT

__all__ = ["INPUTS", "pattern_program", "stored_sparse"]

INPUTS = "input"  #: the source of the input's messages

#: a coupling with a smaller share of weights that are not zero becomes Sparse synapses: it takes less memory there
SPARSE_BELOW = 0.3


def stored_sparse(coupling: StoredCoupling) -> bool:
    """Whether only the weights that are not zero are stored."""
    mantissas = coupling.mantissas
    return 0 < int(np.count_nonzero(mantissas)) < SPARSE_BELOW * mantissas.size


def pattern_program(chip: ChipNetwork) -> Program:
    """Populations, the input as a source, and where every stored coupling leads."""
    program = Program()
    names = [population.name for population in chip.network.populations]
    rules = check_network(chip.network, chip.settings)
    for population, rule in zip(chip.network.populations, rules, strict=True):
        sigma_delta = chip.settings.variant == "sigma-delta"
        program.population(population.name, population.size, SigmaDelta() if sigma_delta else Relaxation(rule))
    inputs = int(np.prod(chip.network.input_shape))
    program.events(INPUTS, inputs, [], [], [])
    for coupling in chip.couplings:
        source = INPUTS if coupling.source == INPUT else names[coupling.source]
        rows = None
        if stored_sparse(coupling):
            by_source = coupling.mantissas.T != 0
            pointers = np.concatenate([[0], np.cumsum(by_source.sum(axis=1))]).astype(np.int64)
            rows = pointers, np.nonzero(by_source)[1].astype(np.int32)
        program.connect(
            source, names[coupling.target], Pattern((coupling.mantissas.shape[0], coupling.mantissas.shape[1]), rows)
        )
    return program
