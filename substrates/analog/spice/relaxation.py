"""Netlists of relaxation networks: tau du/dt = W v + b - u, v = sigma(g u + o), one volt per unit.

Two forms of the same network:

    behavioural   a synapse is a voltage-controlled current source (G), a membrane is R and C in parallel
    op-amps       a synapse is a resistor R / |w| from v or from its inverse into the summing node of an operational
                  amplifier with R and C as feedback; amplifiers have a finite gain and one pole

In both the activation is a behavioural source. Weights, gains, offsets and time constants are those of the
machine's chip instance, with what was asked for as a comment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.analog.realised import Realised, realised
from substrates.analog.spice.text import check_name, head, number
from substrates.network import INPUT

if TYPE_CHECKING:
    from substrates.base import RelaxationSubstrate

__all__ = ["FORMS", "MEMBRANE_OHMS", "OutputNudge", "node_names", "relaxation_netlist"]

Floats = npt.NDArray[np.float64]
FORMS = ("behavioural", "op-amps")
#: ohms of a membrane; capacitances follow from the time constant
MEMBRANE_OHMS = 1e5

_ACTIVATIONS: dict[str, str] = {
    "logistic": "1/(1+exp(2-4*({u})))",
    "tanh": "tanh({u})",
    "hard-sigmoid": "min(max({u},0),1)",
    "relu": "max({u},0)",
    "identity": "{u}",
}


@dataclass(frozen=True)
class OutputNudge:
    """A current into the outputs: ``force`` held, or ``beta`` (v - target) following."""

    beta: float = 0.0
    target: Floats | None = None
    force: Floats | None = None


def node_names(real: Realised) -> list[list[str]]:
    """Names of the neurons, population by population, without the ``u_`` or ``v_`` in front."""
    return [[check_name(f"{p.name}_{i}".replace("-", "_")) for i in range(p.size)] for p in real.network.populations]


def relaxation_netlist(
    machine: RelaxationSubstrate,
    inputs: Floats,
    *,
    form: str = "behavioural",
    nudge: OutputNudge | None = None,
    time_constant_s: float = 1e-7,
    gain: float = 1e6,
    bandwidth_hz: float = 1e10,
    title: str = "relaxation network",
) -> str:
    """The machine's network under one input as a SPICE netlist.

    Args:
        machine: an `IdealMachine` or `AnalogMachine` with dense couplings.
        inputs: one sample, flattened, as the machine's converters give it.
        form: ``behavioural`` or ``op-amps``.
        gain, bandwidth_hz: open-loop gain and gain-bandwidth product of the op-amps.

    Raises:
        InputError: convolutions, an activation without a netlist, inputs of another size.
    """
    if form not in FORMS:
        raise InputError(f"no netlist form {form!r}; there are {', '.join(FORMS)}")
    real = realised(machine)
    network = real.network
    for population in network.populations:
        if population.activation not in _ACTIVATIONS:
            raise InputError(
                f"the activation {population.activation!r} has no netlist; there are {', '.join(_ACTIVATIONS)}"
            )
    x = np.asarray(inputs, np.float64).ravel()
    if x.size != int(np.prod(network.input_shape)):
        raise InputError(f"an input of {x.size} values; expected {int(np.prod(network.input_shape))}")
    names = node_names(real)
    build = _Behavioural() if form == "behavioural" else _OpAmps(gain, bandwidth_hz)
    lines = head(title, [f"form {form}, {network.num_neurons} neurons, 1 V is 1 unit", *real.notes()])
    lines += build.models()
    for k, value in enumerate(x):
        lines += build.source(f"in_{k}", float(value))
    lines += ["", "* neurons: membrane, leak and activation, with the chip's own time constants, gains and offsets"]
    for p, population in enumerate(network.populations):
        for i, name in enumerate(names[p]):
            seconds = float(real.time_constants[p][i]) * time_constant_s
            inside = f"{number(real.gains[p][i])}*V(u_{name})+{number(real.offsets[p][i])}"
            lines += build.neuron(name, seconds, _ACTIVATIONS[population.activation].format(u=inside))
    lines += ["", "* synapses"]
    for index, coupling in enumerate(network.couplings):
        sources = [f"in_{k}" for k in range(x.size)] if coupling.source == INPUT else names[coupling.source]
        lines += _coupling(build, index, coupling, sources, names[coupling.target], real.wanted[index])
    if nudge is not None:
        lines += ["", "* nudge", *_nudge(build, nudge, names[-1])]
    return "\n".join([*lines, "", ".end", ""])


def _coupling(
    build: Any, index: int, coupling: Any, sources: Sequence[str], targets: Sequence[str], wanted: Floats
) -> list[str]:
    weights = coupling.matrix.detach().double().numpy()
    lines = []
    for j, target in enumerate(targets):
        for i, source in enumerate(sources):
            w = float(weights[j, i])
            if w:
                remark = f" $ weight {w:.5g}, asked for {wanted[j, i]:.5g}"
                lines.append(build.synapse(f"{index}_{target}__{source}", source, target, w) + remark)
        if coupling.bias is not None:
            lines += build.current(f"bias{index}_{target}", target, float(coupling.bias.detach()[j]))
    return lines


def _nudge(build: Any, nudge: OutputNudge, outputs: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for j, name in enumerate(outputs):  # a force of zero too: a reference run alters its value
        if nudge.force is not None:
            lines += build.current(f"nudge_{name}", name, float(nudge.force[j]))
        elif nudge.target is not None:
            lines.append(build.synapse(f"nudge_{name}", name, name, nudge.beta))
            lines += build.current(f"target_{name}", name, -nudge.beta * float(nudge.target[j]))
    return lines


class _Behavioural:
    """Synapses as controlled current sources into an RC membrane."""

    def models(self) -> list[str]:
        return []

    def source(self, name: str, volts: float) -> list[str]:
        return [f"V_{name} v_{name} 0 {number(volts)}"]

    def neuron(self, name: str, seconds: float, activation: str) -> list[str]:
        return [
            f"R_{name} u_{name} 0 {number(MEMBRANE_OHMS)}",
            f"C_{name} u_{name} 0 {number(seconds / MEMBRANE_OHMS)} ic=0",
            f"B_{name} v_{name} 0 V={activation}",
        ]

    def synapse(self, label: str, source: str, target: str, weight: float) -> str:
        return f"G_{label} 0 u_{target} v_{source} 0 {number(weight / MEMBRANE_OHMS)}"

    def current(self, label: str, target: str, units: float) -> list[str]:
        return [f"I_{label} 0 u_{target} {number(units / MEMBRANE_OHMS)}"]


class _OpAmps:
    """Synapses as resistors into summing amplifiers; every output has an inverter for the positive weights."""

    def __init__(self, gain: float, bandwidth_hz: float) -> None:
        if not (gain > 1 and bandwidth_hz > 0):
            raise InputError(f"op-amps of gain {gain} and {bandwidth_hz} Hz; expected above 1 and above 0")
        self._gain, self._bandwidth = gain, bandwidth_hz

    def models(self) -> list[str]:
        ohms = self._gain / 1e-3
        farads = 1e-3 / (2 * np.pi * self._bandwidth)
        return [
            f"* operational amplifier: gain {self._gain:g}, gain-bandwidth product {self._bandwidth:g} Hz",
            ".subckt opamp plus minus out",
            "Gm 0 pole plus minus 1e-3",
            f"Rp pole 0 {number(ohms)}",
            f"Cp pole 0 {number(farads)} ic=0",
            "Eo out 0 pole 0 1",
            ".ends",
            "",
        ]

    def source(self, name: str, volts: float) -> list[str]:
        return [f"V_{name} v_{name} 0 {number(volts)}", f"Vn_{name} n_{name} 0 {number(-volts)}"]

    def neuron(self, name: str, seconds: float, activation: str) -> list[str]:
        return [
            f"X_{name} 0 s_{name} u_{name} opamp",
            f"R_{name} s_{name} u_{name} {number(MEMBRANE_OHMS)}",
            f"C_{name} s_{name} u_{name} {number(seconds / MEMBRANE_OHMS)} ic=0",
            f"B_{name} v_{name} 0 V={activation}",
            f"Ri_{name} v_{name} m_{name} {number(MEMBRANE_OHMS)}",
            f"Rf_{name} m_{name} n_{name} {number(MEMBRANE_OHMS)}",
            f"Xn_{name} 0 m_{name} n_{name} opamp",
        ]

    def synapse(self, label: str, source: str, target: str, weight: float) -> str:
        side = "n" if weight > 0 else "v"  # the summing amplifier inverts
        return f"R_{label} {side}_{source} s_{target} {number(MEMBRANE_OHMS / abs(weight))}"

    def current(self, label: str, target: str, units: float) -> list[str]:
        return [f"I_{label} s_{target} 0 {number(units / MEMBRANE_OHMS)}"]
