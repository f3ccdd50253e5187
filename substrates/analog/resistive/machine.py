"""The resistive machine: a network of conductances, diodes and amplifiers that relaxes by Kirchhoff's laws alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hw_profiles.errors import InputError
from hw_profiles.ledger import Component, Event, Ledger, Phase
from substrates.analog.checks import check_drive, check_nudge, check_start
from substrates.analog.imperfections import ChipParameters, fill_normals, quantise, sample_keys
from substrates.analog.resistive.cells import Cells
from substrates.analog.resistive.circuit import SETTLING, THERMAL_VOLTAGE
from substrates.analog.resistive.coupling import ResistiveNetwork
from substrates.analog.resistive.layers import LayeredCircuit, Solution
from substrates.base import Capabilities, Drive, Equilibrium, Nudge, RelaxationSubstrate, Stop
from substrates.network import SquaredError

__all__ = ["REFUSED_FAULTS", "ResistiveMachine"]

#: faults that have no place in this circuit; a chip that has one is refused
REFUSED_FAULTS = (
    "gain_mismatch", "offset_mismatch", "time_constant_mismatch", "state_noise", "read_noise",
    "read_noise_proportional", "rail", "settling_time_s", "adc_bits",
)  # fmt: skip
_READING = 1 << 40


@dataclass
class _Run:
    """Noise position of a batch: the samples' numbers and how many phases they have been through."""

    samples: np.ndarray[tuple[int, ...], np.dtype[np.uint64]]
    phases: int = 0


