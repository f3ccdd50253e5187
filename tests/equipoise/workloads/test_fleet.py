"""Fleet of chips: numberings recovered, ridges and correlations by other means, the kit."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from equipoise.testing import check_workload
from equipoise.workloads import run_workload
from equipoise.workloads.fleet import ChipFleet, align, barrier, renumbered
from equipoise.workloads.fleet.alignment import _likeness
from equipoise.workloads.fleet.workload import HELD_OUT, _correlation
from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from substrates.analog import IdealMachine
from substrates.base import Stop
from substrates.network import convolutional, hopfield, layered

SMALL = "samples=40,members=3,abroad=2,pupils=3,epochs=2,hidden=8:8"


def network(seed: int, classes: int = 4):
    found = layered([6, 7, 5], angle=90.0, feedback_scale=0.25, classes=classes, seed=seed)
    with torch.no_grad():
        for coupling in found.couplings:
            if coupling.bias is not None:
                coupling.bias.normal_(generator=torch.Generator().manual_seed(seed))
    return found


def activities(found, x):
    machine = IdealMachine(found)
    return machine.relax(machine.drive(x), Stop(300, 1e-7)).activities


def test_the_kit() -> None:
    check_workload(ChipFleet(), "analog", SMALL)


@pytest.mark.parametrize("seed", range(5))
def test_a_renumbered_network_does_the_same_and_its_numbers_are_found(seed: int) -> None:
    """The one case whose right answer is known: the same network with its units in any order."""
    one, rng = network(seed), np.random.default_rng(seed)
    orders = [rng.permutation(7), rng.permutation(5)]
    other = renumbered(one, orders)
    x = torch.rand(9, 6, generator=torch.Generator().manual_seed(seed))
    for a, b, order in zip(activities(one, x), activities(other, x), orders):
        torch.testing.assert_close(a[:, torch.from_numpy(order)], b, atol=1e-5, rtol=0)
    found = align(one, other)
    for order, back in zip(orders, found):
        assert np.array_equal(order[back], np.arange(len(order)))
    again = renumbered(other, found)
    assert all(torch.equal(p, q) for p, q in zip(one.parameters(), again.parameters()))
    y = torch.arange(9) % 4
    assert barrier(one, again, x, y) == pytest.approx(0.0, abs=1e-6)


def test_a_populations_numbers_are_the_best_of_all() -> None:
    """By enumeration of every order, the others' numbers given."""
    one, other = network(1), network(2)
    orders = [np.random.default_rng(0).permutation(7), np.arange(5)]
    likeness = _likeness(one, other, orders, 1)
    best = max(itertools.permutations(range(5)), key=lambda p: sum(likeness[i, j] for i, j in enumerate(p)))

    def near(order) -> float:
        """The inner product of all weights, by renumbering the network and not by the matrix."""
        moved = renumbered(other, [orders[0], np.array(order)])
        return sum(float((a * b).sum().detach()) for a, b in zip(one.parameters(), moved.parameters()))

    every = {p: near(p) for p in itertools.permutations(range(5))}
    assert every[best] == pytest.approx(max(every.values()), rel=1e-5)


def test_turns_end_where_no_population_gains() -> None:
    one, other = network(3), network(4)
    orders = align(one, other)
    for p in range(2):
        likeness = _likeness(one, other, orders, p)
        kept = sum(likeness[i, j] for i, j in enumerate(orders[p]))
        row, column = np.triu_indices(len(orders[p]), 1)
        for i, j in zip(row, column):
            swapped = orders[p].copy()
            swapped[[i, j]] = swapped[[j, i]]
            assert sum(likeness[i, j] for i, j in enumerate(swapped)) <= kept + 1e-9


def test_the_ridge_is_the_loss_on_the_line() -> None:
    """Losses by a relaxation written anew, at the ends and in the middle."""
    one, other = network(1), network(2)
    x, y = torch.rand(20, 6), torch.arange(20) % 4

    def loss(net) -> float:
        return float(net.cost.loss(activities(net, x)[-1], y).mean().detach())

    middle = copy.deepcopy(one)
    with torch.no_grad():
        for p, a, b in zip(middle.parameters(), one.parameters(), other.parameters()):
            p.copy_((a + b) / 2)
    by_hand = max(0.0, loss(middle) - (loss(one) + loss(other)) / 2)
    assert barrier(one, other, x, y, points=3) == pytest.approx(by_hand, abs=2e-4)


def test_networks_that_cannot_be_numbered_alike_are_refused() -> None:
    with pytest.raises(InputError, match="numbered like"):
        align(network(1), layered([6, 7, 4], classes=4))
    with pytest.raises(InputError, match="dense"):
        align(convolutional((1, 8, 8), (2,), pooling="average"), convolutional((1, 8, 8), (2,), pooling="average"))
    with pytest.raises(InputError, match="different populations"):
        renumbered(hopfield(4, 5, 3), [np.arange(5)])


def test_the_correlation_is_pearsons() -> None:
    pairs = np.random.default_rng(1).normal(size=(40, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    value, low, high = _correlation(pairs)
    assert value == pytest.approx(stats.pearsonr(*pairs.T).statistic)
    exact = stats.pearsonr(*pairs.T).confidence_interval(0.95)
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=0.12)


@pytest.mark.filterwarnings("error")
def test_a_side_that_never_changes_has_no_correlation() -> None:
    pairs = np.stack([np.full(5, 0.1), np.arange(5.0)], 1)
    assert np.isnan(_correlation(pairs)).all()


def test_members_of_one_start_begin_alike_and_chips_differ() -> None:
    fleet = ChipFleet().instance(1, samples=40)
    one, two = fleet.network(0), fleet.network(0)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters()))
    ledger = Ledger()
    here, there, ideal = (fleet.probabilities(one, chip, ledger) for chip in (0, HELD_OUT, None))
    assert np.abs(here - there).max() > 1e-3
    assert np.abs(here - ideal).max() > 1e-3


def test_training_at_home_is_worth_it_and_abroad_is_worse() -> None:
    found = run_workload("chip-fleet", size="members=2,abroad=4,pupils=3,epochs=15", seed=3).machine.scores
    assert found["of one member"].value < 0.3
    assert found["of one on another chip"].value > found["of one member"].value + 0.02


@pytest.mark.parametrize(
    ("size", "said"),
    [("samples=3", "samples=3: expected 20 to 1437"), ("hidden=4", "hidden"), ("members=1", "members=1")],
)
def test_sizes_that_make_no_sense(size: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        run_workload("chip-fleet", size=size)


@pytest.mark.parametrize("target", ["ideal", "loihi2-sim"])
def test_machines_without_instances_are_refused(target: str) -> None:
    with pytest.raises(InputError, match="alike"):
        run_workload("chip-fleet", target, size=SMALL)
