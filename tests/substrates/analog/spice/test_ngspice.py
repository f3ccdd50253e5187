"""ngspice as an outside witness: operating points, time courses and gradients of 100 random networks of each kind."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hw_profiles.errors import InputError, TargetUnavailableError
from learning_rules import Centered, Learner, Phases
from substrates.analog import AnalogMachine, ChipParameters
from substrates.analog.realised import realised
from substrates.analog.realised import time_course as relaxation_course
from substrates.analog.resistive import Circuit, LayeredCircuit, ResistiveMachine, Resistor, resistive_network
from substrates.analog.resistive.transient import time_course as resistive_course
from substrates.analog.spice import circuit_netlist, machine_netlist, ngspice, relaxation_netlist
from substrates.analog.spice.ngspice import operating_points, time_course, why_unavailable
from substrates.analog.spice.relaxation import FORMS, MEMBRANE_OHMS, OutputNudge, node_names
from substrates.base import Stop
from substrates.network import layered

needs_ngspice = pytest.mark.skipif(bool(why_unavailable()), reason=why_unavailable() or "there")
NETWORKS = 100
GAINS = ((1.0, 1.0), (4.0, 0.25), (2.0, 2.0))
CHIP = ChipParameters(
    gain_mismatch=0.1, offset_mismatch=0.05, time_constant_mismatch=0.1, conductance_mismatch=0.1, levels=32
)


def random_circuit(seed: int, saturation_a: float) -> tuple[LayeredCircuit, np.ndarray, np.ndarray]:
    """Conductances of micro-siemens, as memristors have: 1 or 2 hidden layers, amplifiers, bias currents."""
    rng = np.random.default_rng(seed)
    sizes = [int(rng.integers(2, 5)) for _ in range(int(rng.integers(3, 5)))]
    gains = ((1.0, 1.0), *(GAINS[int(rng.integers(3))] for _ in range(len(sizes) - 2)))
    g = tuple((rng.random(pair) * 0.2 + 0.01) * 1e-4 for pair in itertools.pairwise(sizes))
    biases = tuple(rng.normal(size=n) * 5e-6 for n in sizes[1:])
    circuit = LayeredCircuit(g, gains, biases, saturation_a=saturation_a)
    return circuit, rng.normal(size=(1, sizes[0])) * 2.0, rng.random((1, sizes[-1]))


@needs_ngspice
@pytest.mark.parametrize(("saturation_a", "volts", "share"), [(0.0, 1e-3, 2e-2), (1e-14, 2e-6, 2e-3)])
def test_resistive_operating_points_and_gradients(saturation_a: float, volts: float, share: float) -> None:
    """Free and both nudged phases in ngspice. Its ideal diode is a soft one: a millivolt; 2e-6 V with real diodes."""
    beta = 2e-7  # siemens; the force is held, so both programs nudge by the same currents
    worst = angle = 0.0
    for seed in range(NETWORKS):
        circuit, x, y = random_circuit(seed, saturation_a)
        free = circuit.solve(x)
        outputs = slice(int(circuit.starts[-2]), int(circuit.starts[-1]))
        force = beta * (free.voltages[:, outputs] - y)
        up, down = (circuit.solve(x, force=s * force, start=free.voltages) for s in (1, -1))
        elements = circuit.to_circuit(x[0], force=np.zeros(circuit.sizes[-1]))
        names = [elements.name(n) for n in range(int(circuit.starts[-1]))]
        base = {f"I_{names[n]}": elements.currents[n] for n in range(outputs.start, outputs.stop)}
        settings = [{name: value + s * f for (name, value), f in zip(base.items(), force[0])} for s in (0.0, 1.0, -1.0)]
        found = operating_points(circuit_netlist(elements), names, settings)
        ours = np.concatenate([free.voltages, up.voltages, down.voltages])
        worst = max(worst, float(np.abs(found - ours).max()))
        if saturation_a:  # a soft diode at its corner answers a small nudge otherwise than a hard one
            gradients = [
                np.concatenate([p.ravel() for p in circuit.gradient(x, m[None], q[None], 1 / (2 * beta))[0]])
                for q, m in ((ours[1], ours[2]), (found[1], found[2]))
            ]
            angle = max(angle, float(np.abs(gradients[0] - gradients[1]).max() / np.abs(gradients[0]).max()))
    assert worst < volts
    assert angle < share


@needs_ngspice
def test_resistive_time_courses() -> None:
    worst = 0.0
    for seed in range(NETWORKS):
        circuit, x, _ = random_circuit(seed, 1e-14)
        circuit = replace(
            circuit, gains=None
        )  # a current-controlled source at a charging node has no course of its own
        elements = circuit.to_circuit(x[0])
        names = [elements.name(n) for n in range(int(circuit.starts[-1]))]
        tau = 1e-12 / circuit.total_conductance.min()
        times, found = time_course(
            circuit_netlist(elements, capacitance_f=1e-12), names, stop_s=3 * tau, step_s=0.02 * tau
        )
        ours = resistive_course(elements, 1e-12, times, tolerance=1e-7)[:, : len(names)]
        worst = max(worst, float(np.abs(found - ours).max()))
    assert worst < 5e-3  # of some volts; ngspice steps by 1/50 of a time constant


def relaxation_machine(seed: int) -> tuple[AnalogMachine, torch.Tensor]:
    rng = np.random.default_rng(seed)
    network = layered(
        [2, int(rng.integers(2, 4)), int(rng.integers(2, 4)), 2], seed=seed, angle=float(rng.choice([0.0, 60.0])),
        activation=("logistic", "tanh")[seed % 2], readout=False,
    ).double()  # fmt: skip
    with torch.no_grad():  # one equilibrium, which both programs must find
        for coupling in network.couplings:
            coupling.weight.mul_(0.3)
    return AnalogMachine(network, CHIP, seed=seed), torch.from_numpy(rng.random((1, 2)))


@needs_ngspice
@pytest.mark.parametrize(("form", "units", "share", "course"), [
    ("behavioural", 1e-9, 1e-5, 1e-3), ("op-amps", 5e-5, 5e-3, 1e-2)])  # fmt: skip
def test_relaxation_networks(form: str, units: float, share: float, course: float) -> None:
    """Free and nudged activities, the gradient they give, and the way there. Op-amps have a gain of 1e6 and 10 GHz."""
    beta, tight = 0.1, Stop(5000, 1e-12)
    worst = [0.0, 0.0, 0.0]
    done = 0
    for seed in range(NETWORKS):
        machine, x = relaxation_machine(seed)
        y = torch.tensor([seed % 2])
        learner = Learner(Centered(nudge=beta, force="held"), phases=Phases(tight, Stop(5000, 1e-10)))
        report, _ = learner.step(machine, x, y, learner.init())
        assert report.free is not None
        if not report.used:
            continue  # a network without symmetry may oscillate: nothing to compare
        done += 1
        names = [n for part in node_names(realised(machine)) for n in part]
        force = beta * machine.network.cost.gradient(report.free.activities[-1], y)[0].numpy()
        netlist = relaxation_netlist(machine, x[0].numpy(), form=form, nudge=OutputNudge(force=np.zeros(2)))
        sources = [f"I_nudge_{n}" for n in names[-2:]]
        settings = [dict(zip(sources, s * force / MEMBRANE_OHMS)) for s in (0.0, 1.0, -1.0)]
        free, up, down = operating_points(netlist, [f"v_{n}" for n in names], settings)
        ours = torch.cat([v.flatten(1) for v in report.free.activities], dim=1)[0].numpy()
        worst[0] = max(worst[0], float(np.abs(free - ours).max()))
        response = torch.from_numpy((up - down) / (2 * beta))[None]
        sizes = [p.size for p in machine.network.populations]
        by_ours = [p.grad.clone() for p in machine.network.parameters()]
        for p in machine.network.parameters():
            p.grad = None
        machine.network.accumulate_gradient(
            x, torch.from_numpy(free)[None].split(sizes, dim=1), response.split(sizes, dim=1)
        )
        scale = max(float(g.abs().max()) for g in by_ours)
        for g, p in zip(by_ours, machine.network.parameters()):
            worst[1] = max(worst[1], float((g - p.grad).abs().max()) / scale)
        times, found = time_course(netlist, [f"u_{n}" for n in names], stop_s=3e-7, step_s=5e-9)
        membranes, _ = relaxation_course(machine, x[0].numpy(), np.concatenate([[0.0], times]), tolerance=1e-8)
        worst[2] = max(worst[2], float(np.abs(found - membranes[1:]).max()))
    assert done >= NETWORKS
    assert worst[0] < units
    assert worst[1] < share
    assert worst[2] < course


def test_the_netlist_names_the_chip_and_what_its_cells_hold() -> None:
    network = resistive_network([2, 3, 2], seed=1)
    machine = ResistiveMachine(network, ChipParameters(conductance_mismatch=0.2, levels=16, on_off_ratio=10), seed=7)
    text = machine_netlist(machine, machine.voltages(torch.rand(1, 2))[0], transient=True)
    assert "chip instance 7" in text
    assert "conductance_mismatch 0.2" in text
    line = next(part for part in text.splitlines() if part.startswith("R_in_1__h1_2 "))
    held, asked = (float(part) for part in line.split("$ ")[1].replace(" S", "").split(", asked for "))
    assert 1 / float(line.split()[3]) == pytest.approx(held, rel=1e-3)
    assert held != pytest.approx(asked, rel=1e-3), "the mismatch is in it"
    relaxation, x = relaxation_machine(3)
    for form in FORMS:
        text = relaxation_netlist(relaxation, x[0].numpy(), form=form)
        assert "gain_mismatch 0.1" in text
        assert "asked for" in text


def test_a_missing_ngspice_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetUnavailableError, match="ngspice"):
        operating_points("* nothing\n.end\n", ["a"])


@needs_ngspice
def test_ngspices_own_words_are_shown() -> None:
    with pytest.raises(InputError, match=r"(?i)ngspice.*(unknown|error|model)"):
        operating_points("* broken\nV1 a 0 1\nD1 a 0 nosuchmodel\nR1 a 0 1k\n.end\n", ["a"])
    with pytest.raises(InputError, match="no voltage of b"):
        operating_points("* one node\nV1 a 0 1\nR1 a 0 1k\n.end\n", ["b"])


def test_what_has_no_netlist_is_refused() -> None:
    circuit = Circuit(2, (Resistor(0, 1, 1.0),), voltages={0: 1.0}, names=("a b", "c"))
    with pytest.raises(InputError, match="SPICE name"):
        circuit_netlist(circuit)
    machine, _ = relaxation_machine(0)
    with pytest.raises(InputError, match="expected 2"):
        relaxation_netlist(machine, np.zeros(3))
    with pytest.raises(InputError, match="form"):
        relaxation_netlist(machine, np.zeros(2), form="spectre")
    with pytest.raises(InputError, match="activation"):
        relaxation_netlist(AnalogMachine(layered([2, 2], activation="dsilu")), np.zeros(2))
    with pytest.raises(InputError, match="step"):
        ngspice.time_course("*\n.end\n", ["a"], stop_s=1.0, step_s=2.0)
