"""The resistive machine: conformance, the rule's gradient against finite differences, cells, faults, learning."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise.testing.substrates import check_relaxation_substrate
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from learning_rules import Centered, Learner, Phases
from substrates.analog import ChipParameters
from substrates.analog.resistive import ResistiveMachine, resistive_network
from substrates.base import Stop
from substrates.network import layered


@pytest.mark.parametrize("chip", [None, ChipParameters(conductance_mismatch=0.1, levels=64, on_off_ratio=20)])
def test_passes_the_conformance_kit(chip: ChipParameters | None) -> None:
    network = resistive_network([12, 9, 7, 4], gains=[(4.0, 0.25), (1.0, 1.0)], seed=3).double()
    check_relaxation_substrate(lambda n: ResistiveMachine(n, chip, seed=2), network=network, nudge=0.1)


@pytest.mark.parametrize("gains", [[(1.0, 1.0), (1.0, 1.0)], [(4.0, 0.25), (2.0, 2.0)]])
@pytest.mark.parametrize("saturation_a", [0.0, 1e-14])
def test_centred_propagation_is_the_finite_difference(gains, saturation_a: float) -> None:
    network = resistive_network([5, 6, 4, 3], gains=gains, input_gain=3.0, seed=2).double()
    with torch.no_grad():
        for coupling in network.forward_couplings():
            coupling.bias.copy_(torch.randn(coupling.bias.shape, generator=torch.Generator().manual_seed(1)) * 0.05)
            coupling.weight.add_(0.01)
    machine = ResistiveMachine(network, saturation_a=saturation_a)
    x, y = torch.rand(4, 5, generator=torch.Generator().manual_seed(0)).double(), torch.tensor([0, 1, 2, 1])
    tight = Stop(20_000, 1e-13)

    def loss() -> float:
        machine.program()
        free = machine.relax(machine.drive(x), tight)
        return float(network.cost.loss(free.activities[-1], y).mean())

    learner = Learner(Centered(nudge=1e-3), phases=Phases(tight, Stop(20_000, 1e-10)))
    learner.step(machine, x, y, learner.init())
    for parameter in network.parameters():
        flat = parameter.data.view(-1)
        for i in range(0, len(flat), 5):
            kept = flat[i].item()
            values = []
            for step in (1e-5, -1e-5):
                flat[i] = kept + step
                values.append(loss())
            flat[i] = kept
            difference = (values[0] - values[1]) / 2e-5
            assert parameter.grad.view(-1)[i].item() == pytest.approx(
                difference, abs=3e-4 * float(parameter.grad.abs().max())
            )


def test_cells_are_bounded_quantised_and_learn_by_pulses() -> None:
    chip = ChipParameters(levels=16, on_off_ratio=10, weight_range=0.5)
    network = resistive_network([4, 6, 3], seed=1)
    machine = ResistiveMachine(network, chip)
    for g in machine.circuit.conductances:
        places = (g - 0.05) / ((0.5 - 0.05) / 15)
        assert np.abs(places - np.round(places)).max() < 1e-5
        assert g.min() >= 0.05 - 1e-9
        assert g.max() <= 0.5 + 1e-9
    assert machine.program().total(Event.CELL_WRITES) == 0, "nothing changed, nothing is rewritten"
    pulsed = ResistiveMachine(
        network, ChipParameters(open_loop=True, weight_range=0.5, write_asymmetry=0.5, write_noise=0.1)
    )
    before = pulsed.circuit.conductances[0].copy()
    with torch.no_grad():
        network.forward_couplings()[0].weight.add_(0.1)
    writes = pulsed.program()
    moved = pulsed.circuit.conductances[0] - before
    assert writes.total(Event.CELL_WRITES) == before.size
    assert 0.02 < moved.mean() < 0.15
    assert moved.std() > 0.01, "asymmetry and noise spread the pulses"
    held = network.forward_couplings()[0].weight.detach().double().numpy().T
    assert np.abs(held - pulsed.circuit.conductances[0]).max() < 1e-6


def test_the_same_seed_is_the_same_chip_and_drift_ages_it() -> None:
    chip = ChipParameters(conductance_mismatch=0.2, drift_exponent=0.05)
    network = resistive_network([4, 6, 3], seed=1)
    one, same, other = (ResistiveMachine(network, chip, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.circuit.conductances[0], same.circuit.conductances[0])
    assert not np.array_equal(one.circuit.conductances[0], other.circuit.conductances[0])
    before = one.circuit.conductances[0].copy()
    one.age(1e4)
    ratio = one.circuit.conductances[0][before > 0] / before[before > 0]
    assert ratio == pytest.approx((1 + 1e4) ** -0.05, rel=1e-9)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ResistiveMachine(layered([3, 4, 2])), "conductances"),
        (lambda: ResistiveMachine(resistive_network([3, 4, 2]), ChipParameters(rail=1.0)), "rail"),
        (lambda: resistive_network([3]), "expected at least"),
        (lambda: resistive_network([3, 4, 2], gains=[(0.0, 1.0)]), "gains"),
        (lambda: resistive_network([3, 4, 2], gains=[]), "one each"),
    ],
)
def test_bad_input(make, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()


def test_a_nudge_without_a_minimum_and_another_cost_are_refused() -> None:
    network = resistive_network([3, 4, 2], seed=1)
    machine = ResistiveMachine(network)
    x, y = torch.rand(2, 3), torch.tensor([0, 1])
    learner = Learner(Centered(nudge=50.0))
    with pytest.raises(InputError, match="no minimum"):
        learner.step(machine, x, y, learner.init())


@pytest.mark.slow
def test_learns_the_digits() -> None:
    from sklearn.datasets import load_digits

    data = load_digits()
    x = torch.from_numpy(data.data / 16.0).float()
    y = torch.from_numpy(data.target)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    x, y = x[order], y[order]
    network = resistive_network([64, 64, 10], input_gain=20.0, seed=0)
    machine = ResistiveMachine(network)
    learner = Learner(Centered(nudge=1.0), phases=Phases(Stop(4, 0.0), Stop(4, 0.0)))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.02)
    state = learner.init()
    for _ in range(4):
        for a in range(0, 1400, 10):
            optimizer.zero_grad()
            _, state = learner.step(machine, x[a : a + 10], y[a : a + 10], state)
            optimizer.step()
            machine.program()
    free = machine.relax(machine.drive(x[1400:]), Stop(20, 1e-6))
    accuracy = float((network.cost.predict(free.activities[-1]) == y[1400:]).float().mean())
    assert accuracy > 0.9, accuracy
