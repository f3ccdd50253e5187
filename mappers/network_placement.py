"""Where a layered network goes on a chip: connectivity from sizes, placement, and the largest network that fits.

>>> from mappers.network_placement import place_network
>>> place_network([784, 256, 256, 10], "oheo-gulch").utilisation.chips_used
1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger
from mappers.connectivity import Connectivity, Group
from mappers.limits import System
from mappers.placement import DoesNotFitError, Placement, place

if TYPE_CHECKING:
    from substrates.network import Network

__all__ = [
    "CoreTraffic",
    "core_traffic",
    "largest_network",
    "layered_connectivity",
    "network_connectivity",
    "on_cores",
    "place_network",
    "with_deliveries",
]

#: current, remainder, u, sent, bias, response
STATE_WORDS = 6


def layered_connectivity(sizes: Sequence[int], *, model: str = "relaxation", inputs: bool = True) -> Connectivity:
    """Connectivity of ``sizes[0]-...-sizes[-1]`` with feedback between neighbouring populations.

    Args:
        sizes: input, hidden and output sizes.
        model: of the neurons; the sigma-delta variant has four state words.
        inputs: keep the input as relay neurons on the chip; otherwise messages come from outside.
    """
    words = STATE_WORDS if model == "relaxation" else 4
    names = ["input", *(f"l{i}" for i in range(1, len(sizes) - 1)), "out"]
    first = 0 if inputs else 1
    ends = [(i, i + 1) for i in range(first, len(sizes) - 1)] + [(i + 1, i) for i in range(1, len(sizes) - 1)]
    groups = tuple(
        Group(name, "relay" if name == "input" else model, int(n), 1 if name == "input" else words, dense=True)
        for name, n in zip(names[first:], sizes[first:])
    )
    return _connect(groups, [(a - first, b - first) for a, b in ends])


def network_connectivity(network: Network, *, model: str = "relaxation") -> Connectivity:
    """Connectivity of a torch network with dense couplings, its input as relay neurons."""
    words = STATE_WORDS if model == "relaxation" else 4
    groups = (Group("input", "relay", int(np.prod(network.input_shape)), 1, dense=True),) + tuple(
        Group(p.name, model, p.size, words, dense=True) for p in network.populations
    )
    return _connect(groups, [(c.source + 1, c.target + 1) for c in network.couplings])


def _connect(groups: tuple[Group, ...], ends: list[tuple[int, int]]) -> Connectivity:
    """Dense synapses between groups, in rows by sending neuron."""
    sizes = [g.size for g in groups]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    rows: list[npt.NDArray[np.int32]] = []
    degrees = np.zeros(int(starts[-1]), np.int64)
    for source in range(len(groups)):
        targets = sorted(b for a, b in ends if a == source)
        row = np.concatenate([np.arange(starts[t], starts[t + 1], dtype=np.int32) for t in targets] or [_NONE])
        degrees[starts[source] : starts[source + 1]] = row.size
        rows.append(np.tile(row, sizes[source]))
    indptr = np.concatenate([[0], np.cumsum(degrees)])
    return Connectivity(groups, indptr, np.concatenate(rows))


_NONE = np.zeros(0, np.int32)


def place_network(
    sizes: Sequence[int], system: System | str = "oheo-gulch", *, model: str = "relaxation", inputs: bool = True
) -> Placement:
    """Place a layered network.

    Raises:
        InputError: fewer than two sizes, or a size below one.
        DoesNotFitError: what does not fit, and by how much.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise InputError(f"layers {'-'.join(map(str, sizes))}: expected at least an input and an output, all above 0")
    return place(layered_connectivity(sizes, model=model, inputs=inputs), system)


