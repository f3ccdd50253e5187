"""From float64 numbers to the chip's: one scale per population, eight bits per weight and an exponent per connection.

    a = S (units per volt),   state v = 64 S volts,   threshold = S v_thr,   weight = S w

S is as large as registers allow: 64 S times the largest current that the weights can make stays below 2^23 (a current
wraps), the threshold below 2^17. It is then lowered until the threshold is whole. Weights of both signs have the
mantissa 2 round(S w / 2^(e + 1)), of one sign round(S w / 2^e), with the least exponent e that holds the largest. With
``connections=2`` a second connection holds what the first leaves: 14 bits. A convolution has 8 bits, no exponent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf, log2, prod
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, issparse

from hw_profiles.errors import InputError
from substrates.loihi2.formats.network import ONE, ImportedNetwork, Layer, Link
from substrates.loihi2.formats.nir_float import SOURCE, FloatLayer, FloatLink, FloatNetwork
from substrates.loihi2.neurons.lif import LIF, NEVER
from substrates.loihi2.synapses import Conv, Dense, Sparse, Synapses
from substrates.loihi2.weights import SignMode
from substrates.loihi2.widths import (
    BIAS_MANTISSA_BITS,
    DECAY_UNITY,
    STATE_MAX,
    THRESHOLD_SHIFT,
    WEIGHT_MAX,
    WEIGHT_MIN,
)

__all__ = ["Fidelity", "quantise"]

Float = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
UNITS = 1 << THRESHOLD_SHIFT  #: of the state in one unit of the input
LARGEST_EXPONENT = 7
BIAS_MAX = 2 ** (BIAS_MANTISSA_BITS - 1) - 1
DENSE_FROM = 0.4  #: share of non-zero weights above which storing zeros takes less memory than storing places


@dataclass(frozen=True)
class Fidelity:
    """How true one population became.

    Attributes:
        name, kind: of the node.
        scale: units of input per volt.
        weights, threshold, bias, decay: largest error, relative to the largest weight (of any connection into it), the
            threshold, the largest bias, and 1; 0 is exact. None where there is none.
        room: share of the register of the current that the largest possible input fills; above 1 it may wrap.
    """

    name: str
    kind: str
    scale: float
    weights: float
    threshold: float | None
    bias: float
    decay: float
    room: float

    @property
    def exact(self) -> bool:
        """Nothing was rounded."""
        return max(self.weights, self.threshold or 0.0, self.bias, self.decay) < 1e-9


def quantise(
    network: FloatNetwork,
    *,
    connections: int = 1,
    graded_input: bool = False,
    scales: Mapping[str, float] | None = None,
) -> ImportedNetwork:
    """``network`` in the chip's integers.

    Args:
        connections: 1 (eight bits per weight) or 2 (fourteen).
        graded_input: the values of the input count; else each is a spike.
        scales: units per volt, by population, where they are not to be chosen.

    Raises:
        InputError: numbers that no scale brings into the registers.
    """
    if connections not in (1, 2):
        raise InputError(f"connections is 1 (eight bits) or 2 (fourteen), got {connections!r}")
    unknown = set(scales or {}) - {layer.name for layer in network.layers}
    if unknown:
        raise InputError(f"scales for {', '.join(sorted(unknown))}, which are no populations of {network.name}")
    layers, links, report = [], [], []
    orders = {layer.name: _order(layer.shape) for layer in network.layers} | {SOURCE: _order(network.input_shape)}
    for layer in network.layers:
        into = [link for link in network.links if link.target == layer.name]
        scale = (scales or {}).get(layer.name) or _scale(layer, into)
        made = _Population(layer, scale, connections)
        for link in into:
            graded = link.source == SOURCE and graded_input
            made.connect(link, orders[link.source], orders[layer.name], graded)
        made.flowing_bias(orders[layer.name])
        layers.append(made.layer(orders[layer.name]))
        links += made.links
        report.append(made.fidelity(into))
    return ImportedNetwork(
        network.name,
        network.input_shape,
        tuple(layers),
        links=tuple(links),
        notes=tuple(_notes(network, report)),
        input_order=orders[SOURCE],
        latency=network.output.depth,
        fidelity=tuple(report),
        reference=network,
    )


def _order(shape: tuple[int, ...]) -> Int64:
    """Which value of NIR's order each neuron of ours is: shapes are reversed, (channels, height, width) and back."""
    return np.arange(prod(shape), dtype=np.int64).reshape(shape).transpose().reshape(-1)


