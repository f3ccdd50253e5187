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
    on_cores,
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


def test_work_is_split_over_a_layers_cores_to_the_last_count() -> None:
    network = layered_connectivity([2, 3, 2])
    placement = place(network, "oheo-gulch", core=[0, 0, 1, 1, 2, 3, 3])
    ledger = Ledger()
    ledger.add(Event.NEURON_UPDATES_ACTIVE, 100, component="neurons", layer="l1", phase="free")
    ledger.add(Event.SYNAPTIC_OPERATIONS, 7, layer="out", phase="free")
    ledger.add(Event.STEPS, 5, phase="free")
    ledger.add(Event.SYNAPTIC_OPERATIONS, 4, layer="l1", core=9, phase="free")  # somewhere else by its own account
    placed = on_cores(ledger, network, placement)
    assert placed.totals() == ledger.totals()
    assert [placed.total(Event.NEURON_UPDATES_ACTIVE, core=core) for core in (1, 2)] == [66, 34]
    assert placed.total(Event.SYNAPTIC_OPERATIONS, core=3) == 7
    assert placed.total(Event.SYNAPTIC_OPERATIONS, core=9) == 4
    assert placed.total(Event.STEPS, core=-1) == 5


def test_bad_sizes() -> None:
    with pytest.raises(InputError):
        place_network([5])
