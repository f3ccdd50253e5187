"""What one chooses when putting a network on the chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hw_profiles.errors import InputError

__all__ = ["Loihi2Settings"]


@dataclass(frozen=True)
class Loihi2Settings:
    """Number formats and rules of the network on the chip.

    Attributes:
        threshold: smallest change of activity that is sent, in units of activity; 0 sends every change. Raised to the
            last place of a message where messages are coarser.
        damping_shift: u moves by (target - u) / 2^k per step; 1 is the damped map with step 0.5.
        fraction_bits: binary places of states and activities (24-bit states: range +-2^(23 - places)).
        message_bits: binary places of a message; fewer than ``fraction_bits`` clears the low ones.
        guard_bits: further places in which synaptic sums arrive, kept by the neuron.
        weight_bits: bits of a stored weight, sign included.
        rounding: ``nearest``, or ``stochastic`` (unbiased; a fresh seeded draw at every write).
        logistic: how the chip computes the logistic: ``table`` or ``pieces`` (seven straight pieces).
        variant: ``relaxation`` (our neuron) or ``sigma-delta`` (only Lava's SigmaDelta and Dense: ReLU, no damping,
            no guard bits; needs no new microcode).
        strict: a state that leaves 24 bits is an error instead of a count.
        seed: of the stochastic rounding.
        threads: samples are split over this many threads; the bits do not depend on it.

    Raises:
        InputError: a value outside its range.
    """

    threshold: float = 2.0**-14
    damping_shift: int = 1
    fraction_bits: int = 16
    message_bits: int = 16
    guard_bits: int = 4
    weight_bits: int = 8
    rounding: Literal["nearest", "stochastic"] = "nearest"
    logistic: Literal["table", "pieces"] = "table"
    variant: Literal["relaxation", "sigma-delta"] = "relaxation"
    strict: bool = False
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        for name, low, high in (
            ("threshold", 0, 1),
            ("damping_shift", 0, 7),
            ("fraction_bits", 8, 18),
            ("message_bits", 1, self.fraction_bits),
            ("guard_bits", 0, 7),
            ("weight_bits", 2, 8),
            ("threads", 1, 1024),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name} = {value!r}; expected {low} to {high}")
        for name, allowed in (
            ("rounding", ("nearest", "stochastic")),
            ("logistic", ("table", "pieces")),
            ("variant", ("relaxation", "sigma-delta")),
        ):
            if getattr(self, name) not in allowed:
                raise InputError(f"{name} = {getattr(self, name)!r}; expected {' or '.join(allowed)}")
        # A change that is sent must not lose all its bits.
        smallest = 1 << (self.fraction_bits - self.message_bits)
        if self.threshold_units < smallest:
            object.__setattr__(self, "threshold", smallest / self.one)
        if self.variant == "sigma-delta" and (self.damping_shift or self.guard_bits):
            raise InputError(
                "Lava's sigma-delta neuron has neither damping nor guard bits; set damping_shift=0 and guard_bits=0"
            )

    @property
    def one(self) -> int:
        """The integer that stands for 1.0."""
        return 1 << self.fraction_bits

    @property
    def threshold_units(self) -> int:
        return max(round(self.threshold * self.one), 1)