def _thresholds(layer: FloatLayer) -> Float:
    """Factor of every neuron's inputs, so that one threshold, the mean, serves all."""
    if layer.threshold is None:
        return np.ones(layer.n)
    factor: Float = layer.threshold.mean() / layer.threshold
    return factor


def _largest_current(layer: FloatLayer, into: list[FloatLink]) -> float:
    """The largest current that any neuron can have, in volts, if all sources send at every step."""
    total = np.abs(layer.bias_u) + sum((np.abs(link.weights).sum(axis=1) for link in into), np.zeros(layer.n))
    return float((total * _thresholds(layer)).max() / (1 - layer.keep_u if layer.keep_u < 1 else 1 / STATE_MAX))


def _scale(layer: FloatLayer, into: list[FloatLink]) -> float:
    """Units per volt."""
    factor = _thresholds(layer)
    tops = [float(np.abs(_rows(link.weights, factor).data).max(initial=0.0)) for link in into]
    top = max([*tops, float(np.abs(layer.bias_u * factor).max())])
    if top == 0:
        top = 1.0
    threshold = inf if layer.threshold is None else float(layer.threshold.mean())
    bias = float(np.abs(layer.bias_v * factor).max())
    most = min(
        (NEVER - 1) / threshold if threshold < inf else inf, BIAS_MAX * 2.0**LARGEST_EXPONENT / (UNITS * bias or 1e-300)
    )
    bound = _largest_current(layer, into)
    if layer.threshold is None and layer.keep_v < 1:
        bound = max(bound, (bound + bias) / (1 - layer.keep_v))
    room = STATE_MAX / UNITS / bound if bound else most
    if any(link.conv is not None for link in into):
        scale = WEIGHT_MAX / top
    else:
        fits = min(LARGEST_EXPONENT, int(np.floor(log2(room * top / (WEIGHT_MAX - 1)))) if 0 < room < inf else 0)
        scale = (WEIGHT_MAX - 1) / top * 2.0 ** max(fits, 0)
    scale = min(scale, most)
    if threshold < inf and scale * threshold >= 1:
        scale = np.floor(scale * threshold) / threshold
    return float(scale)


def _rows(weights: Any, factor: Float) -> Any:
    """``weights`` (targets, sources) with every row times its factor."""
    scaled = csr_array(weights)
    return csr_array(
        (scaled.data * np.repeat(factor, np.diff(scaled.indptr)), scaled.indices, scaled.indptr), scaled.shape
    )


def _mantissas(values: Float) -> tuple[Int64, int, SignMode]:
    """(mantissas, exponent, sign mode) nearest to ``values``."""
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    mode = SignMode.EXCITATORY if low >= 0 else SignMode.INHIBITORY if high <= 0 else SignMode.MIXED
    top = max(-low, high)
    if mode == SignMode.MIXED:  # -1: doubled, odd numbers are whole, and sums are even before they are halved
        fill = max(low / WEIGHT_MIN, high / (WEIGHT_MAX - 1)) * (1 - 1e-12)
        exponent = min(max(-1, ceil(log2(fill))), LARGEST_EXPONENT)
        mantissas = 2 * np.rint(values / 2.0 ** (exponent + 1))
        return np.clip(mantissas, WEIGHT_MIN, WEIGHT_MAX - 1).astype(np.int64), exponent, mode
    exponent = min(max(0, ceil(log2(top / WEIGHT_MAX * (1 - 1e-12))) if top else 0), LARGEST_EXPONENT)
    return np.clip(np.rint(values / 2.0**exponent), -WEIGHT_MAX, WEIGHT_MAX).astype(np.int64), exponent, mode


