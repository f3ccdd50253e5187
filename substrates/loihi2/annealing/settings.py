"""The open choices of the annealing neurons, each a documented setting with a measured default."""

from __future__ import annotations

from dataclasses import dataclass

from hw_profiles.errors import InputError
from hw_profiles.registry import nearest
from substrates.loihi2.annealing.schemes import SCHEMES

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """What Intel's microcode decides and nobody outside can read (README.md has the measurements).

    Attributes:
        scheme: a name of `SCHEMES`: ``two-phase`` (suggest, then switch), ``refractory``, ``nebm`` (every variable is
            drawn from its heat bath, as the chip's earlier solver did; for comparison with silicon) or ``eviction``
            (independent sets only: who turns on turns its neighbours off).
        random_bits: width k of the random number whose leading zeros are counted; dE > k T is never accepted.
        strict: accept dE < T clz(r) instead of dE <= T clz(r). Moves that cost nothing are then made with probability
            1/2 (clz >= 1) and never at T = 0; without it always, which wastes most steps on problems with plateaus.
        switch_bits: width b of the second random number: with n rivals a neuron flips if rand_b (n + 1) < 2^b.
        refractory_scaling: after a flip a neuron rests rand8 >> scaling steps.
        initial_rest: refractory neurons begin with a random rest, drawn like any other; without it the first step
            flips every neuron at once, from which dense problems do not recover.
        exponent: Q is stored as Q 2^exponent (a synapse's weight exponent), which gives the integer temperature its
            resolution; temperatures are in these stored units. None: chosen from the problem.
        refract: of ``nebm``: steps that a variable is held after a change.
    """

    scheme: str = "two-phase"
    random_bits: int = 16
    strict: bool = True
    switch_bits: int = 8
    refractory_scaling: int = 4
    initial_rest: bool = True
    exponent: int | None = None
    refract: int = 64

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            hint = nearest(self.scheme, SCHEMES)
            raise InputError(f"no scheme {self.scheme!r}; {hint}there are {', '.join(SCHEMES)}")
        for name, low, high in (
            ("random_bits", 1, 32),
            ("switch_bits", 1, 24),
            ("refractory_scaling", 0, 8),
            ("refract", 0, 65535),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name} must be {low} to {high}, got {value}")
        if self.exponent is not None and not -16 <= self.exponent <= 20:
            raise InputError(f"exponent must be -16 to 20, got {self.exponent}")

    @property
    def hardware_steps(self) -> int:
        """Time steps of the chip for one algorithmic step."""
        return SCHEMES[self.scheme].hardware_steps
