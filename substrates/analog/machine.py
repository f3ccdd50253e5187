"""The analog machine: one imperfect chip that holds a network and relaxes it. The target called `analog`."""

from __future__ import annotations

import copy
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hw_profiles.errors import InputError
from hw_profiles.ledger import Component, Event, Ledger, Phase
from hw_profiles.texts import shown
from substrates.analog.checks import check_drive, check_nudge, check_start
from substrates.analog.field import Field, promote
from substrates.analog.ideal import needs_complex
from substrates.analog.imperfections import ChipInstance, ChipParameters, quantise, sample_keys
from substrates.analog.imperfections.device_noise import normals
from substrates.analog.kernels import DenseRelaxation
from substrates.analog.noisy_step import AnalogStep
from substrates.analog.solvers import Damped, DiscreteMap, Relaxed, Solver, relax_batch, relax_together
from substrates.base import Capabilities, Drive, Equilibrium, Nudge, RelaxationSubstrate, Stop
from substrates.network import INPUT, Network, State

__all__ = ["MOST_READINGS", "AnalogMachine"]

MOST_READINGS = 1024

#: a fluctuating sample counts as converged within this many standard deviations of its equilibrium
NOISE_BAND = 6.0
#: "step" of the noise of the reading itself
_READING = 1 << 40


@dataclass
class _Run:
    """Noise position of a batch: the samples' numbers and how many phases they have been through."""

    samples: np.ndarray[tuple[int, ...], np.dtype[np.uint64]]
    phases: int = 0


