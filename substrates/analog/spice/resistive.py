"""Netlists of resistive circuits: one line per element, named after the nodes it joins.

R_in_0__h1_3 in_0 h1_3 8.2e+03          a conductance, as ohms
D_h1_3 0 h1_3 diode                     a diode; ideal ones get an emission coefficient of 0.0001
E_..., F_...                            an amplifier: voltage gain forward, current gain back
I_h1_3, V_in_0                          sources
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.analog.resistive.circuit import GROUND, Circuit
from substrates.analog.spice.text import check_name, head, number

if TYPE_CHECKING:
    from substrates.analog.resistive.machine import ResistiveMachine

__all__ = ["circuit_netlist", "machine_netlist"]

#: ideal diodes in SPICE: I_s and emission coefficient of a diode that opens within a tenth of a millivolt
_IDEAL = "IS=1e-12 N=0.0001"


def circuit_netlist(
    circuit: Circuit,
    *,
    title: str = "resistive circuit",
    notes: Sequence[str] = (),
    capacitance_f: float = 0.0,
    remarks: Mapping[int, str] | None = None,
) -> str:
    """The circuit as a SPICE netlist.

    Args:
        capacitance_f: of every node that no source holds, to ground, discharged at the start; 0 for none.
        remarks: comment for a resistor, by its number.

    Raises:
        InputError: floating nodes, or names SPICE cannot read.
    """
    circuit.check()
    names = [check_name(circuit.name(n)) for n in range(circuit.nodes)] + ["0"]  # ground is node -1
    lines = head(title, notes)
    celsius = circuit.thermal_voltage / 8.617333262e-5 - 273.15
    lines += [f".options temp={number(celsius)} tnom={number(celsius)}", ".model ideal D(" + _IDEAL + ")"]
    scales = sorted({d.saturation_a for d in circuit.diodes if d.saturation_a})
    lines += [f".model diode{k} D(IS={number(s)} N=1)" for k, s in enumerate(scales)]
    lines += ["", "* sources"]
    lines += [f"V_{names[n]} {names[n]} 0 {number(v)}" for n, v in circuit.voltages.items()]
    lines += [f"I_{names[n]} 0 {names[n]} {number(i)}" for n, i in circuit.currents.items()]
    amplified, ends = _amplifiers(circuit, names)
    lines += amplified
    lines += ["", "* conductances"]
    for k, r in enumerate(circuit.resistors):
        if r.g > 0:
            remark = f" $ {remarks[k]}" if remarks and k in remarks else ""
            at = ends.get((r.i, r.a, r.c), names[r.i])
            lines.append(f"R_{names[r.i]}__{names[r.j]} {at} {names[r.j]} {number(1.0 / r.g)}{remark}")
    if circuit.diodes:
        lines += ["", "* diodes: anode, cathode"]
        for k, d in enumerate(circuit.diodes):
            model = f"diode{scales.index(d.saturation_a)}" if d.saturation_a else "ideal"
            lines.append(f"D_{k} {names[d.anode]} {names[d.cathode]} {model}")
    if capacitance_f:
        lines += ["", "* capacitance of the nodes"]
        lines += [
            f"C_{names[n]} {names[n]} 0 {number(capacitance_f)} ic=0"
            for n in range(circuit.nodes)
            if n not in circuit.voltages
        ]
    return "\n".join([*lines, "", ".end", ""])


def _amplifiers(circuit: Circuit, names: list[str]) -> tuple[list[str], dict[tuple[int, float, float], str]]:
    """Lines of every amplifier, and the name of its output by (node, a, c).

    The zero-volt source measures the current that the array draws; the F element draws c times it from the node.
    """
    lines: list[str] = []
    ends: dict[tuple[int, float, float], str] = {}
    for r in circuit.resistors:
        key = (r.i, r.a, r.c)
        if (r.a, r.c) == (1.0, 1.0) or key in ends:
            continue
        if r.i == GROUND:
            raise InputError("an amplifier at ground has nothing to amplify; put it at the other node")
        name = f"{names[r.i]}_amp{sum(k[0] == r.i for k in ends) or ''}"
        ends[key] = name
        lines += [f"E_{name} {name}_e 0 {names[r.i]} 0 {number(r.a)}", f"V_{name}_sense {name}_e {name} 0"]
        if r.i not in circuit.voltages:
            lines.append(f"F_{name} {names[r.i]} 0 V_{name}_sense {number(r.c)}")
    return (["", "* amplifiers: gain forward, current gain back", *lines] if lines else []), ends


def machine_netlist(
    machine: ResistiveMachine,
    volts: npt.NDArray[np.float64],
    *,
    force_a: npt.NDArray[np.float64] | None = None,
    pull_s: float = 0.0,
    target_v: npt.NDArray[np.float64] | None = None,
    title: str = "resistive network",
    transient: bool = False,
) -> str:
    """One chip instance under one input: its conductances as they are, beside what was asked for.

    Args:
        volts: (input nodes,) from `ResistiveMachine.voltages`.
        force_a, pull_s, target_v: the nudge: held currents into the outputs, or resistors to a target.
        transient: with the nodes' capacitances.
    """
    circuit = machine.in_siemens().to_circuit(volts.tolist(), pull=pull_s, target=target_v, force=force_a)
    remarks, start = {}, 0
    for index, g in enumerate(machine.circuit.conductances):
        asked = np.asarray(machine.wanted(index)).T * machine.unit_s
        for k, (i, j) in enumerate(zip(*np.nonzero(g))):
            remarks[start + k] = f"{g[i, j] * machine.unit_s:.4g} S, asked for {asked[i, j]:.4g} S"
        start += int(np.count_nonzero(g))
    kinds = {name: value for name, value in machine.chip.as_dict().items() if value and name != "transposed_reads"}
    notes = [
        f"layers {'-'.join(str(g.shape[0]) for g in machine.circuit.conductances)}-{machine.circuit.sizes[-1]}, "
        f"a conductance of 1 is {machine.unit_s:g} S",
        f"chip instance {machine.seed}: {', '.join(f'{k} {v:g}' for k, v in kinds.items())}",
    ]
    return circuit_netlist(
        circuit, title=title, notes=notes, remarks=remarks, capacitance_f=machine.node_farads if transient else 0.0
    )
