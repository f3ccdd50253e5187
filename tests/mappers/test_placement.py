"""Placement: every neuron on one core, no limit broken, counts that agree with a plain count, misfits named."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw_profiles.errors import InputError
from mappers import Connectivity, DoesNotFitError, Group, list_systems, load_system, place
from mappers.partition import partition, partition_cores
from mappers.partition_kernels import axons


def network(sizes: list[int], synapses: int, seed: int = 0, state_words: int = 2) -> Connectivity:
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    source = np.sort(rng.integers(0, n, synapses))
    groups = tuple(Group(f"g{i}", "lif", size, state_words) for i, size in enumerate(sizes))
    return Connectivity(groups, np.searchsorted(source, np.arange(n + 1)), rng.integers(0, n, synapses))


def grid(side: int, reach: int = 3, k: int = 8) -> Connectivity:
    """Neurons on a torus; each sends to k random neighbours."""
    rng = np.random.default_rng(1)
    source = np.repeat(np.arange(side * side), k)
    x = (source % side + rng.integers(-reach, reach + 1, source.size)) % side
    y = (source // side + rng.integers(-reach, reach + 1, source.size)) % side
    return Connectivity((Group("grid", "lif", side * side),), np.arange(side * side + 1) * k, y * side + x)


@settings(deadline=None, max_examples=15)
@given(
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=4),
    synapses=st.integers(0, 4000),
    system=st.sampled_from(["nahuku", "oheo-gulch", "hala-point"]),
    seed=st.integers(0, 100),
)
def test_counts_agree_with_a_plain_count(sizes: list[int], synapses: int, system: str, seed: int) -> None:
    net = network(sizes, synapses, seed)
    placed = place(net, system)
    use = placed.utilisation
    core = placed.core
    pairs = {
        (i, int(core[j])) for i in range(net.neurons) for j in net.indices[net.indptr[i] : net.indptr[i + 1]].tolist()
    }
    assert use.between_cores == sum(core[i] != c for i, c in pairs)
    assert int(use.local.sum()) == sum(core[i] == c for i, c in pairs)
    assert use.fan_in.tolist() == [sum(c == target for _, target in pairs) for c in range(use.cores_used)]
    assert use.neurons.tolist() == np.bincount(core, minlength=use.cores_used).tolist()
    assert use.synapses.sum() == synapses
    assert set(core.tolist()) == set(range(use.cores_used))  # no gaps
    groups = net.group_of()
    assert all(len(set(groups[core == c].tolist())) == 1 for c in range(use.cores_used))  # one program per core


@pytest.mark.parametrize("system", list_systems())
def test_no_limit_is_broken_and_the_load_is_even(system: str) -> None:
    net = grid(100)
    use = place(net, system).utilisation
    chip = load_system(system).chip
    assert (use.neurons <= chip.neurons_per_core).all()
    assert (use.synaptic_bytes <= chip.synaptic_bytes_per_core).all()
    if use.cores_used > 1:
        assert use.neurons.max() <= 2 * use.neurons.mean()


def test_the_partition_keeps_neighbours_together() -> None:
    net = grid(100)
    chip = load_system("nahuku").chip

    def leaving(core: np.ndarray) -> int:
        core = core.astype(np.int32)
        return int(axons(net.neurons, int(core.max()) + 1, core, net.indptr, net.indices)[2].sum())

    grown, refined = partition(net, chip, passes=0), partition(net, chip, passes=4)
    cores = int(refined.max()) + 1
    scattered = np.random.default_rng(0).permutation(net.neurons) % cores
    rows = np.arange(net.neurons) * cores // net.neurons
    assert leaving(refined) <= leaving(grown)
    assert leaving(refined) < 0.3 * leaving(scattered)
    assert leaving(refined) < 1.1 * leaving(rows)


def test_talkative_cores_share_a_chip() -> None:
    """Two clusters that do not know each other: with room for one per chip, no message leaves a chip."""
    senders = np.array([0, 2, 1, 3, 2, 3], np.int32)
    receivers = np.array([2, 0, 3, 1, 0, 1], np.int32)
    chip = partition_cores(4, senders, receivers, np.array([5, 5, 5, 5, 1, 1], np.int64), 2)
    assert chip[0] == chip[2] != chip[1] == chip[3]


def test_same_input_same_placement() -> None:
    np.testing.assert_array_equal(place(grid(60), "nahuku").core, place(grid(60), "nahuku").core)


def test_misfits_say_what_where_and_by_how_much() -> None:
    everyone_to_one = Connectivity((Group("hub", "lif", 50_000),), np.arange(50_001), np.zeros(50_000, np.int32))
    with pytest.raises(DoesNotFitError, match=r"bytes of synaptic memory, there are 131,072 \(") as error:
        place(everyone_to_one, "oheo-gulch")
    rows = error.value.as_dict()
    assert rows[0]["over"] == rows[0]["needed"] - rows[0]["available"] > 0
    assert error.value.table().row_count == len(rows)
    assert pickle.loads(pickle.dumps(error.value)).as_dict() == rows
    many = Connectivity((Group("many", "lif", 1_200_000, 2),), np.zeros(1_200_001, np.int64), np.zeros(0, np.int32))
    with pytest.raises(DoesNotFitError, match=r"needs 147 cores, there are 120 \(27 too many\)"):
        place(many, "oheo-gulch")
    assert place(many, "kapoho-point").utilisation.chips_used == 2


def test_state_memory_limits_neurons() -> None:
    big = Connectivity(
        (Group("big", "relaxation", 1000, state_words=1000),), np.zeros(1001, np.int64), np.zeros(0, np.int32)
    )
    use = place(big, "oheo-gulch").utilisation
    assert use.neurons.max() == 48  # 192 KiB / 4000 B = 49, spread evenly over 21 cores
    assert use.cores_used == 21


def test_reports_are_plain_data_and_a_table() -> None:
    use = place(grid(60), "nahuku").utilisation
    data = json.loads(json.dumps(use.as_dict(per_core=True)))
    assert data["neurons"] == 3600
    assert len(data["cores_table"]) == use.cores_used
    assert data["heaviest_core"]["synapses"] == int(use.synapses.max())
    link = use.heaviest_link
    assert link is not None
    assert data["heaviest_link"]["axons"] == link.axons
    assert use.table().row_count == min(12, use.cores_used) + 2


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="there are nahuku"):
        load_system("loihi9")
    with pytest.raises(InputError, match="one core number"):
        place(grid(10), core=[0, 1])
    with pytest.raises(InputError, match="indptr must hold 3"):
        Connectivity((Group("g", "lif", 2),), np.zeros(2), np.zeros(0))
    with pytest.raises(InputError, match="point to neurons 0 to 1"):
        Connectivity((Group("g", "lif", 2),), [0, 1, 1], [2])
    with pytest.raises(InputError, match="at least one neuron"):
        Group("g", "lif", 0)


def test_hala_point_holds_what_is_published() -> None:
    hala = load_system("Hala Point")
    assert hala.cores == 140_544
    assert hala.neurons > 1.15e9
