"""Place a program on a system: partition, check every limit, report the utilisation.

>>> from mappers import Connectivity, Group, place
>>> ring = Connectivity((Group("ring", "lif", 4),), indptr=[0, 1, 2, 3, 4], indices=[1, 2, 3, 0])
>>> place(ring, "oheo-gulch").utilisation.cores_used
1
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from mappers import partition_kernels as kernels
from mappers.connectivity import Connectivity
from mappers.limits import System, load_system
from mappers.partition import partition, partition_cores, synapse_bits_of
from mappers.utilisation import Link, Utilisation

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["DoesNotFitError", "Misfit", "Placement", "place"]


@dataclass(frozen=True)
class Misfit:
    """One limit that is broken: where, what, how much is needed, how much there is."""

    where: str
    what: str
    needed: int
    available: int

    @property
    def over(self) -> int:
        return self.needed - self.available


class DoesNotFitError(InputError):
    """The program does not fit the system; ``misfits`` says what, where and by how much."""

    def __init__(self, system: str, misfits: list[Misfit]) -> None:
        self.system = system
        self.misfits = tuple(sorted(misfits, key=lambda m: -m.needed / max(m.available, 1)))
        shown = "; ".join(
            f"{m.where} needs {m.needed:,} {m.what}, there are {m.available:,} ({m.over:,} too many)"
            for m in self.misfits[:3]
        )
        more = f"; and {len(misfits) - 3} more" if len(misfits) > 3 else ""
        super().__init__(f"the program does not fit {system}: {shown}{more}")

    def __reduce__(self) -> tuple[type[DoesNotFitError], tuple[str, list[Misfit]]]:
        return DoesNotFitError, (self.system, list(self.misfits))

    def table(self) -> Table:
        """Everything that does not fit, worst first."""
        from rich.table import Table

        table = Table("where", "what", "needed", "available", "over by", title=f"does not fit {self.system}")
        for m in self.misfits:
            table.add_row(m.where, m.what, f"{m.needed:,}", f"{m.available:,}", f"{m.over:,}")
        return table

    def as_dict(self) -> list[dict[str, Any]]:
        return [{**asdict(m), "over": m.over} for m in self.misfits]


@dataclass(frozen=True)
class Placement:
    """Where every neuron is. ``core`` (n,) is the core of each neuron, ``chip`` (cores,) the chip of each core."""

    system: System
    core: npt.NDArray[np.int32]
    chip: npt.NDArray[np.int32]
    utilisation: Utilisation

    @property
    def chip_of_neuron(self) -> npt.NDArray[np.int32]:
        return self.chip[self.core]


def place(
    network: Connectivity, system: System | str = "oheo-gulch", *, core: npt.ArrayLike | None = None, passes: int = 4
) -> Placement:
    """Place ``network`` on ``system``.

    Args:
        network: groups and synapses.
        system: a `System` or its name (`mappers.list_systems`).
        core: (n,) a core for every neuron chosen by the caller, instead of our partition.
        passes: rounds of improving the partition.

    Raises:
        DoesNotFitError: with the whole list of broken limits.
        InputError: ``core`` is not one core number per neuron.
    """
    if isinstance(system, str):
        system = load_system(system)
    chip_limits = system.chip
    given = partition(network, chip_limits, passes=passes) if core is None else _checked(core, network.neurons)
    cores = int(given.max()) + 1
    group_of = network.group_of()
    synapses, fan_in, fan_out, local, senders, receivers, axons = kernels.axons(
        network.neurons, cores, given, network.indptr, network.indices
    )
    kernels.add_outside(given, network.outside_indptr, network.outside_indices, synapses, fan_in)
    chip = partition_cores(cores, senders, receivers, axons, system.cores_per_chip)

    words = np.array([group.state_words for group in network.groups], np.int64)
    bits = np.array([synapse_bits_of(group, chip_limits) for group in network.groups], np.int64)
    stored = np.zeros(cores, np.int64)  # bits of synapses; a core may hold several groups when the caller chose
    for indices in (network.indices, network.outside_indices):
        np.add.at(stored, given[indices], bits[group_of[indices]])
    state = 4 * np.bincount(given, weights=words[group_of], minlength=cores).astype(np.int64)
    crosses = chip[senders] != chip[receivers]
    use = Utilisation(
        system=system.title,
        chips=system.chips,
        cores=system.cores,
        groups=tuple(group.name for group in network.groups),
        group=_first_group(given, group_of, cores),
        chip=chip,
        neurons=np.bincount(given, minlength=cores).astype(np.int64),
        synapses=synapses,
        state_bytes=state,
        synaptic_bytes=-(-stored // 8) + chip_limits.axon_bytes * fan_in,
        fan_in=fan_in,
        fan_out=fan_out,
        local=local,
        limits={
            "neurons": chip_limits.neurons_per_core,
            "synaptic_bytes": chip_limits.synaptic_bytes_per_core,
            "state_bytes": chip_limits.state_bytes_per_core or chip_limits.memory_bytes_per_core,
            "fan_in": chip_limits.fan_in_axons_per_core,
            "fan_out": chip_limits.fan_out_axons_per_core,
        },
        heaviest_link=_heaviest(senders, receivers, axons),
        heaviest_chip_link=_heaviest(chip[senders[crosses]], chip[receivers[crosses]], axons[crosses], merge=True),
        between_chips=int(axons[crosses].sum()),
    )
    misfits = _misfits(use, system, given, group_of)
    if misfits:
        raise DoesNotFitError(system.title, misfits)
    return Placement(system, given, chip, use)


def _misfits(
    use: Utilisation, system: System, core: npt.NDArray[np.int32], group_of: npt.NDArray[np.int32]
) -> list[Misfit]:
    found = []
    if use.cores_used > use.cores:
        found.append(Misfit(f"the program ({int(use.neurons.sum()):,} neurons)", "cores", use.cores_used, use.cores))
    columns = {
        "neurons": (use.neurons, system.chip.neurons_per_core),
        "bytes of synaptic memory": (use.synaptic_bytes, system.chip.synaptic_bytes_per_core),
        "bytes of neuron state": (use.state_bytes, system.chip.state_bytes_per_core),
        "bytes of memory": (use.state_bytes + use.synaptic_bytes, system.chip.memory_bytes_per_core),
        "incoming axons": (use.fan_in, system.chip.fan_in_axons_per_core),
        "outgoing axons": (use.fan_out, system.chip.fan_out_axons_per_core),
    }
    groups_on = np.unique(core.astype(np.int64) * (int(group_of.max()) + 1) + group_of)
    counts = np.bincount((groups_on // (int(group_of.max()) + 1)).astype(np.int64), minlength=use.cores_used)
    columns["neuron groups"] = (counts.astype(np.int64), system.chip.neuron_groups_per_core)
    for what, (values, limit) in columns.items():
        if limit is not None:
            for c in np.flatnonzero(values > limit):
                name = f"core {int(c)} ({use.groups[use.group[c]]}, {int(use.neurons[c]):,} neurons)"
                found.append(Misfit(name, what, int(values[c]), limit))
    return found


def _checked(core: npt.ArrayLike, n: int) -> npt.NDArray[np.int32]:
    given = np.asarray(core)
    if given.shape != (n,) or given.dtype.kind not in "iu" or (n and given.min() < 0):
        raise InputError(f"core must hold one core number of zero or more for each of {n} neurons, got {given!r}")
    return given.astype(np.int32)


def _first_group(core: npt.NDArray[np.int32], group_of: npt.NDArray[np.int32], cores: int) -> npt.NDArray[np.int32]:
    first = np.zeros(cores, np.int32)
    first[core[::-1]] = group_of[::-1]
    return first


def _heaviest(
    senders: npt.NDArray[np.int32], receivers: npt.NDArray[np.int32], axons: npt.NDArray[np.int64], merge: bool = False
) -> Link | None:
    if not axons.size:
        return None
    if merge:
        width = int(max(senders.max(), receivers.max())) + 1
        keys, where = np.unique(senders.astype(np.int64) * width + receivers, return_inverse=True)
        senders, receivers = (keys // width).astype(np.int32), (keys % width).astype(np.int32)
        axons = np.bincount(where, weights=axons).astype(np.int64)
    top = int(np.argmax(axons))
    return Link(int(senders[top]), int(receivers[top]), int(axons[top]))
