"""A program as a NIR graph: `to_nir`. Read back by `from_nir` it is the same integers.

Each population gets `SCALE` units per volt, a power of two, so that the graph's numbers are exact; time constants are
those of which forward Euler at ``dt`` makes the population's decays, and gains are 1. The graph's metadata say dt and
scales. The engine's one step per connection becomes NIR's none, so whatever arrives earlier in the engine than the
other ways into its layer has no counterpart and is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array

from hw_profiles.errors import InputError, TargetUnavailableError
from substrates.loihi2.formats.network import SOURCE, ImportedNetwork
from substrates.loihi2.formats.nir_populations import loop_timing
from substrates.loihi2.formats.nir_quantise import UNITS
from substrates.loihi2.neurons.lif import LIF, NEVER
from substrates.loihi2.program import Connection, Population, Program, Source
from substrates.loihi2.synapses import Conv, Dense, Direct, Sparse
from substrates.loihi2.widths import DECAY_UNITY

__all__ = ["SCALE", "to_nir"]

SCALE = 64.0  #: units per volt
Float = npt.NDArray[np.float64]


def to_nir(network: Program | ImportedNetwork, *, dt: float = 1e-4, output: str | None = None) -> Any:
    """``network`` as a ``nir.NIRGraph``; ``nir.write(path, graph)`` makes a file of it.

    Args:
        network: LIF populations (those that never spike become LI, CubaLI and I) behind one source.
        dt: seconds of a step.
        output: population that leads to the Output; the only one without successors, or the last, when None.

    Raises:
        InputError: neurons, states or timings without counterpart; all are named at once.
        TargetUnavailableError: the package ``nir`` is not installed.
    """
    try:
        import nir
    except ImportError:
        raise TargetUnavailableError("to_nir needs the package nir: pip install 'equipoise[nir]'") from None
    program, last = network, output
    if isinstance(network, ImportedNetwork):
        program, last = network.program(), output or network.output.name
    assert isinstance(program, Program)
    if not 0 < dt < np.inf:
        raise InputError(f"dt is a number of seconds above 0, got {dt!r}")
    if output is not None and output not in program.populations:
        raise InputError(f"no population {output!r}; there are {', '.join(program.populations)}")
    return _Writer(nir, program, dt, last or _last(program)).graph()


def _last(program: Program) -> str:
    senders = {c.source for c in program.connections if c.source != c.target}
    ends = [name for name in program.populations if name not in senders]
    return ends[0] if len(ends) == 1 else list(program.populations)[-1]


def _constant(source: Source) -> bool:
    """Whether a source sends 1 from its one neuron at every step: a bias."""
    return source.n == 1 and source.repeat and bool((np.diff(source.starts) == 1).all() and (source.values == 1).all())


class _Writer:
    """Collects nodes and edges."""

    def __init__(self, nir: Any, program: Program, dt: float, last: str) -> None:
        self.nir, self.program, self.dt, self.last = nir, program, dt, last
        self.problems: list[str] = []
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.ones = [name for name, source in program.sources.items() if _constant(source)]
        inputs = [name for name in program.sources if name not in self.ones]
        if len(inputs) != 1:
            raise InputError(f"a NIR graph has one Input, the program {len(inputs)} sources ({', '.join(inputs)})")
        self.input = inputs[0]
        self.shapes = self._shapes()

    def graph(self) -> Any:
        """The graph.

        Raises:
            InputError: names everything that has no counterpart.
        """
        nir = self.nir
        self.nodes[SOURCE] = nir.Input(input_type=np.array(self.shapes[self.input]))
        for name, population in self.program.populations.items():
            self._check(name, population)
        if self.problems:
            self._refuse()
        wired = [c for c in self.program.connections if c.source not in self.ones]
        ends = [(self._node(c.source), c.target) for c in wired]
        lags = loop_timing([SOURCE, *self.program.populations], ends, self.last)
        for name, population in self.program.populations.items():
            self.nodes[name] = self._neuron(name, population)
        offsets = self._offsets()
        for k, (connection, end) in enumerate(zip(wired, ends, strict=True)):
            self._connect(k, connection, lags[end], offsets.pop(connection.target, None))
        self.problems += [f"the bias of {name!r} has no connection to enter by" for name in offsets]
        if self.problems:
            self._refuse()
        self.nodes["output"] = nir.Output(output_type=np.array(self.shapes[self.last]))
        self.edges.append((self.last, "output"))
        graded = any(c.synapses.graded for c in wired if c.source == self.input)
        scales = dict.fromkeys(self.program.populations, SCALE)
        metadata = {"dt": self.dt, "graded_input": float(graded), "scales": scales}
        return nir.NIRGraph(nodes=self.nodes, edges=self.edges, metadata=metadata)

    def _refuse(self) -> None:
        raise InputError(f"this program has no NIR graph: {'; '.join(self.problems)}")

    def _node(self, name: str) -> str:
        return SOURCE if name == self.input else name

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes in NIR's order: (channels, height, width) at the ends of convolutions, else (n,)."""
        shapes: dict[str, tuple[int, ...]] = {}
        for connection in self.program.connections:
            if isinstance(connection.synapses, Conv):
                for name, shape in (
                    (connection.source, connection.synapses.input_shape),
                    (connection.target, connection.synapses.output_shape),
                ):
                    if shapes.setdefault(name, tuple(shape[::-1])) != tuple(shape[::-1]):
                        raise InputError(f"{name!r} has the shapes {shapes[name][::-1]} and {shape}; NIR knows one")
        return {name: shapes.get(name, (self.program.size(name),)) for name in self.program.names}

    def _order(self, name: str) -> npt.NDArray[np.int64]:
        """Which of NIR's values each neuron is."""
        shape = self.shapes[name]
        return np.arange(int(np.prod(shape))).reshape(shape).transpose().reshape(-1)

    def _nirs(self, name: str, values: npt.ArrayLike) -> Float:
        """Values per neuron, in NIR's order and shape."""
        n = self.program.size(name)
        found = np.empty(n)
        found[self._order(name)] = np.broadcast_to(np.asarray(values, np.float64), (n,))
        return found.reshape(self.shapes[name])

    def _check(self, name: str, population: Population) -> None:
        neuron = population.neuron
        if name in (SOURCE, "output") or "/" in name:
            self.problems.append(f"the name {name!r} is taken in NIR")
        if type(neuron) is not LIF:
            self.problems.append(f"{name!r} is {type(neuron).__name__} (nearest: LIF)")
            return
        if neuron.vth == 0:
            self.problems.append(f"{name!r} has threshold 0; NIR's is above the reset (nearest: 1)")
        if neuron.du == -1 or (neuron.du < DECAY_UNITY - 1 and neuron.dv == 0):
            self.problems.append(
                f"{name!r} has a current or, behind one, a voltage without decay (nearest: du = 0, dv = 1)"
            )
        if np.any(population.initial.get("u", 0)):
            self.problems.append(f"{name!r} begins with a current; NIR's begins at 0")

    def _neuron(self, name: str, population: Population) -> Any:
        neuron, nir, dt = population.neuron, self.nir, self.dt
        assert isinstance(neuron, LIF)
        state = SCALE * UNITS
        reset = -self._nirs(name, population.initial.get("v", 0)) / state
        ones = np.ones_like(reset)
        spikes = neuron.vth < NEVER
        ends = {"v_threshold": neuron.vth / SCALE * ones + reset, "v_reset": reset} if spikes else {}
        if not spikes and reset.any():
            self.problems.append(f"{name!r} never spikes and begins with a voltage; NIR's begins at 0")
        if neuron.dv == 0:  # its bias comes with a connection
            return nir.IF(r=ones, **ends) if spikes else nir.I(r=ones)
        a = neuron.dv / DECAY_UNITY
        leak = self._nirs(name, neuron.bias_values(population.n)) / state / a + reset
        if neuron.du == DECAY_UNITY - 1:
            kind = nir.LIF if spikes else nir.LI
            return kind(tau=dt / a * ones, r=ones / a, v_leak=leak, **ends)
        b = (neuron.du + 1) / DECAY_UNITY
        kind = nir.CubaLIF if spikes else nir.CubaLI
        return kind(tau_syn=dt / b * ones, tau_mem=dt / a * ones, r=ones / a, w_in=ones / b, v_leak=leak, **ends)

    def _offsets(self) -> dict[str, Float]:
        """What an Affine before each population has to add, flat in NIR's order."""
        offsets: dict[str, Float] = {}
        for name, population in self.program.populations.items():
            bias = population.neuron.bias_values(population.n)
            neuron = population.neuron
            if isinstance(neuron, LIF) and neuron.dv == 0 and bias.any():
                offsets[name] = self._nirs(name, bias).reshape(-1) / (SCALE * UNITS)
        for connection in self.program.connections:
            if connection.source in self.ones:
                neuron = self.program.populations[connection.target].neuron
                if getattr(neuron, "du", 0) == DECAY_UNITY - 1:
                    self.problems.append(
                        f"the constant source of {connection.target!r} starts a step late; use its bias"
                    )
                column = np.asarray(self._weights(connection).todense()).reshape(-1) / SCALE
                flat = self._nirs(connection.target, column).reshape(-1)
                offsets[connection.target] = offsets.get(connection.target, np.zeros(flat.size)) + flat
        return offsets

    def _weights(self, connection: Connection) -> Any:
        """What synapses multiply by: mantissas times 2^exponent, (targets, sources)."""
        synapses = connection.synapses
        if isinstance(synapses, Dense):
            mantissas = csc_array(synapses.weights.astype(np.float64))
        else:
            assert isinstance(synapses, Sparse)
            parts = (synapses.values.astype(np.float64), synapses.indices, synapses.indptr)
            mantissas = csc_array(parts, shape=synapses.shape)
        weights = mantissas * 2.0**synapses.exponent
        if (weights.data != np.rint(weights.data)).any():
            self.problems.append(
                f"{connection.name} rounds its sums (exponent {synapses.exponent}); NIR rounds nothing (nearest: 0)"
            )
        return weights

    def _connect(self, k: int, connection: Connection, lag: int, offset: Float | None) -> None:
        source, target, synapses = self._node(connection.source), connection.target, connection.synapses
        chain: list[tuple[str, Any]] = []
        delays = self._delays(connection, lag)
        if delays is not None and delays.any():
            chain.append((f"delay{k}", self.nir.Delay(delay=delays)))
        make = _MAKERS.get(type(synapses))
        if make is None:
            self.problems.append(f"{connection.name} is {type(synapses).__name__} (nearest: Dense)")
            return
        chain += make(self, k, connection, offset)
        before = source
        for name, node in chain:
            self.nodes[name] = node
            self.edges.append((before, name))
            before = name
        self.edges.append((before, target))

    def _delays(self, connection: Connection, lag: int) -> Float | None:
        """Seconds per neuron of the source, in NIR's shape."""
        synapses = connection.synapses
        per_source = np.zeros(synapses.shape[1])
        delays = getattr(synapses, "delays", None)
        if delays is not None and isinstance(synapses, Dense):
            per_source = delays[0].astype(np.float64)
            mixed = bool((delays != delays[:1]).any())
        elif delays is not None and isinstance(synapses, Sparse):
            column = np.repeat(np.arange(synapses.shape[1]), np.diff(synapses.indptr))
            per_source[column] = delays
            mixed = bool((per_source[column] != delays).any())
        else:
            mixed = False
        if mixed:
            self.problems.append(f"{connection.name} has delays per synapse; NIR's are per neuron")
            return None
        if (per_source < lag).any():
            self.problems.append(
                f"{connection.name} arrives {lag} steps before other ways into {connection.target!r}; NIR's "
                f"connections take no step (nearest: a delay of {lag})"
            )
            return None
        name = connection.source
        return self._nirs(name, (per_source - lag) * self.dt)

    def _linear(self, k: int, connection: Connection, offset: Float | None) -> list[tuple[str, Any]]:
        chain: list[tuple[str, Any]] = []
        if len(self.shapes[connection.source]) > 1:
            shape = {"input": np.array(self.shapes[connection.source])}
            chain.append((f"flatten{k}", self.nir.Flatten(input_type=shape, start_dim=0)))
        if len(self.shapes[connection.target]) > 1:
            self.problems.append(f"{connection.name} leads from a list to an image; NIR has no node that unfolds")
            return chain
        order = self._order(connection.source)
        weights = np.empty(connection.synapses.shape)
        weights[:, order] = self._weights(connection).toarray() / SCALE
        if offset is None:
            return [*chain, (f"linear{k}", self.nir.Linear(weight=weights))]
        return [*chain, (f"affine{k}", self.nir.Affine(weight=weights, bias=offset))]

    def _conv(self, k: int, connection: Connection, offset: Float | None) -> list[tuple[str, Any]]:
        conv = connection.synapses
        assert isinstance(conv, Conv)
        kernel = conv.weights.transpose(0, 3, 2, 1)[:, :, ::-1, ::-1] / SCALE
        bias = np.zeros(kernel.shape[0])
        if offset is not None:
            rows = offset.reshape(kernel.shape[0], -1)
            bias = rows[:, 0].copy()
            if np.ptp(rows, axis=1).any():
                self.problems.append(f"the bias of {connection.target!r} differs within a channel")
        node = self.nir.Conv2d(
            input_shape=np.array(conv.input_shape[1::-1]), weight=kernel, bias=bias, groups=conv.groups,
            stride=np.array(conv.stride[::-1]), padding=np.array(conv.padding[::-1]),
            dilation=np.array(conv.dilation[::-1]),
        )  # fmt: skip
        return [(f"conv{k}", node)]

    def _one(self, k: int, connection: Connection, offset: Float | None) -> list[tuple[str, Any]]:
        self.problems.append(
            f"{connection.name} enters in the step in which it is sent; connections of NIR graphs do not"
        )
        return []


_MAKERS: dict[type, Callable[[_Writer, int, Connection, Float | None], list[tuple[str, Any]]]] = {
    Dense: _Writer._linear,
    Sparse: _Writer._linear,
    Conv: _Writer._conv,
    Direct: _Writer._one,
}