def largest_network(
    inputs: int, outputs: int, system: System | str = "oheo-gulch", *, hidden_layers: int = 2, step: int = 32
) -> tuple[list[int], Placement]:
    """The widest network with equal hidden layers (a multiple of ``step``) that the system holds.

    Raises:
        DoesNotFitError: not even the narrowest fits.
    """

    def sizes(width: int) -> list[int]:
        return [inputs, *[width * step] * hidden_layers, outputs]

    best = place_network(sizes(1), system)
    low, high = 1, 2
    while (tried := _try(sizes(high), system)) is not None:
        best, low, high = tried, high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        tried = _try(sizes(middle), system)
        if tried is None:
            high = middle
        else:
            best, low = tried, middle
    return sizes(low), best


def _try(sizes: list[int], system: System | str) -> Placement | None:
    try:
        return place_network(sizes, system)
    except DoesNotFitError:
        return None


@dataclass(frozen=True)
class CoreTraffic:
    """Deliveries that one message of a population makes, averaged over its neurons.

    A message goes once to every core that holds a target of the neuron.
    """

    within_core: dict[str, float]
    between_cores: dict[str, float]
    between_chips: dict[str, float]


def core_traffic(network: Connectivity, placement: Placement) -> CoreTraffic:
    """Mean deliveries per message, by population and distance."""
    core, chip = placement.core, placement.chip
    within: dict[str, float] = {}
    cores: dict[str, float] = {}
    chips: dict[str, float] = {}
    for g, group in enumerate(network.groups):
        counts = np.zeros(3)
        for i in range(int(network.starts[g]), int(network.starts[g + 1])):
            reached = np.unique(core[network.indices[network.indptr[i] : network.indptr[i + 1]]])
            same = reached == core[i]
            near = chip[reached] == chip[core[i]]
            counts += [same.sum(), (near & ~same).sum(), (~near).sum()]
        within[group.name], cores[group.name], chips[group.name] = (float(c) / group.size for c in counts)
    return CoreTraffic(within, cores, chips)


def with_deliveries(ledger: Ledger, traffic: CoreTraffic) -> Ledger:
    """``ledger`` with deliveries within and between cores added, from its messages and the mean traffic."""
    result = Ledger(ledger)
    for key in ledger:
        if key.event != Event.MESSAGES:
            continue
        for event, per_message in (
            (Event.MESSAGES_WITHIN_CORE, traffic.within_core),
            (Event.MESSAGES_BETWEEN_CORES, traffic.between_cores),
            (Event.MESSAGES_BETWEEN_CHIPS, traffic.between_chips),
        ):
            count = round(ledger[key] * per_message.get(key.layer, 0.0))
            result.add(event, count, component=key.component, layer=key.layer, core=key.core, phase=key.phase)
    return result


#: events of a layer's own cores: neurons step where they are, synapses are stored beside the neurons they lead to
_LOCAL = (
    Event.SYNAPTIC_OPERATIONS,
    Event.SYNAPTIC_MEMORY_READS,
    Event.SYNAPTIC_UPDATES,
    Event.NEURON_UPDATES_ACTIVE,
    Event.NEURON_UPDATES_INACTIVE,
)


def on_cores(ledger: Ledger, network: Connectivity, placement: Placement) -> Ledger:
    """``ledger`` with the work of each layer's cores split over them, in proportion to the neurons each core holds.

    Totals stay exactly as they are. The split is even by assumption: which neurons of a layer were busier is not told.
    """
    shares: dict[str, dict[int, int]] = {}
    for g, group in enumerate(network.groups):
        held, sizes = np.unique(placement.core[int(network.starts[g]) : int(network.starts[g + 1])], return_counts=True)
        shares[group.name] = {int(core): int(size) for core, size in zip(held, sizes)}
    result = Ledger()
    for key, count in ledger.items():
        cores = shares.get(key.layer) if key.core < 0 and key.event in _LOCAL else None
        if cores is None:
            result.merge(Ledger({key: count}))
            continue
        neurons, given, before = sum(cores.values()), 0, 0
        for core, size in cores.items():
            before += size
            part = count * before // neurons - given
            given += part
            result.merge(Ledger({key._replace(core=core): part}))
    return result
