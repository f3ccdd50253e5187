"""The evolving state of one read, and the chip's counts of what it did."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.ledger import Component, Event, Ledger, Phase
from substrates.loihi2.annealing import kernel
from substrates.loihi2.annealing.layout import Layout, aligned
from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.annealing.specification import second_random
from substrates.loihi2.random import stream_key

__all__ = ["NO_TARGET", "Read", "chip_ledger"]

NO_TARGET = -(2**62)
IMPROVEMENTS = 1024  #: improvements noted before the kernel hands back


class Read:
    """One anneal in progress. ``advance`` may be called with any stretch of temperatures; the trajectory is the same.

    Args:
        layout: the problem.
        seed: 0 to 2^64 - 1.
        settings: with an exponent.
        start: (n,) the first x, zeros when None.
    """

    def __init__(
        self, layout: Layout, seed: int, settings: Settings, start: npt.NDArray[np.uint8] | None, exponent: int
    ) -> None:
        self.layout, self.settings, self.exponent = layout, settings, exponent
        self.key = stream_key(seed, "anneal")
        size = layout.blocks * 64
        x = np.zeros(layout.n, np.uint8) if start is None else np.ascontiguousarray(start, np.uint8)
        self.sign, self.energy = aligned((2, size), layout.energy_type)
        self.sign[:] = 2
        self.energy[:] = np.iinfo(layout.energy_type).max
        self.energy[: layout.n] = (1 - 2 * x.astype(np.int64)) * (layout.diagonal + 2 * layout.inputs(x))
        self.sign[: layout.n] -= 4 * x.astype(layout.energy_type)
        bits = np.zeros(size, np.uint8)
        bits[: layout.n] = x
        self.state = np.packbits(bits, bitorder="little").view("<u8").astype(np.uint64)
        self.best = self.state.copy()
        self.counters = np.zeros(kernel.COUNTERS, np.int64)
        self.counters[[kernel.COST, kernel.BEST_COST]] = layout.cost(x)
        self.counters[kernel.ONES] = int(x.sum())
        self.trace = [np.array([[0, self.best_cost]], np.int64)]
        self._improvements = np.zeros((IMPROVEMENTS, 2), np.int64)
        self._mask = np.zeros(layout.blocks, np.uint64)
        self._chosen = np.zeros(2 * layout.n, np.int32)
        self._bounds = np.zeros(settings.random_bits + 1, np.int64)
        self._planes = np.zeros((kernel.SHALLOW, layout.blocks), np.uint64)
        self._ready = np.zeros((1 if settings.scheme == "two-phase" else 257, layout.blocks), np.uint64)
        if settings.scheme == "refractory" and settings.initial_rest:
            self._rest_first(seed)

    def _rest_first(self, seed: int) -> None:
        rest = second_random(stream_key(seed, "anneal rest"), 0, self.layout.n) >> self.settings.refractory_scaling
        neuron = np.flatnonzero(rest)
        bit = np.uint64(1) << (neuron % 64).astype(np.uint64)
        np.bitwise_or.at(self._ready, (rest[neuron], neuron // 64), bit)
        np.bitwise_or.at(self._ready, (np.full(len(neuron), 256), neuron // 64), bit)

    @property
    def best_cost(self) -> int:
        return int(self.counters[kernel.BEST_COST])

    @property
    def cost(self) -> int:
        return int(self.counters[kernel.COST])

    @property
    def best_step(self) -> int:
        return int(self.counters[kernel.BEST_STEP])

    @property
    def steps(self) -> int:
        return int(self.counters[kernel.STEP])

    def best_state(self) -> npt.NDArray[np.uint8]:
        """(n,) the best x so far."""
        bits: npt.NDArray[np.uint8] = np.unpackbits(self.best.astype("<u8").view(np.uint8), bitorder="little")
        return bits[: self.layout.n]

    def advance(self, temperatures: npt.NDArray[np.int32], target: int = NO_TARGET) -> None:
        """Do one step per temperature, fewer if ``target`` is reached."""
        a, s = self.layout, self.settings
        limit = int(np.iinfo(a.energy_type).max) - 1
        end = self.steps + len(temperatures)
        while self.steps < end and self.best_cost > target:
            self.counters[kernel.FOUND] = 0
            rest = temperatures[len(temperatures) - end + self.steps :]
            kernel.advance(
                self.counters, self.state, self.best, self.sign, self.energy, self._mask, self._chosen, self._ready,
                a.indptr, a.indices, a.weights, a.dense, a.adjacency, a.opposed, a.unit, rest,
                self.key, self._bounds, self._planes, self.exponent, int(s.strict), limit, s.switch_bits,
                -1 if s.scheme == "two-phase" else s.refractory_scaling, target, self._improvements,
            )  # fmt: skip
            if found := int(self.counters[kernel.FOUND]):
                self.trace.append(self._improvements[:found].copy())

    def improvements(self) -> npt.NDArray[np.int64]:
        """(k, 2): step and cost of every improvement, the start first."""
        return np.concatenate(self.trace)

    def ledger(self) -> Ledger:
        """What the chip counts for this read."""
        return chip_ledger(self.counters, self.settings, self.layout.n)


def chip_ledger(counters: npt.NDArray[Any], settings: Settings, n: int) -> Ledger:
    """What the chip counts for a read: every neuron steps in every hardware step, whatever the kernel skipped.

    In the switch step (the only one of the refractory scheme) every neuron that is on also sends its cost share to the
    integrator, as in the public cost path. The temperature neuron's broadcasts are left out: they are rare.
    """
    c = [int(value) for value in counters]
    steps, flips, shares = c[kernel.STEP], c[kernel.FLIPS], c[kernel.SHARES]
    ledger = Ledger()
    every = [("variables", flips, c[kernel.FLIPPED_SYNAPSES])]
    if settings.scheme == "two-phase":
        every.insert(0, ("variables.suggest", c[kernel.SUGGESTIONS], c[kernel.SUGGESTED_SYNAPSES]))
    for port, sent, synapses in every:
        rivals = "variables.rivals" if port == "variables.suggest" else "variables"
        neurons: dict[str, Any] = {"component": Component.NEURONS, "phase": Phase.ANNEAL}
        ledger.add(Event.STEPS, steps, component=Component.MACHINE, phase=Phase.ANNEAL)
        ledger.add(Event.NEURON_UPDATES_ACTIVE, sent, layer="variables", **neurons)
        ledger.add(Event.NEURON_UPDATES_INACTIVE, steps * n - sent, layer="variables", **neurons)
        ledger.add(Event.MESSAGES, sent, layer=port, **neurons)
        ledger.add(Event.SYNAPTIC_OPERATIONS, synapses, component=Component.SYNAPSES, layer=rivals, phase=Phase.ANNEAL)
        ledger.add(Event.NEURON_UPDATES_INACTIVE, steps, layer="cost integrator", **neurons)
        ledger.add(Event.NEURON_UPDATES_INACTIVE, steps, layer="temperature", **neurons)
    ledger.add(Event.MESSAGES, shares, component=Component.NEURONS, layer="variables.share", phase=Phase.ANNEAL)
    ledger.add(
        Event.SYNAPTIC_OPERATIONS, shares, component=Component.SYNAPSES, layer="cost integrator", phase=Phase.ANNEAL
    )
    # Read-out: the state, 32 neurons to an integrator, and two more for cost and time step.
    ledger.add(Event.HOST_READS, 2 + -(-n // 32), component=Component.HOST, phase=Phase.ANNEAL)
    return ledger
