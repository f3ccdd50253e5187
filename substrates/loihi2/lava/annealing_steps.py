"""One hardware step of the annealing neurons, whole populations: what the Lava models do.

Our own processes and lava-optimization's public ones have the same ports, so both use these. Random numbers and the
Metropolis test are those of `substrates.loihi2.annealing.specification`; here they are spread over hardware steps:

    u_i += sum_j Q_ij s_j                      s_j = x_new - x_old of the neighbours that flipped one step ago
    two-phase:  odd steps   neurons that pass their test suggest; 1-bit synapses count the rivals n of each
                even steps  of those, rand_b (n + 1) < 2^b flips
    refractory: neurons that pass and do not rest flip, then rest ``rand8 >> scaling`` steps
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.annealing.specification import leading_zeros, passes, random_bits, second_random
from substrates.loihi2.random import stream_key
from substrates.loihi2.widths import STATE_MAX

__all__ = ["AnnealingState", "cost_shares"]

I64 = npt.NDArray[np.int64]
Bits = npt.NDArray[np.bool_]


def cost_shares(x: I64, u: I64, diagonal: I64) -> I64:
    """x_i (Q_ii + u_i): their sum is the cost x^T Q x, every pair counted once from each side."""
    return x * (diagonal + u)


class AnnealingState:
    """What an annealing population knows beside its Vars.

    Args:
        diagonal: (n,) Q_ii.
        seed: of the random numbers; draw (step, neuron) is the engine's.
        settings: the open choices of the specification; an ``exponent`` of None counts as 0.
    """

    def __init__(self, diagonal: npt.ArrayLike, *, seed: int, settings: Settings) -> None:
        self.diagonal = np.atleast_1d(np.asarray(diagonal)).astype(np.int64)
        self.key = stream_key(seed, "anneal")
        self.settings = settings
        self.step = 0
        self.suggested: Bits = np.zeros(self.diagonal.size, np.bool_)

    def receive(self, u: I64, a_in: npt.ArrayLike) -> I64:
        """Add the synapses' sums to u; 24 bits, saturating."""
        return np.clip(u + np.asarray(a_in).astype(np.int64), -STATE_MAX, STATE_MAX)

    def suggest(self, x: I64, u: I64, temperature: I64, step: int) -> Bits:
        """Which neurons pass their test in algorithmic step ``step`` (the first is 0)."""
        self.step = step
        s = self.settings
        energy = (1 - 2 * x) * (self.diagonal + 2 * u)
        zeros = leading_zeros(random_bits(self.key, step, x.size, s.random_bits), s.random_bits)
        # every neuron holds the same temperature: the specification takes it as one number, or one per neuron
        self.suggested = passes(energy, temperature, zeros, exponent=s.exponent or 0, strict=s.strict)  # type: ignore[arg-type]
        return self.suggested

    def switch(self, rivals: npt.ArrayLike) -> Bits:
        """Two-phase, second phase: which of the neurons that suggested flip; ``rivals`` neighbours did, too."""
        bits = self.settings.switch_bits
        drawn = second_random(self.key, self.step, self.diagonal.size, bits)
        n = np.asarray(rivals).astype(np.int64)
        return self.suggested & (((drawn * (n + 1)) >> bits) == 0)

    def flip_and_rest(self, x: I64, u: I64, temperature: I64, counter: I64, step: int) -> Bits:
        """Refractory: which neurons flip; ``counter`` (steps still to rest) is brought up to date in place."""
        flips = self.suggest(x, u, temperature, step) & (counter == 0)
        drawn = second_random(self.key, step, x.size) >> self.settings.refractory_scaling
        counter[:] = np.where(flips, drawn, np.maximum(counter - 1, 0))
        return flips
