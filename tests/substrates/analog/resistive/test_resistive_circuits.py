"""Resistive circuits: closed forms, the solver against Newton's method, exact gradients against finite differences."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import wrightomega

from hw_profiles.errors import InputError
from substrates.analog.resistive import Circuit, Diode, LayeredCircuit, Resistor, sensitivity, solve
from substrates.analog.resistive.kernel import wright_omega
from substrates.analog.resistive.newton import residual

GAINS = ((1.0, 1.0), (4.0, 0.25), (2.0, 2.0))


def random_circuit(seed: int, saturation_a: float = 0.0) -> tuple[LayeredCircuit, np.ndarray]:
    """A random layered circuit with one to three hidden layers and amplifiers, and an input for it."""
    rng = np.random.default_rng(seed)
    layers = int(rng.integers(2, 5))
    sizes = [int(rng.integers(2, 6)) for _ in range(layers + 1)]
    gains = ((1.0, 1.0), *(GAINS[int(rng.integers(3))] for _ in range(layers - 1)))
    conductances = tuple(rng.random((a, b)) * 0.2 + 0.001 for a, b in itertools.pairwise(sizes))
    biases = tuple(rng.normal(size=n) * 0.05 for n in sizes[1:])
    circuit = LayeredCircuit(conductances, gains, biases, saturation_a=saturation_a)
    return circuit, rng.normal(size=(1, sizes[0])) * 3.0


def test_a_divider_has_its_closed_form() -> None:
    circuit = Circuit(2, (Resistor(0, 1, 3.0), Resistor(1, -1, 1.0)), voltages={0: 8.0}, currents={1: 2.0})
    assert solve(circuit) == pytest.approx([8.0, (3 * 8 + 2) / 4], abs=1e-12)


def test_an_amplified_divider_has_its_closed_form() -> None:
    a, c = 4.0, 0.25  # node 0 is loaded by c a g, node 1 sees a v_0
    circuit = Circuit(2, (Resistor(0, 1, 2.0, a, c), Resistor(1, -1, 1.0), Resistor(0, -1, 1.0)), currents={0: 1.0})
    m = np.array([[1 + c * a * 2, -c * 2], [-a * 2, 2 + 1]])
    assert solve(circuit) == pytest.approx(np.linalg.solve(m, [1.0, 0.0]), abs=1e-12)


def test_an_ideal_diode_conducts_forward_only() -> None:
    for current, expected in ((1.0, 0.0), (-1.0, -1.0)):
        circuit = Circuit(1, (Resistor(0, -1, 1.0),), (Diode(0, -1),), currents={0: current})
        assert solve(circuit)[0] == pytest.approx(expected, abs=1e-9)


def test_an_exponential_diode_obeys_its_law_and_a_bridge_of_four_rectifies() -> None:
    circuit = Circuit(1, (Resistor(0, -1, 1e-3),), (Diode(0, -1, 1e-14),), currents={0: 5e-3})
    v = solve(circuit)[0]
    assert 1e-14 * np.expm1(v / circuit.thermal_voltage) + 1e-3 * v == pytest.approx(5e-3, rel=1e-9)
    bridge = tuple(Diode(a, b) for a, b in ((0, 2), (1, 2), (-1, 0), (-1, 1)))
    for sign in (1.0, -1.0):
        across = Circuit(3, (Resistor(2, -1, 1.0), Resistor(0, 3 - 3 + 1, 1e-9)), bridge, {0: sign * 5.0})
        across = replace(across, resistors=(*across.resistors, Resistor(1, -1, 1e-6)))
        assert solve(across)[2] == pytest.approx(5.0 if sign > 0 else 0.0, abs=1e-5)


def test_wright_omega_is_scipys() -> None:
    for z in (*np.linspace(-30, 30, 241), 1e3, 1e6, -300.0, -600.0):
        assert wright_omega(z) == pytest.approx(float(wrightomega(z).real), rel=1e-12, abs=1e-290)


@pytest.mark.parametrize("saturation_a", [0.0, 1e-14])
def test_block_descent_finds_newtons_operating_points(saturation_a: float) -> None:
    for seed in range(60):
        circuit, x = random_circuit(seed, saturation_a)
        pull = 0.1 if seed % 2 else 0.0
        target = np.full((1, circuit.sizes[-1]), 0.3)
        found = circuit.solve(x, pull=pull, target=target)
        assert found.converged.all()
        v = solve(circuit.to_circuit(x[0], pull=pull, target=target[0]))
        assert np.abs(v[: circuit.starts[-1]] - found.voltages[0]).max() < 1e-9


def test_kirchhoffs_law_holds_at_the_operating_point() -> None:
    circuit, x = random_circuit(3, 1e-14)
    as_elements = circuit.to_circuit(x[0])
    v = np.concatenate([circuit.solve(x).voltages[0], x[0]])
    assert np.abs(residual(as_elements, v)[: circuit.starts[-1]]).max() < 1e-11


@pytest.mark.parametrize("saturation_a", [0.0, 1e-14])
def test_equilibrium_propagation_is_the_exact_kirchhoff_gradient(saturation_a: float) -> None:
    beta = 1e-4
    for seed in range(20):
        circuit, x = random_circuit(seed, saturation_a)
        outputs = slice(int(circuit.starts[-2]), int(circuit.starts[-1]))
        target = np.full((1, circuit.sizes[-1]), 0.3)
        plus, minus = (circuit.solve(x, pull=b, target=target).voltages for b in (beta, -beta))
        by_ep, by_ep_bias = circuit.gradient(x, plus, minus, 1 / (2 * beta))
        elements = circuit.to_circuit(x[0])
        v = solve(elements)
        toward = np.zeros(elements.nodes)
        toward[outputs] = v[outputs] - target[0]
        exact, adjoint = sensitivity(elements, toward)
        scale = np.abs(exact).max()
        assert np.abs(np.concatenate([g.ravel() for g in by_ep]) - exact).max() < 1e-3 * scale
        assert np.abs(by_ep_bias - adjoint[: len(by_ep_bias)]).max() < 1e-3 * np.abs(adjoint).max()


def test_the_kirchhoff_gradient_is_the_finite_difference() -> None:
    circuit, x = random_circuit(5, 1e-14)
    elements = circuit.to_circuit(x[0])
    last = slice(int(circuit.starts[-2]), int(circuit.starts[-1]))

    def loss(c: Circuit) -> float:
        return float(((solve(c)[last] - 0.3) ** 2).sum() / 2)

    toward = np.zeros(elements.nodes)
    toward[last] = solve(elements)[last] - 0.3
    exact, _ = sensitivity(elements, toward)
    for k in range(0, len(elements.resistors), 3):
        r, step = elements.resistors[k], 1e-6
        moved = [
            replace(elements, resistors=(*elements.resistors[:k], replace(r, g=r.g + s), *elements.resistors[k + 1 :]))
            for s in (step, -step)
        ]
        difference = (loss(moved[0]) - loss(moved[1])) / (2 * step)
        assert exact[k] == pytest.approx(difference, rel=1e-4, abs=1e-6 * np.abs(exact).max())


def test_batches_split_to_the_same_bits_and_heat_is_the_sources_power() -> None:
    circuit, _ = random_circuit(2)
    circuit = replace(circuit, biases=None, gains=None)
    x = np.random.default_rng(0).normal(size=(5, circuit.conductances[0].shape[0]))
    whole = circuit.solve(x)
    parts = np.concatenate([circuit.solve(x[:2]).voltages, circuit.solve(x[2:]).voltages])
    assert np.array_equal(whole.voltages, parts)
    h = whole.voltages[:, : circuit.sizes[0]]
    g = circuit.conductances[0]
    supplied = (x**2 @ g.sum(1)) - ((x @ g) * h).sum(1)  # what the voltage sources give; ideal diodes take nothing
    assert circuit.dissipated(x, whole.voltages) == pytest.approx(supplied, rel=1e-9)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Circuit(3, (Resistor(0, 1, 1.0),), voltages={0: 1.0}).check(), "float"),
        (lambda: Circuit(4, (Resistor(0, 1, 1.0), Resistor(2, 3, 1.0)), voltages={0: 1.0}).check(), "disconnected"),
        (lambda: Circuit(2, (Resistor(0, 1, -1.0),)), "not passive"),
        (lambda: Circuit(2, (Resistor(0, 5, 1.0),)), "tied to node 5"),
        (lambda: Circuit(2, (Resistor(0, 0, 1.0),)), "both ends"),
        (lambda: Circuit(2, (Resistor(0, 1, 1.0, a=0.0),)), "gains"),
        (lambda: Circuit(1, (Resistor(0, -1, 1.0),), currents={0: float("nan")}), "finite"),
        (lambda: LayeredCircuit((np.zeros((2, 2)),)), "float"),
        (lambda: LayeredCircuit((np.ones((2, 2)), np.ones((3, 2)))), "shapes"),
        (lambda: LayeredCircuit((-np.ones((2, 2)),)), "zero or more"),
        (lambda: LayeredCircuit((np.ones((2, 2)),)).solve(np.ones((1, 2)), pull=-2.0), "no minimum"),
        (lambda: LayeredCircuit((np.ones((2, 2)),)).solve(np.ones((1, 3))), "volts"),
    ],
)
def test_what_is_no_circuit_is_refused(make, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
