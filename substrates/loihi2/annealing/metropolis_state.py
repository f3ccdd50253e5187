"""One anneal of neurons that accept a flip or not: the schemes two-phase and refractory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from substrates.loihi2.annealing import kernel
from substrates.loihi2.annealing.counters import CHANGES, LATCHES
from substrates.loihi2.annealing.layout import Layout, aligned, as_bits, as_words
from substrates.loihi2.annealing.program import INTEGRATOR, TEMPERATURE, VARIABLES
from substrates.loihi2.annealing.read import Read
from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.annealing.specification import second_random
from substrates.loihi2.random import stream_key

__all__ = ["MetropolisRead"]

TALLY_STEPS = 2**30  #: steps after which 32-bit counts are added to the 64-bit ones
I64 = npt.NDArray[np.int64]


class MetropolisRead(Read):
    """See `Read`.

    Args:
        layout: the problem.
        seed: 0 to 2^64 - 1.
        settings: the open choices of the specification.
        start: (n,) the first x, zeros when None.
        exponent: of the stored Q.
    """

    def __init__(
        self, layout: Layout, seed: int, settings: Settings, start: npt.NDArray[np.uint8] | None, exponent: int
    ) -> None:
        x = np.zeros(layout.n, np.uint8) if start is None else np.ascontiguousarray(start, np.uint8)
        super().__init__(layout, settings, exponent, layout.cost(x), own=kernel.OWN)
        key = stream_key(seed, "anneal")
        size, two_phase = layout.blocks * 64, settings.scheme == "two-phase"
        sign, energy = aligned((2, size), layout.energy_type)
        sign[:] = 2
        energy[:] = np.iinfo(layout.energy_type).max
        energy[: layout.n] = (1 - 2 * x.astype(np.int64)) * (layout.diagonal + 2 * layout.inputs(x))
        sign[: layout.n] -= 4 * x.astype(layout.energy_type)
        state = as_words(x, size)
        self.at = kernel.Progress(
            self.counters, aligned((kernel.TALLY_ROWS, layout.n), np.int32), state, state.copy(), sign, energy,
            np.zeros((1 if two_phase else 257, layout.blocks), np.uint64), self.noted,
        )  # fmt: skip
        self._scratch = kernel.Scratch(
            np.zeros(layout.blocks, np.uint64), np.zeros(2 * layout.n, np.int32),
            np.zeros(settings.random_bits + 1, np.int64), np.zeros((kernel.SHALLOW, layout.blocks), np.uint64),
        )  # fmt: skip
        self._rules = kernel.Rules(
            key, exponent, int(settings.strict), int(np.iinfo(layout.energy_type).max) - 1, settings.switch_bits,
            -1 if two_phase else settings.refractory_scaling,
        )  # fmt: skip
        self._start = x
        self._totals = np.zeros((3, layout.n), np.int64)
        if not two_phase and settings.initial_rest:
            self._rest_first(seed)

    def _rest_first(self, seed: int) -> None:
        rest = second_random(stream_key(seed, "anneal rest"), 0, self.layout.n) >> self.settings.refractory_scaling
        neuron = np.flatnonzero(rest)
        bit = np.uint64(1) << (neuron % 64).astype(np.uint64)
        np.bitwise_or.at(self.at.ready, (rest[neuron], neuron // 64), bit)
        np.bitwise_or.at(self.at.ready, (np.full(len(neuron), 256), neuron // 64), bit)

    @property
    def energy(self) -> npt.NDArray[np.signedinteger[Any]]:
        """(n,) what flipping each variable would cost now."""
        return self.at.energy[: self.layout.n]

    def x(self) -> npt.NDArray[np.uint8]:
        return self._assignment(self.at.state)

    def inputs(self) -> I64:
        return self.layout.inputs(self.x())

    def best_state(self) -> npt.NDArray[np.uint8]:
        return self._assignment(self.at.best)

    def _assignment(self, bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
        return as_bits(bits, self.layout.n)

    def _kernel(self, temperatures: npt.NDArray[np.int32], target: int) -> None:
        kernel.advance(self.layout.rows, self.at, self._scratch, self._rules, temperatures[:TALLY_STEPS], target)
        if self.steps - self.counters[kernel.SINCE] >= TALLY_STEPS:
            self._totals = self._tallied()
            self.at.tally[:] = 0
            self.counters[kernel.SINCE] = self.steps

    def _tallied(self) -> I64:
        """(3, n) suggestions, flips, and steps after which x was 1, from the first step on."""
        totals = self._totals + self.at.tally
        totals[kernel.ON] += self.x() * (self.steps - self.counters[kernel.SINCE])
        return totals

    def sent(self) -> dict[str, I64]:
        suggested, flipped, on = self._tallied()
        # The start's cost is reported before the first step, the last one once more (twice) while it is read out.
        shares = on + self._start + self.x() * (1 if self.settings.scheme == "two-phase" else 2)
        found = {
            VARIABLES: flipped,
            f"{VARIABLES}.share": shares,
            TEMPERATURE: self.counters[[CHANGES]],
            INTEGRATOR: self.counters[[LATCHES]],
        }
        if self.settings.scheme == "two-phase":
            found[f"{VARIABLES}.suggest"] = suggested
        return found
