"""A NIR graph at a time step: populations, links, and the float64 run that everything quantised is held against.

    u <- keep_u u + sum of links + bias_u
    v <- keep_v v + u + bias_v
    spike and v <- 0 if v > threshold

Forward Euler of NIR's equations with a = dt / tau, in volts shifted by v_reset (so that the reset is 0). A spike is 1
for one step, the practice of the tools that write NIR; the format leaves it open.

| node | keep_u | keep_v | gain of the input | bias_v |
| --- | --- | --- | --- | --- |
| LIF, LI | 0 | 1 - a | R a | R a b + a (v_leak - v_reset) |
| IF, I | 0 | 1 | R | R b |
| CubaLIF, CubaLI | 1 - dt / tau_syn | 1 - a | w_in R a dt / tau_syn; b likewise, through u | a (v_leak - v_reset) |
| Threshold | 0 | 0 | 1 | b |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from substrates.loihi2.formats.nir_maps import ConvForm

__all__ = ["SOURCE", "FloatLayer", "FloatLink", "FloatNetwork"]

Float = npt.NDArray[np.float64]
SOURCE = "input"  #: what links call the input


@dataclass(frozen=True, eq=False)
class FloatLayer:
    """One population.

    Attributes:
        name, kind: of its node.
        shape: in NIR's order.
        keep_u, keep_v: what a step leaves of current and voltage.
        threshold: (n,), None for a read-out, which never spikes.
        bias_u, bias_v: (n,) added at every step.
        initial: (n,) voltage before the first step.
        depth: connections from the input to it, the longest way.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    keep_u: float
    keep_v: float
    threshold: Float | None
    bias_u: Float
    bias_v: Float
    initial: Float
    depth: int = 0

    @property
    def n(self) -> int:
        """Number of its neurons."""
        return prod(self.shape)


@dataclass(frozen=True, eq=False)
class FloatLink:
    """Weights (targets, sources) between two populations, the target's gain included.

    Attributes:
        delay: steps beyond the format's, (1, 1), (1, sources) or (targets, 1).
        lag: steps of the engine beyond its one, so that ways of different length meet in step.
        conv: the weights as a convolution without ``gain``, if they are one and the gain is the same for all.
    """

    source: str
    target: str
    weights: Any
    delay: npt.NDArray[np.int64]
    lag: int = 0
    conv: ConvForm | None = None
    gain: float = 1.0


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """A network of float64 numbers; ``layers`` in an order in which each follows what feeds it forward."""

    name: str
    dt: float
    input_shape: tuple[int, ...]
    layers: tuple[FloatLayer, ...]
    links: tuple[FloatLink, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def output(self) -> FloatLayer:
        """The read-out, or the layer whose spikes leave."""
        return self.layers[-1]

    def latency(self, link: FloatLink) -> int:
        """Steps of the format's own time that ``link`` takes, without its delays: 0 forward, 1 and more in a loop."""
        depth = {layer.name: layer.depth for layer in self.layers} | {SOURCE: 0}
        return 1 + link.lag + depth[link.source] - depth[link.target]

    def run(self, inputs: npt.ArrayLike) -> tuple[dict[str, Float], Float]:
        """Run ``inputs`` (samples, steps, n), all samples together.

        Returns:
            spikes (samples, steps, n) of every layer that spikes, and the last layer's voltage (samples, steps, n).
        """
        given = np.asarray(inputs, np.float64)
        samples, steps = given.shape[:2]
        history: dict[str, Float] = {SOURCE: given}
        for layer in self.layers:
            if layer.threshold is not None:
                history[layer.name] = np.zeros((samples, steps, layer.n))
        voltage = np.zeros((samples, steps, self.output.n))
        u = {layer.name: np.zeros((samples, layer.n)) for layer in self.layers}
        v = {layer.name: np.broadcast_to(layer.initial, (samples, layer.n)).copy() for layer in self.layers}
        into = {
            layer.name: [part for link in self.links if link.target == layer.name for part in self._parts(link)]
            for layer in self.layers
        }
        for t in range(steps):
            for layer in self.layers:
                name = layer.name
                current = layer.keep_u * u[name] + layer.bias_u
                for source, weights, late in into[name]:
                    if t >= late:
                        current = current + (weights @ history[source][:, t - late].T).T
                new = layer.keep_v * v[name] + current + layer.bias_v
                u[name] = current
                if layer.threshold is not None:
                    spikes = new > layer.threshold
                    history[name][:, t] = spikes
                    new = np.where(spikes, 0.0, new)
                v[name] = new
            voltage[:, t] = v[self.output.name]
        del history[SOURCE]
        return history, voltage

    def _parts(self, link: FloatLink) -> list[tuple[str, Any, int]]:
        """(source, weights, steps late) of a link, one per value of its delays."""
        first = self.latency(link)
        found = []
        for value in np.unique(link.delay):
            mask = link.delay == value
            weights = link.weights
            if not mask.all():
                weights = weights.multiply(mask).tocsr()
            found.append((link.source, weights, first + int(value)))
        return found

    def scores(self, inputs: npt.ArrayLike) -> Float:
        """(samples, n) what decides a class: spikes counted, or the last voltage of a read-out."""
        spikes, voltage = self.run(inputs)
        return voltage[:, -1] if self.output.threshold is None else spikes[self.output.name].sum(axis=1)
