"""Placement of layered networks: sizes, limits, deliveries counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger
from mappers import DoesNotFitError, load_system, place
from mappers.network_placement import (
    core_traffic,
    largest_network,
    layered_connectivity,
    network_connectivity,
    place_network,
    with_deliveries,
)
from substrates.network import layered


def test_sizes_and_synapses() -> None:
    sizes = [7, 5, 4, 3]
    network = layered_connectivity(sizes)
    assert network.neurons == sum(sizes)
    assert network.synapses == 7 * 5 + 2 * 5 * 4 + 2 * 4 * 3
    assert layered_connectivity(sizes, inputs=False).synapses == 2 * 5 * 4 + 2 * 4 * 3


def test_the_torch_network_has_the_same_connectivity() -> None:
    one, other = network_connectivity(layered([7, 5, 4, 3])), layered_connectivity([7, 5, 4, 3])
    assert one.synapses == other.synapses
    np.testing.assert_array_equal(one.indptr, other.indptr)
    np.testing.assert_array_equal(one.indices, other.indices)


def test_the_reference_network_fits_one_chip() -> None:
    use = place_network([784, 256, 256, 10]).utilisation
    assert use.chips_used == 1
    # 337,408 dense 8-bit synapses need at least three cores of 128 KB.
    assert 3 <= use.cores_used < 20


def test_the_largest_network_fits_and_the_next_does_not() -> None:
    small = replace(load_system("oheo-gulch"), cores_per_chip=12)
    sizes, placement = largest_network(100, 10, small, step=64)
    assert placement.utilisation.cores_used > 6
    wider = [100, sizes[1] + 64, sizes[2] + 64, 10]
    with pytest.raises(DoesNotFitError):
        place_network(wider, small)


def test_deliveries_are_counted_once_per_core() -> None:
    network = layered_connectivity([2, 2, 2])
    placement = place(network, "oheo-gulch", core=[0, 0, 1, 2, 2, 2])
    traffic = core_traffic(network, placement)
    assert traffic.within_core["input"] == 0
    assert traffic.between_cores["input"] == 2  # l1 sits on cores 1 and 2
    assert traffic.between_cores["l1"] == 0.5  # one neuron reaches core 2 from core 1, the other from core 2
    assert traffic.within_core["l1"] == 0.5
    ledger = Ledger()
    ledger.add(Event.MESSAGES, 10, component="neurons", layer="input", phase="free")
    assert with_deliveries(ledger, traffic).total(Event.MESSAGES_BETWEEN_CORES, layer="input") == 20


def test_bad_sizes() -> None:
    with pytest.raises(InputError):
        place_network([5])
