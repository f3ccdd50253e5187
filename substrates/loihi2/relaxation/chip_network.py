"""A network in the chip's number format: what is stored on the cores, laid out for the kernel.

Forward and backward couplings are stored independently, so rounding alone makes B differ from W^T. The input's
couplings are kept apart: their sums are needed once per sample.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from hw_profiles.errors import InputError
from substrates.loihi2.neurons.relaxation import ACTIVATION_CODES, STATE_MAX, activation_table
from substrates.loihi2.relaxation.layout import Int8, Int32, Int64, Rules, Wiring
from substrates.loihi2.relaxation.settings import Loihi2Settings
from substrates.loihi2.relaxation.weights import LOWEST_EXPONENT, choose_exponent, quantise
from substrates.network import INPUT, Dense, Network
from substrates.seeds import stream

__all__ = ["ChipNetwork", "StoredCoupling", "check_network"]


@dataclass(frozen=True)
class StoredCoupling:
    """One coupling as stored: current = mantissas @ activity * 2^exponent."""

    source: int
    target: int
    mantissas: Int8  #: (target size, source size) int8
    exponent: int


def check_network(network: Network, settings: Loihi2Settings) -> tuple[str, ...]:
    """Name the chip's activation rule of every population, or say what it has no model for.

    Raises:
        InputError: an activation or a coupling without a model on the chip.
    """
    names = []
    for population in network.populations:
        name = population.activation
        if name == "logistic" and settings.logistic == "pieces":
            name = "logistic-pieces"
        if name not in ACTIVATION_CODES:
            raise InputError(
                f"population {population.name!r} has activation {name!r}, for which the chip has no neuron model; "
                "there are logistic, tanh, hard-sigmoid, relu (or use the target 'ideal' or 'analog')"
            )
        if settings.variant == "sigma-delta" and name != "relu":
            raise InputError(
                f"population {population.name!r} has activation {name!r}; Lava's sigma-delta neuron has only the ReLU: "
                "build the network with activation='relu', or use variant='relaxation'"
            )
        names.append(name)
    for coupling in network.couplings:
        if not isinstance(coupling, Dense):
            raise InputError(
                f"the chip's network has no model for a {type(coupling).__name__} coupling; it takes Dense ones"
            )
        if coupling.bias is not None and coupling.source != INPUT and coupling.target == INPUT:
            raise InputError("a coupling may not lead to the input")
    return tuple(names)


@dataclass
class ChipNetwork:
    """The stored network. ``write`` puts float parameters into it and says how many stored numbers changed."""

    network: Network
    settings: Loihi2Settings
    rules: Rules = field(init=False)
    couplings: list[StoredCoupling] = field(default_factory=list, init=False)
    bias: Int32 = field(init=False)  #: (neurons,)
    wiring: Wiring = field(init=False)
    writes: int = field(default=0, init=False)  #: how often parameters were written
    clipped: int = field(default=0, init=False)  #: biases outside the 24-bit range at the last write

    def __post_init__(self) -> None:
        names = check_network(self.network, self.settings)
        s = self.settings
        tables = [activation_table(name, s.fraction_bits) for name in names]
        longest = max(len(t) for t, _, _ in tables)
        count = len(names)
        sizes = [p.size for p in self.network.populations]
        self.rules = Rules(
            offset=np.array([0, *itertools.accumulate(sizes)], np.int64),
            kind=np.array([ACTIVATION_CODES[n] for n in names], np.int64),
            table=np.stack([np.pad(t, (0, longest - len(t)), mode="edge") for t, _, _ in tables]),
            low=np.array([low for _, low, _ in tables], np.int64),
            width=np.array([width for _, _, width in tables], np.int64),
            threshold=np.full(count, s.threshold_units, np.int64),
            message_shift=np.full(count, s.fraction_bits - s.message_bits, np.int64),
            guard_bits=s.guard_bits,
            damping=s.damping_shift,
            fraction_bits=s.fraction_bits,
        )

    @property
    def num_neurons(self) -> int:
        return int(self.rules.offset[-1])

    @property
    def input_couplings(self) -> list[StoredCoupling]:
        return [c for c in self.couplings if c.source == INPUT]

    @property
    def recurrent_couplings(self) -> list[StoredCoupling]:
        return [c for c in self.couplings if c.source != INPUT]

    def write(self) -> int:
        """Store the network's present parameters; return how many weights and biases changed.

        Raises:
            InputError: a parameter is NaN or infinite.
        """
        s = self.settings
        generator = stream(s.seed, "stochastic rounding", self.writes) if s.rounding == "stochastic" else None
        stored = []
        for coupling in self.network.couplings:
            weights = coupling.matrix.detach().cpu().numpy()
            exponent = choose_exponent(weights, s.weight_bits, LOWEST_EXPONENT - s.guard_bits)
            mantissas, _ = quantise(weights, exponent, s.weight_bits, generator)
            stored.append(StoredCoupling(coupling.source, coupling.target, mantissas, exponent))
        return self.store(stored, self._bias())

    def store(self, couplings: list[StoredCoupling], bias: Int32) -> int:
        """Store mantissas and biases as they are; return how many changed."""
        changed = sum(c.mantissas.size for c in couplings) + bias.size
        if self.couplings:
            changed = int(np.count_nonzero(bias != self.bias))
            for new, old in zip(couplings, self.couplings, strict=True):
                same = new.exponent == old.exponent
                changed += int(np.count_nonzero(new.mantissas != old.mantissas)) if same else new.mantissas.size
        self.couplings, self.bias = list(couplings), bias
        self.wiring = self._wire()
        self.writes += 1
        return changed

    def _bias(self) -> Int32:
        total = np.zeros(self.num_neurons)
        for coupling in self.network.couplings:
            if coupling.bias is not None:
                lo, hi = self.rules.offset[coupling.target], self.rules.offset[coupling.target + 1]
                total[lo:hi] += coupling.bias.detach().cpu().numpy()
        scaled = np.rint(total * self.settings.one)
        if not np.isfinite(scaled).all():
            raise InputError("a bias is NaN or infinite; the network diverged: lower the learning rate")
        # Lava's sigma-delta neuron has a bias of 16 bits, ours one of 24.
        limit = 2**15 - 1 if self.settings.variant == "sigma-delta" else STATE_MAX
        self.clipped = int(np.count_nonzero(np.abs(scaled) > limit))
        return np.clip(scaled, -limit, limit).astype(np.int32)

    def _wire(self) -> Wiring:
        recurrent = self.recurrent_couplings
        rows, start = [], [0]
        strides = []
        for c in recurrent:
            post, pre = c.mantissas.shape
            stride = -(-post // 16) * 16
            block = np.zeros((pre, stride), np.int8)
            block[:, :post] = c.mantissas.T
            rows.append(block.ravel())
            strides.append(stride)
            start.append(start[-1] + block.size)
        return Wiring(
            source=np.array([c.source for c in recurrent], np.int64),
            target=np.array([c.target for c in recurrent], np.int64),
            shift=np.array([-(c.exponent + self.settings.guard_bits) for c in recurrent], np.int64),
            start=np.array(start[:-1], np.int64),
            stride=np.array(strides, np.int64),
            weights=np.concatenate(rows) if rows else np.zeros(0, np.int8),
        )

    def accumulator(self) -> Int32 | Int64:
        """Scratch for one coupling's sums: 32 bits where the largest possible sum fits, 64 where it may not.

        A message is at most the range of the source's activity: 1 for clipped activations, 2 for tanh, a whole
        24-bit state for the ReLU.
        """
        worst = 0
        for c in self.recurrent_couplings:
            kind = self.rules.kind[c.source]
            largest = STATE_MAX if kind == ACTIVATION_CODES["relu"] else 2 * self.settings.one
            fan_in = int(np.abs(c.mantissas.astype(np.int32)).sum(axis=1).max(initial=0))
            worst = max(worst, fan_in * largest)
        stride = int(self.wiring.stride.max(initial=16))
        return np.zeros(stride, np.int32 if worst < 2**31 else np.int64)  # type: ignore[return-value]

    def input_current(self, inputs: Int64) -> tuple[Int32, Int64, int]:
        """What the input's messages add to every neuron's current.

        Args:
            inputs: (batch, input size), ``fraction_bits`` places.

        Returns:
            (currents (batch, neurons), messages per input neuron, states clipped). Sums are exact: products of 8-bit
            mantissas and 24-bit inputs stay below 2^53 for any fan-in that fits a chip.
        """
        current = np.zeros((inputs.shape[0], self.num_neurons), np.int64)
        values = inputs.astype(np.float64)
        for c in self.input_couplings:
            total = (values @ c.mantissas.T.astype(np.float64)).astype(np.int64)
            lo, hi = self.rules.offset[c.target], self.rules.offset[c.target + 1]
            current[:, lo:hi] += total >> -c.exponent if c.exponent < 0 else total << c.exponent
        clipped = int(np.count_nonzero(np.abs(current) > STATE_MAX))
        messages = np.count_nonzero(inputs, axis=0).astype(np.int64)
        return np.clip(current, -STATE_MAX, STATE_MAX).astype(np.int32), messages, clipped
