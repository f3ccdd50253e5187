"""Cut a network into cores so that few messages leave them: grow cores breadth first, then move neurons.

A message goes once to every core that holds one of its receivers, so what counts is the number of (sender, receiving
core) pairs. Growing keeps neighbours together; each pass of moving (size-constrained label propagation, Meyerhenke,
Sanders and Schulz, SEA 2014) sends a neuron to the core most of its synapses touch, if there is room. Both are linear
in the number of synapses. A pass is kept only if the number of pairs fell.

A core holds neurons of one group only: one neuron program and parameter set each, as published compile reports show.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from mappers import partition_kernels as kernels
from mappers.connectivity import Connectivity, Group
from mappers.limits import ChipLimits

__all__ = ["neurons_that_fit", "partition", "partition_cores"]

_NO_LIMIT = 2**62


def neurons_that_fit(group: Group, chip: ChipLimits) -> int:
    """Neurons of ``group`` that one core holds, by count and by state memory alone."""
    fit = chip.neurons_per_core
    state = chip.state_bytes_per_core or chip.memory_bytes_per_core
    if state is not None and group.state_words:
        fit = min(fit, state // (4 * group.state_words))
    return fit


def synaptic_bytes_for(group: Group, neurons: int, chip: ChipLimits) -> int:
    """Bytes that synapses may take on a core with ``neurons`` neurons of ``group``."""
    limit = chip.synaptic_bytes_per_core
    if chip.memory_bytes_per_core is not None:
        limit = min(limit, chip.memory_bytes_per_core - 4 * group.state_words * neurons)
    return max(limit, 0)


def synapse_bits_of(group: Group, chip: ChipLimits) -> int:
    """Memory of one stored synapse onto ``group``."""
    return chip.weight_bits if group.dense else chip.sparse_synapse_bits


def partition(network: Connectivity, chip: ChipLimits, *, passes: int = 4) -> npt.NDArray[np.int32]:
    """Return the core of every neuron, (n,) int32, cores numbered from 0 without gaps.

    Args:
        network: the program's groups and synapses.
        chip: limits of one core. A neuron that alone breaks them gets a core of its own; `mappers.place` reports it.
        passes: rounds of moving neurons after growing.
    """
    n = network.neurons
    out_ptr, out_idx = network.indptr, network.indices
    # Senders outside are numbered on from n and have no core.
    fan_out = np.concatenate((np.diff(out_ptr), np.diff(network.outside_indptr)))
    senders = np.repeat(np.arange(n + network.outside), fan_out)
    receivers = np.concatenate((out_idx, network.outside_indices)).astype(np.int64)
    in_ptr, in_idx = kernels.by_first(receivers, senders, n)
    core = np.full(n + network.outside, -1, np.int32)
    mark, queue = np.full(n + network.outside, -1, np.int64), np.empty(n, np.int32)
    queued = np.zeros(n, np.int32)
    axon_bits = 8 * chip.axon_bytes
    max_axons = chip.fan_in_axons_per_core or _NO_LIMIT
    spans: list[tuple[int, int, int, int, int, int, int]] = []
    next_core = 0
    for number, group in enumerate(network.groups):
        first, last = int(network.starts[number]), int(network.starts[number + 1])
        fit = max(1, min(neurons_that_fit(group, chip), last - first))
        # state and synapses may share one memory: ask for as many neurons as the synapses leave room for
        degree = (in_ptr[last] - in_ptr[first]) / max(last - first, 1)
        bits = synapse_bits_of(group, chip)
        if chip.memory_bytes_per_core is not None:
            each = 4 * group.state_words + degree * bits / 8
            fit = max(1, min(fit, int(chip.memory_bytes_per_core / max(each, 1e-9))))
        # equal shares rather than full cores and one crumb: the slowest core sets the step time
        pieces = -(-(last - first) // fit)
        fit = -(-(last - first) // pieces)
        most = max(fit, min(neurons_that_fit(group, chip), fit + fit // 50))  # slack lets neurons change places
        room = synaptic_bytes_for(group, most, chip)
        start = next_core
        next_core = kernels.grow(
            first, last, start, core, in_ptr, in_idx, out_ptr, out_idx, fit, room, max_axons, bits, axon_bits,
            mark, queue, queued,
        )  # fmt: skip
        spans.append((first, last, start, next_core, most, room, bits))
    weight = np.zeros(next_core, np.int64)
    synapses, fan_in, fan_out = _loads(network, core, next_core)
    for _ in range(passes):
        moved = core.copy()
        count = np.bincount(moved[:n], minlength=next_core).astype(np.int64)
        moves = 0
        for first, last, start, end, most, room, bits in spans:
            if end - start > 1:
                used = synapses * bits + fan_in * axon_bits
                moves += kernels.refine(
                    first, last, start, end, moved, in_ptr, in_idx, out_ptr, out_idx, most, 8 * room,
                    max_axons, bits, axon_bits, count, used, fan_in, weight,
                )  # fmt: skip
        if not moves:
            break
        best = int(fan_out.sum())
        synapses, fan_in, fan_out = _loads(network, moved, next_core)
        if int(fan_out.sum()) >= best:
            break
        core = moved
    return core[:n].copy()


def _loads(
    network: Connectivity, core: npt.NDArray[np.int32], cores: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(cores,) synapses stored, axons in and axons out, senders outside included."""
    synapses, fan_in, fan_out, *_ = kernels.axons(network.neurons, cores, core, network.indptr, network.indices)
    kernels.add_outside(core, network.outside_indptr, network.outside_indices, synapses, fan_in)
    return synapses, fan_in, fan_out


def partition_cores(
    cores: int,
    senders: npt.NDArray[np.int32],
    receivers: npt.NDArray[np.int32],
    axons: npt.NDArray[np.int64],
    cores_per_chip: int,
) -> npt.NDArray[np.int32]:
    """Put cores on chips: heavy links first, so that talkative cores share a chip. Returns (cores,) chip numbers."""
    chip = np.full(cores, -1, np.int32)
    if cores <= cores_per_chip:
        chip[:] = 0
        return chip
    traffic = sparse.csr_matrix((axons, (senders, receivers)), shape=(cores, cores))
    traffic = (traffic + traffic.T).tocsr()
    number = 0
    for seed in range(cores):
        if chip[seed] >= 0:
            continue
        pull = np.zeros(cores, np.int64)
        pull[seed] = 1
        for _ in range(cores_per_chip):
            # among the cores that are free, the one this chip talks to most (lowest number on a tie)
            candidate = int(np.argmax(np.where(chip < 0, pull, -1)))
            if chip[candidate] >= 0:
                break
            chip[candidate] = number
            row = slice(traffic.indptr[candidate], traffic.indptr[candidate + 1])
            pull[traffic.indices[row]] += traffic.data[row]
        number += 1
    return chip