class _Population:
    """One population and what leads to it, in integers."""

    def __init__(self, layer: FloatLayer, scale: float, connections: int) -> None:
        self.float, self.scale, self.connections = layer, scale, connections
        self.factor = _thresholds(layer) * scale  #: units per volt of each neuron
        self.links: list[Link] = []
        self.weight_error = 0.0
        self.top = 0.0
        self.bias_error = 0.0

    def connect(self, link: FloatLink, from_order: Int64, to_order: Int64, graded: bool) -> None:
        """Add the connections of a link."""
        name, source = self.float.name, link.source
        kernel = self._kernel(link)
        if kernel is not None:
            assert link.conv is not None
            self._error(kernel, np.rint(kernel))
            channels, height, width = link.conv.input_shape
            synapses: Synapses = Conv(
                np.rint(kernel)[:, :, ::-1, ::-1].transpose(0, 3, 2, 1).astype(np.int64), (width, height, channels),
                stride=link.conv.stride[::-1], padding=link.conv.padding[::-1], dilation=link.conv.dilation[::-1],
                groups=link.conv.groups, graded=graded,
            )  # fmt: skip
            self.links.append(Link(source, name, synapses))
            return
        values = _rows(link.weights, self.factor)[to_order][:, from_order]
        delays = np.broadcast_to(link.delay + link.lag, values.shape)[np.ix_(to_order, from_order)] if (
            link.delay.size > 1
        ) else int(link.delay[0, 0]) + link.lag  # fmt: skip
        self._store(source, values, delays, graded)

    def flowing_bias(self, order: Int64) -> None:
        """The bias that enters through the current, from a source that sends 1 at every step."""
        if self.float.bias_u.any():
            self._store(ONE, csr_array((self.float.bias_u * self.factor)[order][:, None]), 0, False)

    def _store(self, source: str, values: Any, delays: Any, graded: bool) -> None:
        rest = values.copy()
        for k in range(self.connections):
            mantissas, exponent, mode = _mantissas(rest.data)
            stored = csr_array((mantissas, rest.indices, rest.indptr), rest.shape)
            if k and not mantissas.any():
                break
            self.links.append(Link(source, self.float.name, _synapses(stored, exponent, mode, delays, graded)))
            rest = csr_array((rest.data - mantissas * 2.0**exponent, rest.indices, rest.indptr), rest.shape)
        self._error(values.data, values.data - rest.data)

    def _kernel(self, link: FloatLink) -> Float | None:
        """The kernel in units, where it can stay a convolution: one factor per channel, eight bits."""
        if link.conv is None or self.connections > 1:
            return None
        channels = link.conv.kernel.shape[0]
        per_channel = self.factor.reshape(channels, -1)
        if np.ptp(per_channel, axis=1).max() > 1e-9 * per_channel.max():
            return None
        kernel: Float = link.conv.kernel * link.gain * per_channel[:, :1, None, None]
        return kernel if np.abs(kernel).max(initial=0) <= WEIGHT_MAX + 0.5 else None

    def _error(self, wanted: Float, got: Float) -> None:
        self.top = max(self.top, float(np.abs(wanted).max(initial=0)))
        self.weight_error = max(self.weight_error, float(np.abs(wanted - got).max(initial=0)))

    @property
    def _numbers(self) -> tuple[int, int, int]:
        """du, dv, vth"""
        layer = self.float
        du = round(DECAY_UNITY * (1 - layer.keep_u)) - 1
        dv = round(DECAY_UNITY * (1 - layer.keep_v))
        vth = NEVER
        if layer.threshold is not None:
            vth = round(self.scale * float(layer.threshold.mean()))
            if not 0 <= vth < NEVER:
                raise InputError(f"{layer.name}: with {self.scale:g} units per volt the threshold would be {vth}")
        return du, dv, vth

    def layer(self, order: Int64) -> Layer:
        """The population, in our order."""
        du, dv, vth = self._numbers
        wanted = (UNITS * self.factor * self.float.bias_v)[order]
        top = float(np.abs(wanted).max())
        exponent = min(max(0, ceil(log2(top / BIAS_MAX * (1 - 1e-12))) if top else 0), LARGEST_EXPONENT)
        mantissas = np.clip(np.rint(wanted / 2.0**exponent), -BIAS_MAX - 1, BIAS_MAX).astype(np.int64)
        self.bias_error = float(np.abs(wanted - mantissas * 2.0**exponent).max()) / (top or 1.0)
        exponents: Any = exponent
        if self.bias_error > 1e-9 and np.abs(wanted - np.rint(wanted)).max() < 1e-6:
            own = _own_exponents(np.rint(wanted).astype(np.int64))
            if own is not None:  # whole numbers of very different size: each with an exponent of its own
                mantissas, exponents, self.bias_error = *own, 0.0
        neuron = LIF(du=du, dv=dv, vth=vth, bias_mant=mantissas if mantissas.any() else 0, bias_exp=exponents)
        start = np.clip(np.rint((UNITS * self.factor * self.float.initial)[order]), -STATE_MAX, STATE_MAX)
        initial = {"v": start.astype(np.int32)} if start.any() else {}
        return Layer(self.float.name, self.float.kind, self.float.shape[::-1], neuron, initial=initial)

    def fidelity(self, into: list[FloatLink]) -> Fidelity:
        """What rounding did."""
        layer = self.float
        du, dv, vth = self._numbers
        threshold = None
        if layer.threshold is not None:
            exact = self.scale * float(layer.threshold.mean())
            threshold = abs(vth - exact) / exact
        decay = max(abs((du + 1) / DECAY_UNITY - (1 - layer.keep_u)), abs(dv / DECAY_UNITY - (1 - layer.keep_v)))
        room = self.scale * UNITS * _largest_current(layer, into) / STATE_MAX
        error = self.weight_error / (self.top or 1.0)
        return Fidelity(layer.name, layer.kind, self.scale, error, threshold, self.bias_error, decay, room)


