"""The relaxation neuron: it descends towards the equilibrium of its input and reports changes of its activity.

One time step, all numbers integers with ``fraction_bits`` binary places (16 unless said otherwise):

    current += a_in                     a_in carries ``guard_bits`` more places; the rest is kept in ``remainder``
    target   = current + bias
    u       += (target - u) / 2^damping rounded away from zero, so the equilibrium itself is reached
    v        = sigma(u)                 a table with linear interpolation, or straight pieces
    delta    = v - sent                 if |delta| >= threshold: send it, sent += delta

``current``, ``target`` and ``u`` are 24-bit and saturate at +-(2^23 - 1), as Lava's public LIF model does for its
voltage; every saturation is reported. ``sent`` is what the receivers know, so nothing drifts: what was not sent stays
in the difference. The guard bits keep the synapses' rounding (an arithmetic right shift per step and coupling) from
accumulating over the steps.

With ``guard_bits = damping = 0`` and the ReLU this is the arithmetic of Lava's fixed-point ``SigmaDelta`` (its
``residue`` is our ``v - sent`` of the step before). The rest is our specification: Intel's microcode is not public.

Every rule is one scalar function here; the engine, the batched kernel and the Lava model call these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from substrates.loihi2.neurons.base import OWN_MICROCODE, ChipModel, Int32, Neuron, per_neuron
from substrates.loihi2.widths import STATE_MAX, integer_in, saturate

__all__ = [
    "ACTIVATION_CODES",
    "FRACTION_BITS",
    "HARD",
    "LOGISTIC_PIECES",
    "RELU",
    "STATE_MAX",
    "TABLE",
    "Relaxation",
    "activate",
    "activation_table",
    "advance",
    "descend",
    "encode",
    "integrate",
    "relaxation_step",
    "saturate",
]

FRACTION_BITS = 16  #: binary places of states and activities

TABLE = 0  #: table with linear interpolation (logistic, tanh)
LOGISTIC_PIECES = 1  #: the logistic in seven straight pieces whose slopes are powers of two
HARD = 2  #: clip(u, 0, 1)
RELU = 3  #: max(u, 0)

#: name in ``ACTIVATION_CODES`` -> how the chip computes it
ACTIVATION_CODES = {
    "logistic": TABLE,
    "tanh": TABLE,
    "logistic-pieces": LOGISTIC_PIECES,
    "hard-sigmoid": HARD,
    "relu": RELU,
}

#: (function, centre of the table, half its range), both in units of u
_TABLES: dict[str, tuple[Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], float, float]] = {
    "logistic": (lambda u: 1.0 / (1.0 + np.exp(2.0 - 4.0 * u)), 0.5, 4.0),
    "tanh": (np.tanh, 0.0, 4.0),
}


def activation_table(
    name: str, fraction_bits: int = FRACTION_BITS, segment_bits: int = 10
) -> tuple[npt.NDArray[np.int32], int, int]:
    """Build the table of an activation: 2^segment_bits segments over 8 units of u.

    Args:
        name: a key of ``ACTIVATION_CODES``.
        fraction_bits: binary places of u and v.
        segment_bits: 10 gives an error of at most one unit in the last of 16 places.

    Returns:
        (table of 2^segment_bits + 1 values, u of its first entry, log2 of a segment's width); for an activation
        that needs no table, a table of one zero.

    Raises:
        InputError: the chip has no model for this activation.
    """
    if name not in ACTIVATION_CODES:
        raise InputError(
            f"the chip has no neuron with activation {name!r}; there are {', '.join(ACTIVATION_CODES)}: "
            "build the network with one of these, or use the target 'ideal' or 'analog'"
        )
    if name not in _TABLES:
        return np.zeros(1, np.int32), 0, 0
    function, centre, half = _TABLES[name]
    one = 1 << fraction_bits
    width = max(int(2 * half) * one >> segment_bits, 1).bit_length() - 1
    low = int((centre - half) * one)
    points = low + (np.arange((int(2 * half) * one >> width) + 1, dtype=np.int64) << width)
    values = np.rint(function(points / one) * one)
    return np.clip(values, 1 - one, one - 1).astype(np.int32), low, width


@njit(cache=True, inline="always")
def integrate(current: int, remainder: int, a_in: int, guard_bits: int) -> tuple[int, int]:
    """Add the synapses' sum (``guard_bits`` more places than ``current``); return (current, remainder)."""
    x = remainder + a_in
    return saturate(current + (x >> guard_bits)), x & ((1 << guard_bits) - 1)


@njit(cache=True, inline="always")
def descend(u: int, target: int, damping: int) -> int:
    """Move ``u`` by (target - u) / 2^damping, rounded away from zero: the rest position is the target itself."""
    gap = target - u
    if gap > 0:
        gap += (1 << damping) - 1
    return u + (gap >> damping)


@njit(cache=True, inline="always")
def activate(u: int, kind: int, table: npt.NDArray[np.int32], low: int, width: int, fraction_bits: int) -> int:
    """v = sigma(u) by the rule ``kind``; see ``activation_table`` for ``table``, ``low`` and ``width``."""
    one = 1 << fraction_bits
    if kind == TABLE:
        position = min(max(u - low, 0), ((table.shape[0] - 1) << width) - 1)
        i = position >> width
        return table[i] + (((table[i + 1] - table[i]) * (position & ((1 << width) - 1))) >> width)
    if kind == LOGISTIC_PIECES:
        z = (u << 2) - (one << 1)
        a = abs(z)
        if a >= 5 * one:
            v = one
        elif a >= (19 * one) >> 3:
            v = (a >> 5) + ((27 * one) >> 5)
        elif a >= one:
            v = (a >> 3) + ((5 * one) >> 3)
        else:
            v = (a >> 2) + (one >> 1)
        if z < 0:
            v = one - v
        return min(v, one - 1)
    if kind == HARD:
        return min(max(u, 0), one - 1)
    return max(u, 0)


@njit(cache=True, inline="always")
def encode(v: int, sent: int, threshold: int, message_shift: int) -> int:
    """The change to send: v - sent with its low ``message_shift`` bits cleared towards zero, or 0 for silence."""
    delta = v - sent
    size = abs(delta)
    if size < threshold:
        return 0
    size = (size >> message_shift) << message_shift
    return size if delta >= 0 else -size


@njit(cache=True)
def relaxation_step(
    state: tuple[int, int, int, int],
    a_in: int,
    bias: int,
    guard_bits: int,
    damping: int,
    kind: int,
    table: npt.NDArray[np.int32],
    low: int,
    width: int,
    fraction_bits: int,
    threshold: int,
    message_shift: int,
) -> tuple[tuple[int, int, int, int], int]:
    """One time step of one neuron, in the order above; the plain form of what the kernels do to whole populations.

    Args:
        state: (current, remainder, u, sent).
        a_in: the synapses' sum of this step, ``fraction_bits + guard_bits`` places, 24 bits.

    Returns:
        The new state, and the message (0 for none).
    """
    current, remainder, u, sent = state
    current, remainder = integrate(current, remainder, saturate(a_in), guard_bits)
    u = descend(u, saturate(current + bias), damping)
    message = encode(activate(u, kind, table, low, width, fraction_bits), sent, threshold, message_shift)
    return (current, remainder, u, sent + message), message


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One time step of a population; returns how many inputs, currents and targets saturated."""
    guard, damping, kind, low = parameters[0], parameters[1], parameters[2], parameters[3]
    width, fraction, threshold, message_shift = parameters[4], parameters[5], parameters[6], parameters[7]
    overflows = 0
    for i in range(a_in.shape[0]):
        received = saturate(np.int64(a_in[i]))
        before = state[0, i]
        whole = before + ((state[1, i] + received) >> guard)
        current, remainder = integrate(np.int64(before), np.int64(state[1, i]), received, guard)
        target = saturate(current + bias[i])
        u = descend(np.int64(state[2, i]), target, damping)
        v = activate(u, kind, table, low, width, fraction)
        message = encode(v, np.int64(state[3, i]), threshold, message_shift)
        overflows += int(received != a_in[i]) + int(current != whole) + int(target != current + bias[i])
        state[0, i], state[1, i], state[2, i] = current, remainder, u
        state[3, i] += message
        out[i] = message
    return overflows


@dataclass(frozen=True, eq=False)
class Relaxation(Neuron):
    """Parameters of a relaxation population.

    Args:
        activation: a key of ``ACTIVATION_CODES``.
        bias: constant current with ``fraction_bits`` places, one number or one per neuron.
        damping: the neuron moves by 1 / 2^damping of the gap each step, 0 to 7.
        threshold: smallest change that is sent, in the last of the ``fraction_bits`` places, at least 1.
        message_shift: low bits of a message that are not sent, 0 to 16; they stay in the difference.
        guard_bits: extra places of the synapses' sum, 0 to 7.
        fraction_bits: binary places of states and activities, 8 to 20.
        segment_bits: log2 of the number of segments of an activation table.
    """

    activation: str = "logistic"
    bias: Any = 0
    damping: int = 0
    threshold: int = 1
    message_shift: int = 0
    guard_bits: int = 0
    fraction_bits: int = FRACTION_BITS
    segment_bits: int = 10

    name: ClassVar[str] = "relaxation"
    variables: ClassVar[tuple[str, ...]] = ("current", "remainder", "u", "sent")
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = OWN_MICROCODE

    def __post_init__(self) -> None:
        for name, low, high in (("damping", 0, 7), ("threshold", 1, STATE_MAX), ("message_shift", 0, 16)):
            integer_in(name, getattr(self, name), low, high)
        for name, low, high in (("guard_bits", 0, 7), ("fraction_bits", 8, 20), ("segment_bits", 2, 14)):
            integer_in(name, getattr(self, name), low, high)
        if (1 << self.message_shift) > self.threshold:
            raise InputError(
                f"a threshold of {self.threshold} lets changes through that lose all their bits to message_shift "
                f"{self.message_shift}; the threshold must be at least {1 << self.message_shift}"
            )
        per_neuron("the bias", self.bias, np.size(self.bias))
        self._table()

    def _table(self) -> tuple[Int32, int, int]:
        return activation_table(self.activation, self.fraction_bits, self.segment_bits)

    def parameters(self) -> tuple[int, ...]:
        _, low, width = self._table()
        kind = ACTIVATION_CODES[self.activation]
        return (
            self.guard_bits, self.damping, kind, low, width,
            self.fraction_bits, self.threshold, self.message_shift,
        )  # fmt: skip

    def bias_values(self, n: int) -> Int32:
        return per_neuron("the bias", self.bias, n)

    def table(self) -> Int32:
        return self._table()[0]
