"""Every fault of an analog chip, one parameter each, with its unit; zero always means "no such fault"."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from hw_profiles.errors import InputError
from hw_profiles.texts import shown

__all__ = ["ChipParameters"]

_COUNTS = {"levels", "adc_bits", "dac_bits", "nudge_bits"}
_SHARES = {"write_asymmetry"}
_SWITCHES = {"open_loop", "transposed_reads"}


@dataclass(frozen=True)
class ChipParameters:
    """What a kind of chip is like. An instance (`ChipInstance`) is one chip of that kind, drawn with a seed.

    Spreads are one-sigma. "Drawn once" faults belong to the chip and never change; "each write" and "each step"
    faults are new every time. Membranes u and activities v are in the network's own units (the logistic's
    activities run from 0 to 1).
    """

    # Neurons, drawn once
    gain_mismatch: float = 0.0  #: relative spread of each neuron's gain g in v = sigma(g u + o)
    offset_mismatch: float = 0.0  #: spread of each neuron's offset o, in membrane units
    time_constant_mismatch: float = 0.0  #: relative spread of each neuron's time constant

    # Conductances
    conductance_mismatch: float = 0.0  #: relative spread of each weight's realised value, drawn once
    programming_error: float = 0.0  #: error at each write, as a share of the largest weight
    levels: int = 0  #: conductance levels of one cell; a signed weight (a pair) has 2 levels - 1 values
    on_off_ratio: float = 0.0  #: largest over smallest conductance; a pair reaches w_max (1 - 1/ratio)
    weight_range: float = 0.0  #: largest weight w_max; 0 takes `range_headroom` times the largest at the first write
    range_headroom: float = 2.0  #: see `weight_range`; not a fault
    write_asymmetry: float = 0.0  #: 0 to 1; steps up shrink by 1 - a w/w_max and steps down by 1 + a w/w_max
    write_noise: float = 0.0  #: relative spread of each open-loop write step
    open_loop: bool = False  #: write increments blindly (training through the device) instead of write-and-verify

    # Time
    drift_exponent: float = 0.0  #: nu in w(t) = w (1 + t/t0)^-nu, mean over cells
    drift_spread: float = 0.0  #: relative spread of nu between cells, drawn once
    drift_time_s: float = 1.0  #: t0, seconds; not a fault

    # Noise, each step
    state_noise: float = 0.0  #: standard deviation of an uncoupled membrane's fluctuation, membrane units
    read_noise: float = 0.0  #: standard deviation of one cell's current, as a share of w_max times its activity...
    read_noise_proportional: float = 0.0  #: ... and as a share of that cell's own weight times its activity
    readout_noise: float = 0.0  #: standard deviation of one reading of an activity, activity units

    # Limits
    rail: float = 0.0  #: membranes cannot leave [-rail, rail]
    settling_time_s: float = 0.0  #: a phase is cut after this time, settled or not
    time_constant_s: float = 1e-7  #: membrane time constant tau, seconds; not a fault

    # Converters
    adc_bits: int = 0  #: of activities read out, over the activation's range
    dac_bits: int = 0  #: of inputs, over [-dac_range, dac_range]
    dac_range: float = 1.0  #: not a fault
    nudge_bits: int = 0  #: of the nudge current, over [-nudge_range, nudge_range]
    nudge_range: float = 1.0  #: membrane units; not a fault

    transposed_reads: bool = True  #: arrays can be read from the other side (the antisymmetric correction needs it)

    def __post_init__(self) -> None:
        wrong = []
        for name, value in dataclasses.asdict(self).items():
            if name in _SWITCHES:
                if not isinstance(value, bool):
                    wrong.append(f"{name}={shown(value)} (true or false)")
            elif isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e300:
                wrong.append(f"{name}={shown(value)} (a finite number, zero or more)")
            elif name in _COUNTS and (int(value) != value or (value > 32 and name != "levels") or value == 1):
                wrong.append(f"{name}={value!r} (0 for none, or a whole number from 2)")
            elif name in _SHARES and value > 1:
                wrong.append(f"{name}={value!r} (0 to 1)")
        if wrong:
            raise InputError("chip parameters out of range: " + "; ".join(wrong))
        if 0 < self.on_off_ratio <= 1:
            wrong.append(f"on_off_ratio={self.on_off_ratio!r} (0 for unlimited, or above 1)")
        for name in ("time_constant_s", "drift_time_s", "dac_range", "nudge_range", "range_headroom"):
            if not getattr(self, name) > 0:
                wrong.append(f"{name}={getattr(self, name)!r} (above 0)")
        if wrong:
            raise InputError("chip parameters out of range: " + "; ".join(wrong))

    @classmethod
    def ideal(cls) -> ChipParameters:
        """A chip without a fault."""
        return cls()

    @property
    def noisy(self) -> bool:
        """Whether two relaxations of the same input may differ."""
        return any((self.state_noise, self.read_noise, self.read_noise_proportional, self.readout_noise))

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str = "chip parameters") -> ChipParameters:
        """Raises InputError: names no chip parameter has, all listed at once."""
        if not isinstance(values, dict):
            raise InputError(f"{source}: expected parameters by name, got {shown(values)}")
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(str(name) for name in set(values) - known)
        if unknown:
            raise InputError(f"{source}: no parameter {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        return cls(**values)