def _own_exponents(values: Int64) -> tuple[Int64, Int64] | None:
    """Mantissas and exponents that make ``values``; None where some value has no such pair."""
    exponents = np.array([max(0, int(abs(v)).bit_length() - BIAS_MANTISSA_BITS + 1) for v in values])
    mantissas = values >> exponents
    exact = (mantissas << exponents == values).all() and exponents.max() <= LARGEST_EXPONENT
    return (mantissas, exponents) if exact else None


def _synapses(weights: Any, exponent: int, mode: SignMode, delays: Any, graded: bool) -> Synapses:
    assert issparse(weights)
    settings: dict[str, Any] = {"exponent": exponent, "sign_mode": mode, "graded": graded, "delays": delays}
    if weights.nnz >= DENSE_FROM * prod(weights.shape):
        return Dense(weights.toarray(), **settings)
    return Sparse(weights, **settings)


def _notes(network: FloatNetwork, report: list[Fidelity]) -> list[str]:
    notes = [*network.notes]
    if network.output.depth:
        notes.append(
            f"the output is {network.output.depth} steps late, one per connection; as many are run after the input"
        )
    biased = [layer.name for layer in network.layers if layer.depth > 1 and layer.bias_v.any()]
    if biased:
        notes.append(
            f"the biases of {', '.join(biased)} act from the first step on, before the first input arrives there"
        )
    tight = [f"{one.name} ({one.room:.1f} times)" for one in report if one.room > 1 and one.kind not in ("I", "sum")]
    if tight:
        notes.append(f"if everything sent at once currents could wrap in {', '.join(tight)}; overflows are counted")
    return notes