class AnalogMachine(RelaxationSubstrate):
    """Relaxes a network on one chip: its mismatch, its weights as really written, its noise, its converters.

    Args:
        network: what is written by `program`; call that after every change of parameters.
        chip: kind of chip.
        seed: which chip of that kind. The same seed is the same chip, and the same noise from a fresh machine.
        instance: a chip drawn or loaded before, instead of ``chip`` and ``seed``.
        solver: `Damped` or `DiscreteMap` (any solver when the chip has no noise).
        readings: of every activity, whose mean the host takes: noise of a reading falls with the root of it, and each
            is a conversion that is counted. How often a chip is read is nothing the chip decides.

    Noise depends on (seed, sample number, phase, step, neuron) alone: samples are numbered in the order they are
    first relaxed from rest, so a batch split in two meets the same noise as the whole.
    """

    def __init__(
        self,
        network: Network,
        chip: ChipParameters | None = None,
        seed: int = 0,
        *,
        instance: ChipInstance | None = None,
        solver: Solver | None = None,
        readings: int = 1,
    ) -> None:
        if isinstance(readings, bool) or not isinstance(readings, int) or not 1 <= readings <= MOST_READINGS:
            raise InputError(f"readings={shown(readings)}: expected a whole number from 1 to {MOST_READINGS}")
        self.network = network
        self.readings = readings
        self.instance = ChipInstance.draw(network, chip or ChipParameters(), seed) if instance is None else instance
        if self.instance.shapes != tuple(p.shape for p in network.populations):
            raise InputError(
                f"this chip has populations {self.instance.shapes}, the network "
                f"{tuple(p.shape for p in network.populations)}; draw a chip for this network"
            )
        self.solver = Damped() if solver is None else solver
        p = self.chip
        if p.noisy and not isinstance(self.solver, (Damped, DiscreteMap)):
            raise InputError(f"a chip with noise relaxes by the damped map; got the solver {self.solver.name!r}")
        if (p.read_noise or p.read_noise_proportional) and any(not c.dense for c in network.couplings):
            raise InputError("read noise is modelled for dense couplings; this network has others: set it to zero")
        self._twin = copy.deepcopy(network)  # the network with the weights the chip really has
        self._compiled = DenseRelaxation(self._twin)
        self.samples_seen = 0
        self.program()

    @property
    def chip(self) -> ChipParameters:
        """The kind of chip."""
        return self.instance.parameters

    runs_on_devices = True  #: computes in torch, on the device of its network's parameters

    @property
    def looks_every(self) -> int:
        return self._compiled.looks_every(self.solver, self.chip.nudge_bits)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="analog",
            batch_exact=self._compiled.batch_exact(self.solver, self.chip.nudge_bits),
            complex_states=self.network.holomorphic and not self.chip.rail,
            temporal_noise=self.chip.noisy,
            antisymmetric_correction=self.chip.transposed_reads,
            held_force=True,
            oscillation=True,
        )

    def program(self) -> Ledger:
        """Write the network's weights into the cells. Biases and a read-out are digital and exact.

        With `open_loop` the network's parameters are then set to what the cells hold, because nothing else does.
        """
        ledger = Ledger()
        with torch.no_grad():
            self._twin.load_state_dict(self.network.state_dict())
            for index, coupling in enumerate(self.network.couplings):
                if coupling.weight is not None:
                    wanted = coupling.weight.detach().cpu().double().numpy()
                    cells = self.instance.write(index, wanted)
                    ledger.add(Event.CELL_WRITES, cells, layer=f"coupling{index}")
                    if self.chip.open_loop:
                        array = self.instance.arrays[index]
                        array.wanted = array.stored.copy()
                        coupling.weight.copy_(torch.from_numpy(array.stored))
                        # the optimizer's next change is measured from the value the parameter can hold
                        array.wanted = coupling.weight.detach().cpu().double().numpy()
        self._refresh()
        return ledger

    def realised_network(self) -> Network:
        """The network with the weights the cells have now (a copy: changing it changes no cell)."""
        return copy.deepcopy(self._twin)

    def age(self, seconds: float) -> None:
        """Let time pass: conductances drift."""
        if not seconds >= 0:
            raise InputError(f"time runs forward: {seconds} s")
        self.instance.clock_s += seconds
        self._refresh()

    def state_dict(self) -> dict[str, Any]:
        """All that evolves: the chip (cells, clock) and how many samples it has seen. For bit-exact resumption."""
        return {"samples": self.samples_seen, "instance": self.instance.to_bytes()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`; the network's parameters must be those of that moment."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "chip"
            path.write_bytes(state["instance"])
            self.instance = ChipInstance.load(path)
        self.samples_seen = int(state["samples"])
        self._twin.load_state_dict(self.network.state_dict())  # biases and read-out are digital
        self._refresh()

    def _refresh(self) -> None:
        with torch.no_grad():
            for index, coupling in enumerate(self._twin.couplings):
                if coupling.weight is not None:
                    coupling.weight.copy_(torch.from_numpy(self.instance.read(index)))
        parameter = next(self._twin.parameters())

        def tensors(values: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]) -> State:
            return tuple(
                torch.from_numpy(v).to(parameter).reshape(p.shape) for v, p in zip(values, self._twin.populations)
            )

        self._gain, self._offset = tensors(self.instance.gain), tensors(self.instance.offset)
        self._tau = tensors(self.instance.time_constant)

    def drive(self, inputs: Tensor) -> Drive:
        p = self.chip
        with torch.no_grad():
            inputs = quantise(inputs, p.dac_bits, -p.dac_range, p.dac_range)
            return Drive(inputs, self._compiled.currents(inputs))

    @torch.no_grad()
    def relax(
        self, drive: Drive, stop: Stop, *, nudge: Nudge | None = None, start: Equilibrium | None = None
    ) -> Equilibrium:
        p = self.chip
        check_drive(self._twin, drive)
        check_nudge(self._twin, drive, nudge)
        if nudge is not None:
            asks_complex = complex(nudge.beta).imag != 0
            self.capabilities.require(complex_states=asks_complex, antisymmetric_correction=nudge.reference is not None)
        membranes: State = self._twin.rest(drive.batch) if start is None else check_start(self._twin, drive, start)
        if needs_complex(nudge, membranes):
            membranes = promote(membranes)
        run = self._position(drive, start)
        keys = sample_keys(self.instance.seed, run.samples, run.phases)
        run.phases += 1
        field = Field(
            self._twin,
            drive.currents,
            nudge,
            self._activate,
            rail=p.rail,
            nudge_bits=p.nudge_bits,
            nudge_range=p.nudge_range,
        )
        step = self._step(drive, keys)
        limit = self._cut(stop)
        solver = step or self.solver
        if self._compiled.applies(field, solver, membranes):
            relaxed, activities = self._compiled.run(field, solver, membranes, limit, self._gain, self._offset)
        else:
            loop = relax_batch if membranes[0].device.type == "cpu" else relax_together
            relaxed = loop(solver, field, membranes, limit, noisy=p.noisy)
            activities = field.activate(relaxed.membranes)
        if p.noisy and step is not None:
            band = NOISE_BAND * step.spread(field, relaxed.membranes)
            settled = relaxed.residual <= (stop.tolerance or 1e-3) + band
            relaxed = Relaxed(relaxed.membranes, relaxed.residual, settled, relaxed.steps, relaxed.cycling & ~settled)
        return Equilibrium(
            activities=self._read(activities, keys),
            membranes=relaxed.membranes,
            residual=relaxed.residual,
            converged=relaxed.converged,
            steps=relaxed.steps,
            cycling=relaxed.cycling,
            ledger=self._count(relaxed, Phase.of_nudge(None if nudge is None else nudge.beta), start is None),
            state=run,
        )

    def _activate(self, population: int, membrane: Tensor) -> Tensor:
        return self._twin.activations[population].function(self._gain[population] * membrane + self._offset[population])

    def _position(self, drive: Drive, start: Equilibrium | None) -> _Run:
        if start is not None and isinstance(start.state, _Run):
            return start.state
        first, self.samples_seen = self.samples_seen, self.samples_seen + drive.batch
        return _Run(np.arange(first, first + drive.batch, dtype=np.uint64))

    def _step(self, drive: Drive, keys: np.ndarray[tuple[int, ...], np.dtype[np.uint64]]) -> AnalogStep | None:
        """The damped map with each neuron's own time constant and with noise; None for another solver."""
        if not isinstance(self.solver, (Damped, DiscreteMap)):
            return None
        h = self.solver.step_size
        steps = tuple((h / tau).clamp(max=1.0) for tau in self._tau)
        arrays = self.instance.arrays
        owners = [i if i in arrays else self._owner(i) for i in range(len(self._twin.couplings))]
        return AnalogStep(
            steps=steps,
            state_noise=self.chip.state_noise,
            additive=self.chip.read_noise,
            proportional=self.chip.read_noise_proportional,
            ranges=tuple(arrays[i].w_max for i in owners),
            inputs=drive.inputs,
            keys=torch.from_numpy(keys.view(np.int64)).to(self._tau[0].device),
        )

    def _owner(self, index: int) -> int:
        """Number of the coupling whose cells a tied coupling reads from the other side."""
        tied = self._twin.couplings[index].tied
        return next(i for i, c in enumerate(self._twin.couplings) if c is tied)

    def _read(self, activities: State, keys: np.ndarray[tuple[int, ...], np.dtype[np.uint64]]) -> State:
        """Activities as the host has them: the mean of ``readings`` readings, each with noise and converted."""
        times = self.readings if self.chip.readout_noise else 1  # without noise all are equal
        read = self._read_once(activities, keys, 0)
        for i in range(1, times):
            read = tuple(a + b for a, b in zip(read, self._read_once(activities, keys, i)))
        return read if times == 1 else tuple(v / times for v in read)

    def _read_once(
        self, activities: State, keys: np.ndarray[tuple[int, ...], np.dtype[np.uint64]], number: int
    ) -> State:
        p = self.chip
        if p.readout_noise:
            bits = torch.from_numpy(keys.view(np.int64)).to(activities[0].device)
            noise = normals(bits, _READING + number, self._twin.num_neurons)
            parts = torch.split(noise, [q.size for q in self._twin.populations], dim=1)
            activities = tuple(
                v + p.readout_noise * z.reshape(v.shape).to(v.real.dtype) for v, z in zip(activities, parts)
            )
        if p.adc_bits:
            ranges = [(a.low, a.high) if math.isfinite(a.high - a.low) else (-1.0, 1.0) for a in self._twin.activations]
            activities = tuple(quantise(v, p.adc_bits, *r) for v, r in zip(activities, ranges))
        return activities

    def _dt(self) -> float:
        """Seconds of one step."""
        return float(getattr(self.solver, "step_size", 1.0)) * self.chip.time_constant_s

    def _cut(self, stop: Stop) -> Stop:
        """The steps that fit in the settling time; all of them when the chip is noisy (it cannot see its residual)."""
        steps = stop.max_steps
        if self.chip.settling_time_s:
            steps = min(steps, round(self.chip.settling_time_s / self._dt()))
        return Stop(steps, 0.0 if self.chip.noisy else stop.tolerance, stop.check_every)

    def _count(self, relaxed: Relaxed, phase: Phase, fresh: bool) -> Ledger:
        """Counts of one phase. One matrix-vector product per array and step; samples follow one another."""
        ledger, network = Ledger(), self._twin
        batch, steps = len(relaxed.steps), int(relaxed.steps.sum())
        parts = 2 if relaxed.membranes[0].is_complex() else 1  # real and imaginary currents
        cells = sum(c.macs for c in network.couplings)
        nanoseconds = round(steps * self._dt() * 1e9)
        ledger.add(Event.STEPS, steps, phase=phase)
        ledger.add(Event.MATRIX_VECTOR_PRODUCTS, steps * len(network.couplings) * parts, phase=phase)
        ledger.add(Event.CELL_READS, steps * cells * parts, phase=phase)
        ledger.add(Event.SETTLING_NANOSECONDS, nanoseconds, phase=phase)
        ledger.add(Event.AMPLIFIER_NANOSECONDS, nanoseconds * network.num_neurons * parts, phase=phase)
        ledger.add(Event.ADC_CONVERSIONS, batch * network.num_neurons * parts * self.readings, phase=phase)
        if fresh and any(c.source == INPUT for c in network.couplings):
            ledger.add(
                Event.DAC_CONVERSIONS,
                batch * math.prod(network.input_shape),
                component=Component.CONVERTERS,
                layer="input",
                phase=phase,
            )
        if phase is not Phase.FREE:
            size = batch * network.populations[-1].size * parts
            ledger.add(Event.DAC_CONVERSIONS, size, component=Component.CONVERTERS, layer="nudge", phase=phase)
        return ledger
