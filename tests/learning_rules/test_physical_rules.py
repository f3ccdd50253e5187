"""Physical rules against what each says it is the gradient of, by finite differences and the exact circuit adjoint."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hw_profiles.errors import InputError
from learning_rules import Learner, Phases
from learning_rules.agnostic import agnostic_step
from learning_rules.contrastive import Contrastive
from learning_rules.coupled import Coupled
from learning_rules.lagrangian import PeriodicSystem, lagrangian_gradient
from substrates.analog import IdealMachine
from substrates.analog.resistive import LayeredCircuit, ResistiveMachine, resistive_network, sensitivity
from substrates.base import Stop
from substrates.network import layered

TIGHT = Stop(20_000, 1e-13)


def co_content(circuit: LayeredCircuit, x: np.ndarray, v: np.ndarray) -> float:
    """E of a circuit without amplifiers, biases and exponential diodes."""
    e, below = 0.0, x
    for l, g in enumerate(circuit.conductances):
        here = v[circuit.starts[l] : circuit.starts[l + 1]]
        e += 0.5 * float((g * (below[:, None] - here[None, :]) ** 2).sum())
        below = here
    return e


@pytest.mark.parametrize("rule", [Coupled(eta=0.3), Coupled(eta=0.9), Contrastive()])
def test_coupled_learning_is_the_gradient_of_the_contrast_at_any_eta(rule: Coupled) -> None:
    network = resistive_network([3, 4, 2], input_gain=1.0, bias=False, seed=2).double()
    with torch.no_grad():
        for coupling in network.forward_couplings():
            coupling.weight.add_(0.05)
    machine = ResistiveMachine(network)
    x, y = torch.rand(1, 3, generator=torch.Generator().manual_seed(1)).double(), torch.tensor([[0.6, -0.2]]).double()
    machine.program()
    free = machine.circuit.solve(machine.voltages(x), tolerance_v=1e-14).voltages[0]
    outputs = slice(int(machine.circuit.starts[-2]), None)
    held = free[outputs] + rule.eta * (y[0].numpy() - free[outputs])

    def contrast() -> float:
        machine.program()
        volts = machine.voltages(x)
        circuit = machine.circuit
        moving = circuit.solve(volts, tolerance_v=1e-14).voltages[0]
        clamped = circuit.solve(volts, pull=1e9, target=held[None], tolerance_v=1e-14).voltages[0]
        return (co_content(circuit, volts[0], clamped) - co_content(circuit, volts[0], moving)) / rule.eta

    learner = Learner(rule, phases=Phases(TIGHT, TIGHT))
    learner.step(machine, x, y, learner.init())
    for parameter in network.parameters():
        flat = parameter.data.view(-1)
        for i in range(0, len(flat), 3):
            kept = flat[i].item()
            values = []
            for step in (1e-5, -1e-5):
                flat[i] = kept + step
                values.append(contrast())
            flat[i] = kept
            assert parameter.grad.view(-1)[i].item() == pytest.approx((values[0] - values[1]) / 2e-5, abs=2e-5)


def test_a_machine_that_cannot_clamp_is_refused() -> None:
    network = layered([3, 4, 2], readout=False)
    machine = IdealMachine(network)
    learner = Learner(Coupled())
    with pytest.raises(InputError, match="misses its clamped outputs"):
        learner.step(machine, torch.rand(2, 3), torch.tensor([0, 1]), learner.init())
    with_readout = IdealMachine(layered([3, 4, 2]))
    with pytest.raises(InputError, match="SquaredError"):
        learner.step(with_readout, torch.rand(2, 3), torch.tensor([0, 1]), learner.init())
    with pytest.raises(InputError, match="eta"):
        Coupled(eta=0.0)


def test_agnostic_propagation_moves_parameters_down_the_loss() -> None:
    rng = np.random.default_rng(3)
    g = [rng.random((3, 4)) * 0.2 + 0.05, rng.random((4, 2)) * 0.2 + 0.05]
    x, y = rng.normal(size=(1, 3)) * 2.0, np.array([[0.5, -0.3]])
    sizes = [a.size for a in g]

    def circuit(theta: np.ndarray) -> LayeredCircuit:
        parts = np.split(theta, np.cumsum(sizes)[:-1])
        return LayeredCircuit(tuple(p.reshape(a.shape) for p, a in zip(parts, g)))

    def force(theta: np.ndarray, beta: float) -> np.ndarray:
        c = circuit(theta)
        v = c.solve(x, pull=beta, target=y, tolerance_v=1e-14).voltages
        below, parts = x[0], []
        for l in range(2):
            here = v[0, c.starts[l] : c.starts[l + 1]]
            parts.append(0.5 * (below[:, None] - here[None, :]) ** 2)
            below = here
        return np.concatenate([p.ravel() for p in parts])

    theta = np.concatenate([a.ravel() for a in g])
    eps, beta = 1e-4, 1e-4
    moved = agnostic_step(theta, force, compliance=eps, nudge=beta, tolerance=1e-16)
    control = theta + eps * force(theta, 0.0)
    assert np.abs(moved - control + eps * force(moved, beta)).max() < 1e-14, "state and parameters rest together"
    elements = circuit(theta).to_circuit(x[0])
    toward = np.zeros(elements.nodes)
    toward[4:6] = circuit(theta).solve(x).voltages[0, 4:6] - y[0]
    exact, _ = sensitivity(elements, toward)
    assert np.abs((moved - theta) / (eps * beta) + exact).max() < 2e-2 * np.abs(exact).max()
    with pytest.raises(InputError, match="stiffer"):
        agnostic_step(np.ones(2), lambda t, b: -50 * t + b, compliance=1.0, nudge=0.1)


def test_lagrangian_gradients_over_a_period_are_finite_differences() -> None:
    """Two masses on springs, one of them hardening, shaken periodically; the second shall follow a given course."""
    times = 33
    t = np.arange(times) / times
    force = np.stack([0.3 * np.cos(2 * np.pi * t), 0.2 * np.sin(4 * np.pi * t)], axis=1)
    wanted = 0.05 * np.sin(2 * np.pi * t)

    def slope(q: np.ndarray, p: np.ndarray) -> np.ndarray:
        stretch = q[:, 1] - q[:, 0]
        return np.stack([p[0] * q[:, 0] - p[1] * stretch, p[1] * stretch + p[2] * q[:, 1] ** 3 + q[:, 1]], axis=1)

    def hessian(q: np.ndarray, p: np.ndarray) -> np.ndarray:
        h = np.zeros((times, 2, 2))
        h[:, 0, 0], h[:, 0, 1], h[:, 1, 0] = p[0] + p[1], -p[1], -p[1]
        h[:, 1, 1] = p[1] + 3 * p[2] * q[:, 1] ** 2 + 1.0
        return h

    def by_parameter(q: np.ndarray, p: np.ndarray) -> np.ndarray:
        del p
        return np.stack([q[:, 0] ** 2 / 2, (q[:, 1] - q[:, 0]) ** 2 / 2, q[:, 1] ** 4 / 4], axis=1)

    def push(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first, second = np.zeros_like(q), np.zeros((times, 2, 2))
        first[:, 1], second[:, 1, 1] = q[:, 1] - wanted, 1.0
        return first, second

    system = PeriodicSystem(np.array([0.02, 0.03]), force, 1.0, slope, hessian, by_parameter)
    theta = np.array([2.0, 1.5, 0.7])

    def cost(p: np.ndarray) -> float:
        return float(((system.path(p)[:, 1] - wanted) ** 2).sum() / 2 / times)

    found = lagrangian_gradient(system, theta, push, nudge=1e-3)
    for i in range(3):
        e = np.eye(3)[i] * 1e-5
        assert found[i] == pytest.approx((cost(theta + e) - cost(theta - e)) / 2e-5, rel=1e-3)
    with pytest.raises(InputError, match="odd"):
        PeriodicSystem(np.ones(2), force[:32], 1.0, slope, hessian, by_parameter)
