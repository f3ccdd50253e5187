"""Does a problem's synaptic memory fit a Loihi 2 chip? Bounds that need no placement, by the mapper's limits.

A neuron's incoming synapses lie on its own core: ``copies`` synapses per neighbour (one per group of weights, and one
more for the suggestions of the two-phase scheme) of 24 bits each, or whole rows of 8 bits for every variable, and one
list header per sender and core. Sums over all neurons are a lower bound of what a placement needs. The cost integrator
is left out: it is spread over a tree of neurons where one does not hold all variables. `mappers.place` answers
exactly, core by core.
"""

from __future__ import annotations

import warnings

import numpy as np

from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError
from mappers.limits import load_system

__all__ = ["check_chip_memory", "chip_memory_problem"]

CORES = 128  #: of one chip, as in the limit of neurons
STATE_BYTES = 12  #: of an annealing neuron: three words


def chip_memory_problem(problem: Problem, copies: int) -> str | None:
    """One sentence on what does not fit one chip, or None.

    Args:
        copies: synapses stored per ordered pair of neighbours.
    """
    sparse = _misfit(problem, copies, dense=False)
    return None if sparse is None or _misfit(problem, copies, dense=True) is None else sparse


def _misfit(problem: Problem, copies: int, *, dense: bool) -> str | None:
    chip = load_system("oheo-gulch").chip
    n, m = problem.num_variables, problem.num_pairs
    room = chip.synaptic_bytes_per_core
    synapse = copies * (chip.weight_bits if dense else chip.sparse_synapse_bits) / 8

    def neuron(degree: int) -> float:
        return synapse * (n if dense else degree) + chip.axon_bytes * degree

    if neuron(min(n - 1, m)) > room:  # nobody has more neighbours than that
        degree = np.bincount(problem.rows, minlength=n) + np.bincount(problem.cols, minlength=n)
        most = int(degree.argmax())
        need = neuron(int(degree[most]))
        if need > room:
            return (
                f"variable {problem.labels[most]!r} has {int(degree[most])} neighbours, whose synapses take "
                f"{need / 1024:.1f} KiB of synaptic memory; a core of Loihi 2 has {room // 1024} KiB"
            )
    total = synapse * (n * n if dense else 2 * m) + chip.axon_bytes * min(n, 2 * m)
    chips = max(total / (CORES * room), (total + STATE_BYTES * n) / (CORES * (chip.memory_bytes_per_core or room)))
    if chips > 1:
        return (
            f"its synapses take at least {total / 2**20:.1f} MiB of synaptic memory; a chip of Loihi 2 has "
            f"{CORES * room / 2**20:.0f} MiB, so it needs {int(np.ceil(chips))} chips or more"
        )
    return None


def check_chip_memory(target: str, problem: Problem, scheme: str, groups: int) -> None:
    """Refuse what the chip cannot hold; on the simulations, which have no such limit, say so in a warning.

    Raises:
        InputError: ``target`` is the chip itself.
    """
    if target not in ("loihi2", "loihi2-sim", "lava-sim"):
        return
    text = chip_memory_problem(problem, groups + (scheme == "two-phase"))
    if text is None:
        return
    if target == "loihi2":
        raise InputError(f"the problem does not fit the chip: {text}")
    warnings.warn(f"the problem would not fit one chip: {text}. {target} runs it all the same", stacklevel=3)