class ResistiveMachine(RelaxationSubstrate):
    """Holds a `ResistiveNetwork` in memristive cells and finds its operating points.

    Activities are node voltages in volts; the nudge is a current into the outputs, dL/dv in units of conductance times
    volts. With `SquaredError` the following nudge is a resistor to the target, solved exactly; other costs take held or
    normalised forces.

    Args:
        network: from `resistive_network`.
        chip: range, levels, mismatch, programming, drift, converters and read-out noise of the cells; `REFUSED_FAULTS`
            have no meaning here and are refused.
        seed: which chip of that kind, and its noise.
        saturation_a: I_s of the diodes per unit of conductance in siemens; 0 for ideal diodes.
        unit_s: siemens of a conductance of 1, for netlists, time constants and heat.
        node_farads: capacitance of a node, for the settling time in the ledger.

    Raises:
        InputError: another kind of network, or a fault this circuit cannot have.
    """

    def __init__(
        self,
        network: ResistiveNetwork,
        chip: ChipParameters | None = None,
        seed: int = 0,
        *,
        saturation_a: float = 0.0,
        thermal_voltage: float = THERMAL_VOLTAGE,
        unit_s: float = 1e-4,
        node_farads: float = 1e-12,
    ) -> None:
        if not isinstance(network, ResistiveNetwork):
            raise InputError(
                f"a resistive machine holds a network of conductances (resistive_network), not a "
                f"{type(network).__name__}"
            )
        self.network: ResistiveNetwork = network
        self.chip = chip or ChipParameters()
        refused = [name for name in REFUSED_FAULTS if getattr(self.chip, name)]
        if refused:
            raise InputError(f"a resistive circuit has no {', '.join(refused)}; set them to zero")
        if not (unit_s > 0 and node_farads > 0):
            raise InputError("the unit of conductance and the node capacitance must be above zero")
        self.seed, self.unit_s, self.node_farads = seed, unit_s, node_farads
        self._diode = (saturation_a, thermal_voltage)
        self._cells: dict[int, Cells] = {}
        self.clock_s = 0.0
        self.samples_seen = 0
        self.program()

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="resistive",
            batch_exact=True,
            temporal_noise=self.chip.noisy,
            held_force=True,
            oscillation=True,
        )

    def program(self) -> Ledger:
        """Write the conductances; parameters outside what a cell holds are brought back into its range.

        With ``open_loop`` the parameters are set to what the cells hold, because nothing else does.
        """
        ledger = Ledger()
        with torch.no_grad():
            for index, coupling in enumerate(self.network.forward_couplings()):
                weight = coupling.parameter
                wanted = weight.detach().cpu().double().numpy()
                if not np.isfinite(wanted).all():
                    raise InputError(f"the conductances of coupling {index} are not all finite numbers")
                if index not in self._cells:
                    self._cells[index] = Cells.draw(wanted, self.chip, self.seed, index)
                cells = self._cells[index]
                wanted = np.clip(wanted, cells.low, cells.high)
                ledger.add(
                    Event.CELL_WRITES,
                    cells.write(wanted, self.chip, self.seed, index, self.clock_s),
                    component=Component.CROSSBAR,
                    layer=f"coupling{index}",
                    phase=Phase.PROGRAM,
                )
                held = cells.stored if self.chip.open_loop else wanted
                weight.copy_(torch.from_numpy(held))
                if self.chip.open_loop:
                    cells.wanted = weight.detach().cpu().double().numpy()
        self._refresh()
        return ledger

    def age(self, seconds: float) -> None:
        """Let time pass: conductances drift."""
        if not seconds >= 0:
            raise InputError(f"time runs forward: {seconds} s")
        self.clock_s += seconds
        self._refresh()

    def _refresh(self) -> None:
        couplings = self.network.forward_couplings()
        biases = [
            np.zeros(c.parameter.shape[0]) if c.bias is None else c.bias.detach().cpu().double().numpy()
            for c in couplings
        ]
        self.circuit = LayeredCircuit(
            conductances=tuple(
                np.ascontiguousarray(self._cells[i].read(self.chip, self.clock_s).T) for i in range(len(couplings))
            ),
            gains=tuple(c.gains for c in couplings),
            biases=tuple(biases),
            saturation_a=self._diode[0] / self.unit_s,
            thermal_voltage=self._diode[1],
        )

    def wanted(self, index: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """(target size, source size) conductances that array ``index`` was asked to hold, in the network's units."""
        return self._cells[index].wanted

    def in_siemens(self) -> LayeredCircuit:
        """The circuit with conductances in siemens and currents in amperes: what a netlist holds."""
        c, u = self.circuit, self.unit_s
        assert c.biases is not None
        return replace(
            c,
            conductances=tuple(g * u for g in c.conductances),
            biases=tuple(b * u for b in c.biases),
            saturation_a=c.saturation_a * u,
        )

    def state_dict(self) -> dict[str, Any]:
        """Everything that evolves: the cells, the chip's clock, the number of samples seen."""
        return {"cells": {i: replace(c) for i, c in self._cells.items()}, "clock_s": self.clock_s,
                "samples": self.samples_seen}  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`; the network's parameters must be those of that moment."""
        self._cells = {i: replace(c) for i, c in state["cells"].items()}
        self.clock_s, self.samples_seen = float(state["clock_s"]), int(state["samples"])
        self._refresh()

    def voltages(self, inputs: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """(batch, input nodes) volts at the circuit's input nodes, before the first amplifier."""
        first = self.network.forward_couplings()[0]
        x = first.voltages(quantise(inputs, self.chip.dac_bits, -self.chip.dac_range, self.chip.dac_range))
        return np.ascontiguousarray(x.detach().cpu().double().numpy())

    def drive(self, inputs: Tensor) -> Drive:
        self.network.check_inputs(inputs)
        currents = [torch.from_numpy(self.circuit.drive(self.voltages(inputs)))]
        currents += [torch.zeros(len(inputs), p.size, dtype=torch.float64) for p in self.network.populations[1:]]
        return Drive(inputs, tuple(currents))

    @torch.no_grad()
    def relax(
        self, drive: Drive, stop: Stop, *, nudge: Nudge | None = None, start: Equilibrium | None = None
    ) -> Equilibrium:
        check_drive(self.network, drive)
        check_nudge(self.network, drive, nudge)
        pull, target, force = self._nudge(nudge, start)
        begin = None
        if start is not None:
            begin = np.concatenate([u.double().numpy() for u in check_start(self.network, drive, start)], axis=1)
        solution = self.circuit.solve(
            drive=drive.currents[0].numpy(), pull=pull, target=target, force=force, start=begin,
            tolerance_v=stop.tolerance, max_sweeps=stop.max_steps, check_every=min(stop.check_every, 4),
        )  # fmt: skip
        run = self._position(drive, start)
        keys = sample_keys(self.seed, run.samples, run.phases)
        run.phases += 1
        phase = Phase.of_nudge(None if nudge is None else nudge.beta)
        return self._equilibrium(solution, stop, keys, run, phase, start is None)

    def _nudge(self, nudge: Nudge | None, start: Equilibrium | None) -> tuple[float, Any, Any]:
        """(pull, target, force) of the circuit. A force beta (v - y) is a conductance of -beta to y."""
        if nudge is None:
            return 0.0, None, None
        if complex(nudge.beta).imag or nudge.reference is not None:
            self.capabilities.require(
                complex_states=bool(complex(nudge.beta).imag), antisymmetric_correction=nudge.reference is not None
            )
        beta, cost, p = float(complex(nudge.beta).real), self.network.cost, self.chip
        if nudge.force is not None:
            held = beta * nudge.force.double()
            return 0.0, None, quantise(held, p.nudge_bits, -p.nudge_range, p.nudge_range).flatten(1).numpy()
        if not isinstance(cost, SquaredError):
            raise InputError(
                f"a nudge that follows {type(cost).__name__} is no element of a circuit; use held or normalised forces"
            )
        if p.nudge_bits:
            raise InputError("a following nudge is a resistor and has no bits; use held or normalised forces")
        target = cost.vector(nudge.target, self.network.populations[-1].size).double().flatten(1).numpy()
        return -beta, target, None

    def _equilibrium(
        self, solution: Solution, stop: Stop, keys: Any, run: _Run, phase: Phase, fresh: bool
    ) -> Equilibrium:
        starts = self.circuit.starts
        v = torch.from_numpy(solution.voltages).to(next(self.network.parameters()).dtype)
        state = tuple(v[:, a:b] for a, b in zip(starts[:-1].tolist(), starts[1:].tolist()))
        seen = state
        if self.chip.readout_noise:
            flat = np.empty(solution.voltages.shape, np.float32)
            fill_normals(keys, _READING, flat)
            noisy = v + self.chip.readout_noise * torch.from_numpy(flat).to(v.dtype)
            seen = tuple(noisy[:, a:b] for a, b in zip(starts[:-1].tolist(), starts[1:].tolist()))
        residual = torch.from_numpy(np.where(solution.sweeps > 0, solution.residual, np.inf)).to(v.dtype)
        return Equilibrium(
            activities=seen,
            membranes=state,
            residual=residual,
            converged=residual <= (stop.tolerance or 1e-3),
            steps=torch.from_numpy(solution.sweeps),
            cycling=torch.zeros(len(solution.sweeps), dtype=torch.bool),
            ledger=self._count(solution.sweeps, phase, fresh),
            state=run,
        )

    def _position(self, drive: Drive, start: Equilibrium | None) -> _Run:
        if start is not None and isinstance(start.state, _Run):
            return start.state
        first, self.samples_seen = self.samples_seen, self.samples_seen + drive.batch
        return _Run(np.arange(first, first + drive.batch, dtype=np.uint64))

    @property
    def settling_s(self) -> float:
        """Seconds that a phase takes: `SETTLING` time constants C / G of the node with the smallest conductance."""
        return SETTLING * self.node_farads / (float(self.circuit.total_conductance.min()) * self.unit_s)

    def _count(self, sweeps: Any, phase: Phase, fresh: bool) -> Ledger:
        """One phase of a batch: every cell conducts while the circuit settles; sweeps are arithmetic of the model."""
        ledger, network, batch = Ledger(), self.network, len(sweeps)
        arrays = self.circuit.conductances
        nanoseconds = math.ceil(batch * self.settling_s * 1e9)
        gained = sum(g.shape[0] for g, c in zip(arrays, network.forward_couplings()) if c.gains != (1.0, 1.0))
        for event, count, component, layer in (
            (Event.STEPS, int(sweeps.sum()), Component.MACHINE, ""),
            (Event.MATRIX_VECTOR_PRODUCTS, batch * len(arrays), Component.CROSSBAR, ""),
            (Event.CELL_READS, batch * sum(g.size for g in arrays), Component.CROSSBAR, ""),
            (Event.SETTLING_NANOSECONDS, nanoseconds, Component.MACHINE, ""),
            (Event.AMPLIFIER_NANOSECONDS, nanoseconds * gained, Component.NEURONS, ""),
            (Event.ADC_CONVERSIONS, batch * network.num_neurons, Component.CONVERTERS, ""),
            (Event.DAC_CONVERSIONS, fresh * batch * math.prod(network.input_shape), Component.CONVERTERS, "input"),
            (Event.DAC_CONVERSIONS, (phase is not Phase.FREE) * batch * network.populations[-1].size,
             Component.CONVERTERS, "nudge"),
        ):  # fmt: skip
            ledger.add(event, count, component=component, layer=layer, phase=phase)
        return ledger
