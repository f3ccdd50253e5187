"""Learning on the chip itself: weights change where they are stored, by the learning engine's small integers.

After the phases every neuron emits its response once, as one graded spike of 8 bits (`phases.rescale`); that is the
post-synaptic trace y. The pre-synaptic trace x is the free activity in 7 bits. Each synapse adds up products,

    a  <-  clip(a - x y, +-(2^15 - 1))            over the samples of an update window
    m  <-  clip(m + stochastic_round(a / 2^k), int8)

with accumulators, traces and weights as wide as Lava's learning engine has them (traces 7 bits, weights 8, accumulator
15 and sign). The fraction is rounded up with a probability equal to itself, from counter-based words, so that updates
much smaller than one weight step still count on average. The shift k is the learning rate: a power of two per coupling.

Homeostasis, the same way (`noise_correlation`): each neuron emits a random sign eps, hears r = W eps, and the synapse
adds -(r_i eps_j - eps_i r_j), whose expectation is -(W - B^T) for a reciprocal pair: no transport of weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from hw_profiles.ledger import Component, Event, Ledger, Phase
from substrates.loihi2.neurons.relaxation import STATE_MAX
from substrates.loihi2.random import step_key, stream_key, word, word_array
from substrates.loihi2.relaxation.chip_network import StoredCoupling
from substrates.loihi2.relaxation.layout import Int64
from substrates.loihi2.relaxation.machine import Loihi2Machine
from substrates.loihi2.relaxation.phases import Response, rescale, response_shifts
from substrates.network import INPUT

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACCUMULATOR_MAX", "LocalLearner", "noise_correlation", "stochastic_shift"]

ACCUMULATOR_MAX = 2**15 - 1
TRACE_BITS = 7
ERROR_BITS = 8
_NONE = np.zeros(0, np.int64)


@njit(cache=True, nogil=True)
def _shifted(value, shift, start, index):  # type: ignore[no-untyped-def]
    """One value / 2^shift, rounded at random by word ``index`` of the step key ``start``."""
    if shift <= 0:
        return value << -shift
    return (value + np.int64(word(start, np.uint64(index)) >> np.uint64(64 - shift))) >> shift


@njit(cache=True, nogil=True)
def _shift_all(values, shift, start, out):  # type: ignore[no-untyped-def]
    for k in range(values.size):
        out[k] = _shifted(values[k], shift, start, k)


@njit(cache=True, nogil=True)
def _apply(mantissas, sums, shift, start, swapped, swapped_shift, swapped_start, new):  # type: ignore[no-untyped-def]
    """new = clip(mantissas + both changes); returns how many weights changed, how many weights and sums were clipped.

    ``swapped`` may be empty.
    """
    changed, weights, accumulators = 0, 0, 0
    for k in range(mantissas.size):
        if sums[k] == 0 and swapped.size == 0:
            new[k] = mantissas[k]
            continue
        a = min(max(-sums[k], -ACCUMULATOR_MAX), ACCUMULATOR_MAX)
        accumulators += a != -sums[k]
        m = mantissas[k] + _shifted(a, shift, start, k)
        if swapped.size > 0:
            m += _shifted(swapped[k], swapped_shift, swapped_start, k)
        new[k] = min(max(m, -128), 127)
        weights += new[k] != m
        changed += new[k] != mantissas[k]
    return changed, weights, accumulators


def stochastic_shift(values: Int64, shift: int, key: np.uint64, step: int) -> Int64:
    """values / 2^shift rounded up or down at random, with mean exactly values / 2^shift; a negative shift is exact."""
    out = np.empty(values.size, np.int64)
    _shift_all(np.ascontiguousarray(values, np.int64).ravel(), shift, np.uint64(step_key(key, np.uint64(step))), out)
    return out.reshape(values.shape)


@dataclass
class LocalLearner:
    """Local updates of the stored weights and biases.

    Args:
        machine: programmed; from then on its stored weights are the only ones (the torch network's are not read).
        rate: learning rate; each coupling uses the nearest power of two.
        homeostasis: rate of the noise-correlation rule; 0 for none.
        draws: random sign vectors per update.
        seed: of the stochastic rounding and the signs.

    Raises:
        InputError: rates that are negative; in ``update``, on a strict machine, a weight that leaves its 8 bits.
    """

    machine: Loihi2Machine
    rate: float = 0.1
    homeostasis: float = 0.0
    draws: int = 1
    seed: int = 0
    updates: int = field(default=0, init=False)
    clipped_weights: int = field(default=0, init=False)  #: updates cut off at the ends of 8 bits, so far
    clipped_accumulators: int = field(default=0, init=False)  #: sums cut off at 15 bits, so far

    def __post_init__(self) -> None:
        if self.rate < 0 or self.homeostasis < 0 or self.draws < 1:
            raise InputError("rates cannot be negative, and at least one noise draw is needed")
        self._key = stream_key(self.seed, "local updates")

    def update(self, inputs: Tensor, response: Response, keep: npt.NDArray[np.bool_] | None = None) -> Ledger:
        """One update window: all samples of ``response`` (those of ``keep``), then one write of the weights."""
        chip, rules = self.machine.chip, self.machine.chip.rules
        one, bits = self.machine.settings.one, self.machine.settings.fraction_bits
        keep = np.ones(response.error.shape[0], np.bool_) if keep is None else keep
        count = max(int(keep.sum()), 1)
        shifts = response_shifts(response.error, rules, ERROR_BITS)
        errors = rescale(response.error, rules, shifts, ERROR_BITS)[keep].astype(np.float64)
        x_in = np.rint(inputs.detach().flatten(1).numpy() * one).astype(np.int64)[keep]
        traces = (response.activity[keep] >> (bits - TRACE_BITS)).astype(np.float64)
        x_in = np.clip(x_in >> (bits - TRACE_BITS), 0, 2**TRACE_BITS - 1).astype(np.float64)
        ledger, new = Ledger(), []
        bias = chip.bias.astype(np.int64)
        noise: list[tuple[Int64, int] | None] = [None] * len(chip.couplings)
        if self.homeostasis:
            noise = noise_correlation(chip.couplings, rules.offset, self.draws, self._key, self.updates)
        for index, c in enumerate(chip.couplings):
            lo, hi = int(rules.offset[c.target]), int(rules.offset[c.target + 1])
            pre = x_in if c.source == INPUT else traces[:, rules.offset[c.source] : rules.offset[c.source + 1]]
            # Sums of products below 2^53: the float product is exact.
            product = (errors[:, lo:hi].T @ pre).astype(np.int64)
            # One unit of the accumulator is 2^-(shift + 7) / scale of gradient, one of the weight 2^exponent.
            unit = 2.0 ** -(int(shifts[c.target]) + TRACE_BITS) / response.scale / 2.0**c.exponent
            swapped, swapped_shift = _NONE, 0
            heard = noise[index]
            if heard is not None:
                value, exponent = heard
                size = 2.0 * self.homeostasis * 2.0 ** (exponent - c.exponent) / (self.draws * chip.num_neurons)
                swapped, swapped_shift = value.ravel(), _shift(size)
            mantissas = np.empty(c.mantissas.shape, np.int8)
            steps = [np.uint64(step_key(self._key, np.uint64(self._step(index) + k))) for k in (0, 1)]
            changed, weights, accumulators = _apply(
                c.mantissas.ravel(), product.ravel(), _shift(self.rate * unit / count), steps[0],
                swapped, swapped_shift, steps[1], mantissas.ravel(),
            )  # fmt: skip
            self.clipped_weights += weights
            self.clipped_accumulators += accumulators
            if self.machine.settings.strict and weights:
                raise InputError(
                    f"{weights} weights of one coupling left their 8 bits; use a smaller rate, or strict=False"
                )
            layer = chip.network.populations[c.target].name
            ledger.add(Event.SYNAPTIC_UPDATES, changed, component=Component.SYNAPSES, layer=layer, phase=Phase.UPDATE)
            new.append(replace(c, mantissas=mantissas))
            if chip.network.couplings[index].bias is not None:
                step = -errors[:, lo:hi].sum(axis=0) * 2.0 ** -float(shifts[c.target]) / response.scale / count
                bias[lo:hi] += np.rint(self.rate * step * one).astype(np.int64)
        for p, population in enumerate(chip.network.populations):
            emitted = int(np.count_nonzero(errors[:, rules.offset[p] : rules.offset[p + 1]]))
            ledger.add(Event.MESSAGES, emitted, component=Component.NEURONS, layer=population.name, phase=Phase.UPDATE)
        ledger.add(Event.STEPS, count, component=Component.MACHINE, phase=Phase.UPDATE)
        chip.store(new, np.clip(bias, -STATE_MAX, STATE_MAX).astype(np.int32))
        self.machine.rewired()
        self.updates += 1
        return ledger

    def _step(self, index: int) -> int:
        return (self.updates * 64 + index) * 2


def _shift(factor: float) -> int:
    """The right shift nearest to multiplying by ``factor``; so large that nothing is left when the factor is 0."""
    return 62 if factor <= 0 else min(round(-np.log2(factor)), 62)


def noise_correlation(
    couplings: list[StoredCoupling], offset: Int64, draws: int, key: np.uint64, update: int
) -> list[tuple[Int64, int] | None]:
    """Sum over draws of -(r_i eps_j - eps_i r_j) for every coupling that has a reciprocal one; None for the others.

    eps are random signs, one per neuron and draw; r = W eps is heard through the stored weights, brought to the finest
    exponent of all couplings so that r is an integer.

    Returns:
        Per coupling (sums (target size, source size), exponent): the expectation of a sum times 2^exponent is
        -draws (W - B^T).
    """
    pairs = {(c.source, c.target) for c in couplings}
    finest = min((c.exponent for c in couplings if c.source != INPUT), default=0)
    neurons = int(offset[-1])
    words = word_array(key, 2**40 + update, np.arange(draws * neurons))
    eps = ((words >> np.uint64(63)).astype(np.int64) * 2 - 1).reshape(draws, neurons)
    heard = np.zeros_like(eps, dtype=np.float64)
    for c in couplings:
        if c.source != INPUT:
            sent = eps[:, offset[c.source] : offset[c.source + 1]].astype(np.float64)
            weights = np.ldexp(c.mantissas.T.astype(np.float64), c.exponent - finest)
            heard[:, offset[c.target] : offset[c.target + 1]] += sent @ weights
    result: list[tuple[Int64, int] | None] = []
    for c in couplings:
        if c.source == INPUT or (c.target, c.source) not in pairs:
            result.append(None)
            continue
        post, pre = slice(*offset[c.target : c.target + 2]), slice(*offset[c.source : c.source + 2])
        swap = heard[:, post].T @ eps[:, pre] - eps[:, post].T @ heard[:, pre]
        result.append((-swap.astype(np.int64), finest))
    return result
